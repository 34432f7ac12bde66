"""What the APIs answer to a call: accounts, tokens and quota, and the city behind them."""

from __future__ import annotations

import re
import uuid
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from console.simulator import network, openweather
from console.simulator.emt_city import EmtCity
from console.simulator.traffic import Traffic
from console.simulator.weather_city import WeatherCity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingestion.clock import Clock

    Answer = tuple[int, Any]

ZONE = ZoneInfo("Europe/Madrid")
_LOGIN = "/v1/mobilitylabs/user/login/"
_BUS = r"/v{}/transport/busemtmad"
_OPENWEATHER = "/data/2.5/weather"
_LICENCE = "Please mention EMT Madrid MobilityLabs as data source."
_REFUSED = {"code": "92", "description": "User not found or wrong password", "data": []}
_DEAD = {"code": "80", "description": "Token not found in cache", "data": []}
_NO_RECORDS = {"code": "81", "description": "No records found or error", "data": [{}]}
_QUOTA = {"code": "98", "description": "Limit use API reached", "data": []}
_NO_PATH = {"code": "90", "description": "Error managing internal services", "data": []}


class Answers:
    """Answers calls; remembers the tokens it gave and the calls it counted, and nothing else."""

    def __init__(
        self, seed: int, clock: Clock, *, password: str, key: str, token_sec: int, daily_calls: int
    ) -> None:
        self.clock, self.network = clock, network.build(seed)
        self._emt = EmtCity(self.network, Traffic(self.network, seed, ZONE), seed, ZONE)
        self._weather, self._seed = WeatherCity(seed, ZONE), seed
        self._password, self._key = password, key
        self._token_sec, self._daily = token_sec, daily_calls
        self._tokens: dict[str, float] = {}
        self._counted: dict[date, int] = {}
        self._logins = 0

    def answer(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> Answer:
        """The status and the body of the reply."""
        now = self.clock.now()
        if path.endswith((".json", _OPENWEATHER)):
            return self._of_weather(path, query, now)
        if not self._counts(now):
            return 200, _QUOTA
        if path == _LOGIN:
            return 200, self._login(headers, now)
        if self._tokens.get(headers.get("accessToken", ""), 0) <= now.timestamp():
            return 200, _DEAD
        for verb, pattern, call in _ROUTES:
            found = pattern.fullmatch(path)
            if found and verb == method:
                return 200, call(self._emt, now, **found.groupdict()) or _NO_RECORDS
        return 404, _NO_PATH

    def _counts(self, now: datetime) -> bool:
        """Count a call of the local day; False if it is one too many."""
        today = now.astimezone(ZONE).date()
        self._counted[today] = self._counted.get(today, 0) + 1
        return self._counted[today] <= self._daily

    def _login(self, headers: Mapping[str, str], now: datetime) -> dict[str, Any]:
        """A new token; while one holds, the same again, with code 01."""
        password = headers.get("password", "")
        if not headers.get("email") or not password or password != (self._password or password):
            return _REFUSED
        ends = now.timestamp() + self._token_sec
        alive = [t for t, until in self._tokens.items() if until > now.timestamp()]
        if not alive:
            self._logins += 1
        token = alive[0] if alive else str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._logins}"))
        self._tokens = {token: ends}
        said = f"Register user: demo with token: {token}"
        extended = "Token extend into control-cache Data recovered OK"
        reply = self._emt.envelope(now, [self._account(now, token, headers["email"], ends)])
        return {
            **reply,
            "code": "01" if alive else "00",
            "description": extended if alive else said,
        }

    def _account(self, now: datetime, token: str, email: str, ends: float) -> dict[str, Any]:
        counted = self._counted[now.astimezone(ZONE).date()]
        return {
            "nameApp": "OPENAPI MobilityLabs",
            "levelApp": 0,
            "updatedAt": f"{now:%Y-%m-%dT%H:%M:%S}.5600000",
            "userName": "demo",
            "lastUpdate": {"$date": int(1000 * now.timestamp())},
            "idUser": str(uuid.uuid5(uuid.NAMESPACE_OID, "user")),
            "priv": "U",
            "tokenSecExpiration": self._token_sec,
            "email": email,
            "tokenDteExpiration": {"$date": int(1000 * ends)},
            "flagAdvise": True,
            "accessToken": token,
            "apiCounter": {
                "current": counted,
                "dailyUse": self._daily,
                "owner": 0,
                "licenceUse": _LICENCE,
                "aboutUses": "A made-up city: nothing in it is EMT's.",
            },
            "username": "demo",
        }

    def expire_tokens(self) -> None:
        """Every token given so far is dead."""
        self._tokens.clear()

    def _of_weather(self, path: str, query: Mapping[str, str], now: datetime) -> Answer:
        """The path tells which service is asked."""
        if path == _OPENWEATHER:
            return openweather.answer(query, now, self._seed, self._key)
        return self._weatherapi(path, query, now)

    def _weatherapi(self, path: str, query: Mapping[str, str], now: datetime) -> Answer:
        refused = self._refused(query)
        if refused:
            return refused
        if path == "/v1/current.json":
            return 200, self._weather.current(now, air=query.get("aqi") == "yes")
        if path != "/v1/history.json":
            return _weather_error(400, 1005, "API URL is invalid.")
        try:
            day = date.fromisoformat(query.get("dt", ""))
        except ValueError:
            return _weather_error(400, 1007, "Parameter dt is missing or no date.")
        return 200, self._weather.history(now, day)

    def _refused(self, query: Mapping[str, str]) -> Answer | None:
        """In the order that WeatherAPI looks: the key, then the place."""
        key, place = query.get("key", ""), query.get("q", "")
        if not key:
            return _weather_error(401, 1002, "API key is invalid or not provided.")
        if self._key and key != self._key:
            return _weather_error(401, 2006, "API key is invalid.")
        if not place:
            return _weather_error(400, 1003, "Parameter q is missing.")
        if place.startswith("nowhere"):
            return _weather_error(400, 1006, "No location found matching parameter 'q'")
        return None


