"""WeatherAPI's client: its errors, and what is remembered of each call."""

from __future__ import annotations

import logging
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from ingestion_server import (
    CANARY,
    ENVIRON,
    KEY,
    CountingClock,
    Provider,
    Say,
    everything_said,
    js,
    serving,
)

from ingestion import credentials
from ingestion.weatherapi import WeatherApiClient
from lakehouse import settings
from lakehouse.errors import (
    BadInputError,
    CredentialsError,
    LakeError,
    UpstreamError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = credentials.weatherapi(settings.load({}), ENVIRON)
NOW = {"location": {"name": "Madrid"}, "current": {"temp_c": 23, "uv": 0.0}}
THEN = {"location": {"name": "Madrid"}, "forecast": {"forecastday": [{"hour": []}]}}


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider without a word yet."""
    with serving() as found:
        yield found


@pytest.fixture
def client(provider: Provider) -> Iterator[WeatherApiClient]:
    """The client under test."""
    found = WeatherApiClient(provider.url, SECRET, clock=CountingClock())
    yield found
    found.close()


def refusal(code: Any, status: int) -> Say:
    """An error of WeatherAPI that repeats the key."""
    return js({"error": {"code": code, "message": f"API key {KEY} is not good"}}, status=status)


def test_current_as_answered(provider: Provider, client: WeatherApiClient) -> None:
    """The payload is the reply; the request tells the place, never the key."""
    provider.say(js(NOW))
    record = client.current("Alcalá de Henares")
    assert record.payload == NOW
    asked = {"method": "GET", "url": "/v1/current.json", "q": "Alcalá de Henares"}
    assert record.request == asked
    assert provider.asked[0].query == f"key={KEY}&q=Alcal%C3%A1+de+Henares&aqi=yes"


def test_history_as_answered(provider: Provider, client: WeatherApiClient) -> None:
    """History tells place and day."""
    provider.say(js(THEN))
    record = client.history("madrid", date(2025, 8, 26))
    assert record.payload == THEN
    assert record.request == {
        "method": "GET",
        "url": "/v1/history.json",
        "q": "madrid",
        "day": "2025-08-26",
    }
    assert "dt=2025-08-26" in provider.asked[0].query


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (1002, 401, CredentialsError),
        (2006, 401, CredentialsError),
        (2007, 403, CredentialsError),
        (2008, 403, CredentialsError),
        (2009, 403, CredentialsError),
        (1006, 400, BadInputError),
        (1003, 400, UsageError),
        (1005, 400, UsageError),
        (9999, 400, UpstreamError),
        (None, 400, UpstreamError),
        (2007, 200, CredentialsError),
    ],
)
def test_each_error_has_its_meaning(
    provider: Provider,
    client: WeatherApiClient,
    caplog: pytest.LogCaptureFixture,
    code: int | None,
    status: int,
    kind: type[LakeError],
) -> None:
    """The code decides, not the status; exactly one call; the key is nowhere."""
    caplog.set_level(logging.DEBUG)
    provider.always(refusal(code, status))
    with pytest.raises(LakeError) as caught:
        client.current("madrid")
    assert type(caught.value) is kind
    assert len(provider.asked) == 1
    assert CANARY not in everything_said(caught.value)
    assert CANARY not in caplog.text


def test_an_error_beside_an_observation(provider: Provider, client: WeatherApiClient) -> None:
    """A reply that names an error is none, whatever else it holds."""
    provider.say(js({**NOW, "error": {"code": 2008, "message": "disabled"}}))
    with pytest.raises(CredentialsError, match="disabled"):
        client.current("madrid")


def test_the_quota_says_so(provider: Provider, client: WeatherApiClient) -> None:
    """2007 is named as the quota."""
    provider.say(refusal(2007, 403))
    with pytest.raises(CredentialsError, match="quota"):
        client.current("madrid")


@pytest.mark.parametrize("payload", [[], {}, {"location": {}}, {**NOW, "current": None}, THEN])
def test_what_is_no_observation(provider: Provider, client: WeatherApiClient, payload: Any) -> None:
    """A reply without place or observation is an error, not a payload."""
    provider.say(js(payload))
    with pytest.raises(UpstreamError, match="HTTP 200"):
        client.current("madrid")


def test_the_key_is_not_shown() -> None:
    """Neither the secret nor a container of it shows the key."""
    assert CANARY not in f"{SECRET!r} {SECRET} {[SECRET]} {vars(type(SECRET))}"
    assert SECRET.reveal() == KEY
