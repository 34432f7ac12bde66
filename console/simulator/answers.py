"""Which answer belongs to which request: the routes of both APIs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from console.simulator import catalogue, weatherapi
from console.simulator.arrivals import Board
from console.simulator.city import City
from console.simulator.days import DayTypes
from console.simulator.sessions import TOKEN_SEC, Sessions
from console.simulator.traffic import Traffic
from console.simulator.weather import MADRID

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingestion.clock import Clock

_BUS = "/transport/busemtmad"
_STOP_LIMIT = "Limit use API reached, please, contact with mobilitylabs@emtmadrid.es"
_EMPTY_STOP = {"Arrive": [], "StopInfo": [], "ExtraInfo": [], "Incident": {}}


@dataclass(frozen=True)
class Request:
    """What was asked; header names in small letters."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True)
class Answer:
    """An HTTP status and the JSON to send."""

    status: int
    payload: Any


class Answers:
    """Both APIs, answered from the city, the clock and the sessions."""

    def __init__(
        self, seed: int, clock: Clock, sessions: Sessions, places: tuple[str, ...]
    ) -> None:
        self._clock = clock
        self._sessions = sessions
        self._places = places
        self._city = City()
        self._day_types = DayTypes()
        self._board = Board(seed, self._city, Traffic(seed, self._day_types))
        routes: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
            ("POST", rf"/v2{_BUS}/stops/(\w+)/arrives/(?:(\w+)/)?", self._arrivals),
            ("GET", rf"/v2{_BUS}/lines/info/(\d{{8}})/", self._lines),
            ("GET", rf"/v1{_BUS}/lines/(\w+)/info/(\d{{8}})/", self._line),
            ("GET", rf"/v1{_BUS}/lines/(\w+)/stops/([12])/", self._line_stops),
            ("POST", rf"/v1{_BUS}/stops/list/", self._stops),
            ("GET", rf"/v1{_BUS}/calendar/(\d{{8}})/(\d{{8}})/", self._calendar),
        )
        self._routes = [(method, re.compile(path), answer) for method, path, answer in routes]

    def of(self, request: Request) -> Answer | None:
        """The answer; None where no API has such a path."""
        if request.path.endswith(".json"):
            return self._weather(request)
        if request.method == "GET" and request.path == "/v1/mobilitylabs/user/login/":
            return self._login(request)
        for method, path, answer in self._routes:
            match = path.fullmatch(request.path)
            if match and method == request.method:
                return self._refused(request) or answer(request, *match.groups(""))
        return None

    def _refused(self, request: Request) -> Answer | None:
        """A dead token or a spent quota, which EMT tells with HTTP 200."""
        if not self._sessions.knows(request.headers.get("accesstoken", "")):
            return self._emt("80", "Token not found in control-cache", [])
        if self._sessions.count() > self._sessions.daily_quota:
            return self._emt("98", _STOP_LIMIT, [])
        return None

    def _login(self, request: Request) -> Answer:
        email, password = (request.headers.get(name, "") for name in ("email", "password"))
        login = self._sessions.login(email, password)
        if not login.token:
            return self._emt(login.code, login.words, [])
        until = int(self._clock.now().timestamp() + TOKEN_SEC) * 1000
        user = {
            "nameApp": "OPENAPI MobilityLabs",
            "levelApp": 0,
            "updatedAt": "2022-11-26T21:05:55.5600000",
            "userName": "someone",
            "lastUpdate": {"$date": until - TOKEN_SEC * 1000},
            "idUser": "00000000-0000-0000-0000-000000000000",
            "priv": "U",
            "tokenSecExpiration": TOKEN_SEC,
            "email": email,
            "tokenDteExpiration": {"$date": until},
            "flagAdvise": True,
            "accessToken": login.token,
            "apiCounter": {
                "current": self._sessions.used(),
                "dailyUse": self._sessions.daily_quota,
                "owner": 0,
                "licenceUse": "Please mention EMT Madrid MobilityLabs as data source.",
                "aboutUses": "",
            },
            "username": "someone",
        }
        return self._emt(login.code, login.words, [user])

    def _arrivals(self, request: Request, stop: str, line: str) -> Answer:
        del request
        if stop not in self._city.stops or (line and line not in self._city.lines):
            words = [{"ES": "Parada no disponible o inexistente"}, {"EN": "Stop disabled"}]
            return self._emt("80", words, [_EMPTY_STOP])
        return self._ok([self._board.answer(stop, line, self._clock.now())])

    def _lines(self, request: Request, day: str) -> Answer:
        del request
        return self._ok(catalogue.lines(self._city, _date(day)))

    def _line(self, request: Request, line: str, day: str) -> Answer:
        del request
        if line not in self._city.lines:
            return self._emt("81", "No records found or error", [{}])
        return self._ok([catalogue.line_detail(self._city.lines[line], _date(day))])

    def _line_stops(self, request: Request, line: str, direction: str) -> Answer:
        del request
        if line not in self._city.lines:
            return self._emt("81", "No records found or error", [{}])
        found = catalogue.stops_of_line(self._city, self._city.lines[line], int(direction))
        return self._ok([found])

    def _stops(self, request: Request) -> Answer:
        wanted = request.body if isinstance(request.body, list) else []
        return self._ok(catalogue.stops(self._city, [str(stop) for stop in wanted]))

    def _calendar(self, request: Request, first: str, last: str) -> Answer:
        del request
        return self._ok(catalogue.calendar(_date(first), _date(last), self._day_types))

    def _weather(self, request: Request) -> Answer | None:
        """WeatherAPI's half; None for a path of its own that it does not have."""
        refused = weatherapi.refusal(request.query, self._places)
        if request.path not in ("/v1/current.json", "/v1/history.json"):
            refused = weatherapi.Refusal(400, 1005, "API URL is invalid.")
        if refused:
            error = {"code": refused.code, "message": refused.message}
            return Answer(refused.status, {"error": error})
        now = self._clock.now()
        if request.path == "/v1/current.json":
            return Answer(200, weatherapi.current(now, air=request.query.get("aqi") == "yes"))
        try:
            day = date.fromisoformat(request.query.get("dt", ""))
        except ValueError:
            message = "Parameter dt is missing or not yyyy-MM-dd."
            return Answer(400, {"error": {"code": 1007, "message": message}})
        return Answer(200, weatherapi.history(now, day))

    def _ok(self, data: list[Any]) -> Answer:
        return self._emt("00", "Data recovered  OK, (lapsed: 91 millsecs)", data)

    def _emt(self, code: str, description: Any, data: list[Any]) -> Answer:
        local = self._clock.now().astimezone(MADRID).replace(tzinfo=None)
        envelope = {
            "code": code,
            "description": description,
            "datetime": local.isoformat(timespec="microseconds"),
            "data": data,
        }
        return Answer(200, envelope)


def _date(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").replace(tzinfo=MADRID).date()
