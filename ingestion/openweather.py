"""OpenWeather: the weather now of the lake's cities, as answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingestion.bronze import Record
from ingestion.http import Client, Limits
from lakehouse.errors import BadInputError, CredentialsError, LakeError, UpstreamError

if TYPE_CHECKING:
    from ingestion.cities import City
    from ingestion.clock import Clock
    from ingestion.credentials import Secret
    from ingestion.http import Reply

_CURRENT = "/data/2.5/weather"
# The language changes the words of the condition only.
_WAY = {"units": "metric", "lang": "es"}
_OK, _BAD_ASKING, _KEY_REFUSED, _NOT_FOUND, _TOO_MANY = 200, 400, 401, 404, 429


class OpenWeatherClient:
    """The call the lake needs."""

    def __init__(
        self, base_url: str, key: Secret, *, clock: Clock, limits: Limits | None = None
    ) -> None:
        """Raise ConfigurationError for a base URL that a key must not be sent to."""
        self._key = key.reveal()
        self._http = Client(base_url, clock=clock, secrets=(self._key,), limits=limits or Limits())

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def current(self, city: City) -> Record:
        """The newest observation of a city; what was asked says which, the answer may not."""
        asked = {**city.asked, **_WAY}
        reply = self._http.call("GET", _CURRENT, params={**asked, "appid": self._key})
        payload = reply.payload if isinstance(reply.payload, dict) else {}
        whole = isinstance(payload.get("main"), dict) and payload.get("dt") is not None
        if reply.status == _OK and _code(payload, reply) == _OK and whole:
            request = {"method": "GET", "url": _CURRENT, "city": city.name, **city.told, **_WAY}
            return Record(payload=payload, request=request)
        raise self._refusal(city, reply, payload)

    def _refusal(self, city: City, reply: Reply, payload: dict[str, Any]) -> LakeError:
        code = _code(payload, reply)
        said = self._http.masked(str(payload.get("message") or reply.sample))
        if code == _KEY_REFUSED:
            return CredentialsError(
                f"OpenWeather refuses the key (code {code}): {said}",
                next_command="check OPENWEATHER_API_KEY; a new key works after about two hours",
            )
        if code in (_BAD_ASKING, _NOT_FOUND):
            asked = "&".join(f"{key}={value}" for key, value in city.asked.items())
            return BadInputError(
                f"OpenWeather finds no city {city.name} ({asked}; code {code}): {said}",
                next_command="mend LAKE_OPENWEATHER_CITIES",
            )
        if code == _TOO_MANY:
            return UpstreamError(
                f"OpenWeather's limit of calls is reached (code {code}): {said}",
                next_command="the same command later",
            )
        return UpstreamError(
            f"OpenWeather answers {city.name} with HTTP {reply.status}, code {code}: {said}",
            next_command="the same command later",
        )


def _code(payload: dict[str, Any], reply: Reply) -> int:
    """The answer's `cod`, a number or a text; where it has none, HTTP's."""
    told = str(payload.get("cod", ""))
    return int(told) if told.isascii() and told.isdigit() else reply.status
