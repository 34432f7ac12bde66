"""Settings: environment, overrides, and values that would give a wrong number later."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from lakehouse import settings
from lakehouse.errors import ConfigurationError


def test_defaults_are_the_issues() -> None:
    """Without an environment the figures are the documented ones."""
    found = settings.load({})
    assert (found.delay_ratio_thresh, found.wx_recent_minutes) == (1.30, 60)
    assert (found.weather_location, found.time_zone) == ("madrid", "Europe/Madrid")
    assert found.root == Path(".lake").absolute()


def test_every_setting_is_a_variable_too() -> None:
    """Each field can be set by LAKE_ and its name, and keeps its type."""
    texts = {"str": "local", "int": "7", "float": "7.5"}  # "local" is a folder's name too
    for field in fields(settings.Settings):
        found = settings.load({"LAKE_" + field.name.upper(): texts[str(field.type)]})
        value = getattr(found, field.name)
        assert str(value) == texts[str(field.type)]
        assert type(value).__name__ == field.type


def test_an_override_wins() -> None:
    """An argument wins over the environment, None does not; empty text is not set."""
    environ = {"LAKE_HOME": "env", "LAKE_PREFIX": "", "LAKE_WX_RECENT_MINUTES": "5"}
    found = settings.load(environ, home="argument", wx_recent_minutes=None)
    assert (found.home, found.prefix, found.wx_recent_minutes) == ("argument", "", 5)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("LAKE_PLACE", "moon"),
        ("LAKE_DELAY_RATIO_THRESH", "0"),
        ("LAKE_DELAY_RATIO_THRESH", "-1"),
        ("LAKE_DELAY_RATIO_THRESH", "nan"),
        ("LAKE_DELAY_RATIO_THRESH", "much"),
        ("LAKE_WX_RECENT_MINUTES", "-1"),
        ("LAKE_WX_RECENT_MINUTES", "1.5"),
        ("LAKE_WEATHER_LOCATION", "  "),
        ("LAKE_SPARK_CORES", "two"),
    ],
)
def test_wrong_values_are_refused(name: str, text: str) -> None:
    """A wrong value is named with its variable, before anything is computed."""
    with pytest.raises(ConfigurationError, match=name):
        settings.load({name: text})


def test_the_window_may_be_nothing() -> None:
    """0 minutes is a window: only an observation of that very instant counts."""
    assert settings.load({"LAKE_WX_RECENT_MINUTES": "0"}).wx_recent_minutes == 0


@pytest.mark.parametrize(
    ("place", "home"), [("local", "s3://bucket"), ("aws", ".lake"), ("emulated", ".lake")]
)
def test_a_home_of_another_place_is_refused(place: str, home: str) -> None:
    """A folder is local, a bucket is not: neither is taken for the other."""
    with pytest.raises(ConfigurationError, match="LAKE_HOME"):
        settings.load({"LAKE_PLACE": place, "LAKE_HOME": home})


def test_a_lake_in_a_bucket_has_no_folder() -> None:
    """It has a URI; what needs a folder says so."""
    environ = {"LAKE_PLACE": "aws", "LAKE_HOME": "s3://bucket/", "AWS_REGION": "eu-west-1"}
    found = settings.load(environ)
    assert (found.uri, found.region) == ("s3://bucket", "eu-west-1")
    with pytest.raises(ConfigurationError, match="only the local place"):
        _ = found.root
