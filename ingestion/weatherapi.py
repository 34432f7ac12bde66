"""WeatherAPI.com: the weather now, and the hours of a past day, as answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingestion.bronze import Record
from ingestion.http import Client, Limits
from lakehouse.errors import BadInputError, CredentialsError, LakeError, UpstreamError, UsageError

if TYPE_CHECKING:
    from datetime import date

    from ingestion.clock import Clock
    from ingestion.credentials import Secret
    from ingestion.http import Reply

_CURRENT, _HISTORY = "/v1/current.json", "/v1/history.json"
_KEY_REFUSED = {
    1002: "no key was sent",
    2006: "the key is unknown",
    2008: "the key is disabled",
    2009: "the key's plan has no access to this",
}
_QUOTA = 2007
_NO_PLACE, _NO_QUESTION, _BAD_URL = 1006, 1003, 1005
_OK_STATUS = 200


class WeatherApiClient:
    """The calls the lake needs."""

    def __init__(
        self, base_url: str, key: Secret, *, clock: Clock, limits: Limits | None = None
    ) -> None:
        """Raise ConfigurationError for a base URL that a key must not be sent to."""
        self._key = key.reveal()
        self._http = Client(base_url, clock=clock, secrets=(self._key,), limits=limits or Limits())

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def current(self, place: str) -> Record:
        """The newest observation of a place, with air quality."""
        asked = {"q": place, "aqi": "yes"}
        return self._ask(_CURRENT, asked, {"q": place}, "current")

    def history(self, place: str, day: date) -> Record:
        """The hours of a past day of a place."""
        asked = {"q": place, "dt": day.isoformat(), "aqi": "yes"}
        return self._ask(_HISTORY, asked, {"q": place, "day": day.isoformat()}, "forecast")

    def _ask(self, path: str, params: dict[str, str], asked: dict[str, Any], part: str) -> Record:
        reply = self._http.call("GET", path, params={"key": self._key, **params})
        payload = reply.payload if isinstance(reply.payload, dict) else {}
        whole = all(isinstance(payload.get(name), dict) for name in ("location", part))
        if reply.status == _OK_STATUS and whole and "error" not in payload:
            return Record(payload=payload, request={"method": "GET", "url": path, **asked})
        raise self._refusal(path, reply, params["q"])

    def _refusal(self, path: str, reply: Reply, place: str) -> LakeError:
        said = reply.payload.get("error") if isinstance(reply.payload, dict) else None
        code, text = (said.get("code"), said.get("message")) if isinstance(said, dict) else ("", "")
        if code == _QUOTA:
            return CredentialsError(
                "WeatherAPI's quota of calls is used up (code 2007)",
                next_command="the same command next month, or with another plan",
            )
        if code in _KEY_REFUSED:
            return CredentialsError(
                f"WeatherAPI refuses the key: {_KEY_REFUSED[code]} (code {code})",
                next_command="check WEATHERAPI_KEY",
            )
        if code == _NO_PLACE:
            return BadInputError(
                f"WeatherAPI knows no place {place!r}", next_command="lake ingest … --location"
            )
        if code in (_NO_QUESTION, _BAD_URL):
            return UsageError(f"WeatherAPI can't be asked {path} for {place!r} (code {code})")
        why = self._http.masked(f"code {code}: {text}" if code else reply.sample)
        return UpstreamError(f"WeatherAPI answers {path} with HTTP {reply.status}, {why}")
