"""Credentials: where they come from, and that they never show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest
from ingestion_server import CANARY, EMAIL, ENVIRON, KEY, PASSWORD, everything_said
from moto import mock_aws

from ingestion import credentials
from lakehouse import settings
from lakehouse.errors import ConfigurationError, CredentialsError, LakeError

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-south-2"
PLAIN = settings.load({})
STORED = settings.load({}, secret_id="lake/sources")  # noqa: S106  a name


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS account that moto makes up."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


def store(text: str) -> None:
    """Put the secret there."""
    boto3.client("secretsmanager").create_secret(Name="lake/sources", SecretString=text)


def test_from_the_environment() -> None:
    """What the environment has is taken from it."""
    account = credentials.emt(PLAIN, ENVIRON)
    assert (account.email.reveal(), account.password.reveal()) == (EMAIL, PASSWORD)
    assert credentials.weatherapi(PLAIN, ENVIRON).reveal() == KEY


@pytest.mark.parametrize(
    "name", ["EMT_EMAIL", "EMT_PASSWORD", "WEATHERAPI_KEY", "OPENWEATHER_API_KEY"]
)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_what_is_missing_is_named(name: str, value: str | None) -> None:
    """A missing, empty or blank variable is named, with exit code 77."""
    environ = {**ENVIRON, name: value} if value is not None else {**ENVIRON}
    if value is None:
        del environ[name]
    by_key = {
        "WEATHERAPI_KEY": credentials.weatherapi,
        "OPENWEATHER_API_KEY": credentials.openweather,
    }
    ask = by_key.get(name, credentials.emt)
    with pytest.raises(CredentialsError, match=f"^{name} ") as caught:
        ask(PLAIN, environ)  # type: ignore[arg-type]
    assert caught.value.exit_code == 77
    assert CANARY not in everything_said(caught.value)


def test_blanks_around_a_value_are_dropped() -> None:
    """A line break that came with the value, as from a file, is no part of it."""
    environ = {"WEATHERAPI_KEY": f" {KEY}\n"}
    assert credentials.weatherapi(PLAIN, environ).reveal() == KEY


def test_a_line_break_inside_is_refused() -> None:
    """A value that would end a header early is refused without being shown."""
    environ = {**ENVIRON, "EMT_PASSWORD": f"{CANARY}\r\nX: y"}
    with pytest.raises(CredentialsError, match="EMT_PASSWORD") as caught:
        credentials.emt(PLAIN, environ)
    assert CANARY not in everything_said(caught.value)


@pytest.mark.usefixtures("aws")
def test_from_the_secret_store() -> None:
    """What the environment lacks comes from the secret that the setting names."""
    store(json.dumps({"EMT_EMAIL": "kept@example.org", "EMT_PASSWORD": PASSWORD, "other": "x"}))
    account = credentials.emt(STORED, {"EMT_EMAIL": EMAIL})
    assert (account.email.reveal(), account.password.reveal()) == (EMAIL, PASSWORD)


@pytest.mark.usefixtures("aws")
def test_the_environment_alone_is_enough() -> None:
    """A complete environment does not ask AWS."""
    assert credentials.weatherapi(STORED, ENVIRON).reveal() == KEY


@pytest.mark.usefixtures("aws")
def test_the_secret_lacks_a_name() -> None:
    """A name that the secret doesn't hold either is named, with the secret."""
    store(json.dumps({"EMT_EMAIL": EMAIL}))
    with pytest.raises(CredentialsError, match=r"EMT_PASSWORD .*lake/sources") as caught:
        credentials.emt(STORED, {})
    assert "put-secret-value --secret-id lake/sources" in caught.value.next_command


@pytest.mark.usefixtures("aws")
def test_no_such_secret() -> None:
    """A secret that does not exist is a matter of credentials."""
    with pytest.raises(CredentialsError, match="lake/sources: ResourceNotFoundException"):
        credentials.emt(STORED, {})


@pytest.mark.usefixtures("aws")
def test_a_secret_without_a_value() -> None:
    """As Terraform leaves it: the error says how to put a value in."""
    boto3.client("secretsmanager").create_secret(Name="lake/sources")
    with pytest.raises(CredentialsError, match="has no value yet") as caught:
        credentials.weatherapi(STORED, {})
    assert "put-secret-value --secret-id lake/sources" in caught.value.next_command


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("text", [f"{CANARY}", f'["{CANARY}"]', f'{{"a": ["{CANARY}"]}}'])
def test_a_secret_of_another_shape(text: str) -> None:
    """A secret that is no object of texts is refused, and not shown."""
    store(text)
    with pytest.raises(LakeError) as caught:
        credentials.emt(STORED, {})
    assert isinstance(caught.value, (ConfigurationError, CredentialsError))
    assert CANARY not in everything_said(caught.value)
