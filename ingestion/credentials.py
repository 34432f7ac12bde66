"""The sources' credentials, from the environment or from AWS Secrets Manager; never shown."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.errors import ConfigurationError, CredentialsError, LakeError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakehouse.settings import Settings

EMT_NAMES = ("EMT_EMAIL", "EMT_PASSWORD")
WEATHERAPI_NAMES = ("WEATHERAPI_KEY",)
OPENWEATHER_NAMES = ("OPENWEATHER_API_KEY",)
# What the store says of a secret without a value, too: Terraform makes one, and puts none in.
_EMPTY = "ResourceNotFoundException"


class Secret:
    """A text that shows itself to nobody who does not ask for it by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"


@dataclass(frozen=True)
class EmtAccount:
    """A registered user of EMT MobilityLabs."""

    email: Secret
    password: Secret


def emt(settings: Settings, environ: Mapping[str, str] | None = None) -> EmtAccount:
    """EMT's account. Raises CredentialsError naming what is missing."""
    found = _find(EMT_NAMES, settings, environ)
    return EmtAccount(*(found[name] for name in EMT_NAMES))


def weatherapi(settings: Settings, environ: Mapping[str, str] | None = None) -> Secret:
    """WeatherAPI's key. Raises CredentialsError naming what is missing."""
    return _find(WEATHERAPI_NAMES, settings, environ)[WEATHERAPI_NAMES[0]]


def openweather(settings: Settings, environ: Mapping[str, str] | None = None) -> Secret:
    """OpenWeather's key. Raises CredentialsError naming what is missing."""
    return _find(OPENWEATHER_NAMES, settings, environ)[OPENWEATHER_NAMES[0]]


def _find(
    names: tuple[str, ...], settings: Settings, environ: Mapping[str, str] | None
) -> dict[str, Secret]:
    """Each name from the environment, and what is not there from the secret store."""
    environ = os.environ if environ is None else environ
    known = {name: text for name in names if (text := environ.get(name, "").strip())}
    if settings.secret_id and len(known) < len(names):
        stored = {name: text.strip() for name, text in _stored(settings).items()}
        known = {**stored, **known}
    missing = [name for name in names if not known.get(name)]
    if missing:
        place = f"or in the secret {settings.secret_id}" if settings.secret_id else ""
        text = f"{' and '.join(missing)} not set in the environment {place}".rstrip()
        put = _put(settings.secret_id) if settings.secret_id else f"export {missing[0]}=…"
        raise CredentialsError(text, next_command=put)
    for name in names:
        if not known[name].isprintable():  # it would end a header early
            raise CredentialsError(f"{name} holds a line break or another invisible character")
    return {name: Secret(known[name]) for name in names}


def stored(secret_id: str, *, endpoint: str = "", region: str = "") -> Secret:
    """The text of a secret of the store. Raises CredentialsError if it can't be had."""
    text, failed = _fetch(secret_id, endpoint, region)
    if failed:
        raise failed  # here, not below: its cause would show more than its text
    return Secret(text)


def _put(secret_id: str) -> str:
    return f"aws secretsmanager put-secret-value --secret-id {secret_id} --secret-string file://…"


def _stored(settings: Settings) -> dict[str, str]:
    """The secret's JSON object of texts."""
    secret_id = settings.secret_id
    text = stored(secret_id, endpoint=settings.endpoint, region=settings.region).reveal()
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        # No word of what it holds instead.
        raise ConfigurationError(f"the secret {secret_id} is no JSON object of texts")
    return found


def _fetch(secret_id: str, endpoint: str, region: str) -> tuple[str, LakeError | None]:
    import boto3  # noqa: PLC0415  heavy
    from botocore import exceptions as aws  # noqa: PLC0415

    try:
        client = boto3.client(
            "secretsmanager", endpoint_url=endpoint or None, region_name=region or None
        )
        return client.get_secret_value(SecretId=secret_id).get("SecretString") or "", None
    except aws.ClientError as error:
        code = error.response["Error"]["Code"]
        if code == _EMPTY:
            text = f"the secret {secret_id}: {code}: it has no value yet, or is not there"
            return "", CredentialsError(text, next_command=_put(secret_id))
        return "", CredentialsError(f"the secret {secret_id}: {code}")
    except aws.NoCredentialsError as error:
        return "", CredentialsError(f"the secret {secret_id}: {error}")
    except aws.NoRegionError as error:
        return "", ConfigurationError(f"{error}", next_command="export AWS_REGION=eu-south-2")
    except aws.BotoCoreError as error:
        return "", UpstreamError(f"the secret {secret_id}: {error}")