def _weather_error(status: int, code: int, message: str) -> Answer:
    return status, {"error": {"code": code, "message": message}}


def _arrivals(emt: EmtCity, now: datetime, stop: str, line: str | None) -> dict[str, Any]:
    return emt.arrivals(now, stop, line)


def _lines(emt: EmtCity, now: datetime, day: str) -> dict[str, Any]:
    return emt.lines(now, _day(day))


def _detail(emt: EmtCity, now: datetime, line: str, day: str) -> dict[str, Any] | None:
    return emt.line_detail(now, line, _day(day))


def _stops_of_line(emt: EmtCity, now: datetime, line: str, direction: str) -> dict[str, Any] | None:
    return emt.stops_of_line(now, line, int(direction))


def _stops(emt: EmtCity, now: datetime) -> dict[str, Any]:
    return emt.stops(now)


def _calendar(emt: EmtCity, now: datetime, first: str, last: str) -> dict[str, Any]:
    return emt.calendar(now, _day(first), _day(last))


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


def _route(
    verb: str, version: int, pattern: str, call: Callable[..., dict[str, Any] | None]
) -> tuple[str, re.Pattern[str], Callable[..., dict[str, Any] | None]]:
    return verb, re.compile(_BUS.format(version) + pattern), call


_ROUTES = (
    _route("POST", 2, r"/stops/(?P<stop>\w+)/arrives/(?:(?P<line>\w+)/)?", _arrivals),
    _route("GET", 2, r"/lines/info/(?P<day>\d{8})/", _lines),
    _route("GET", 1, r"/lines/(?P<line>\w+)/info/(?P<day>\d{8})/", _detail),
    _route("GET", 1, r"/lines/(?P<line>\w+)/stops/(?P<direction>[12])/", _stops_of_line),
    _route("POST", 1, r"/stops/list/", _stops),
    _route("GET", 1, r"/calendar/(?P<first>\d{8})/(?P<last>\d{8})/", _calendar),
)
