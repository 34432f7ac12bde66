"""EMT Madrid's MobilityLabs: buses, stops, lines, timetables and days, as answered.

HTTP is 200 even for refusals; the reply's `code` decides, and means other things elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ingestion.addresses import segment
from ingestion.bronze import Record
from ingestion.http import Client
from lakehouse.errors import CredentialsError, LakeError, UpstreamError
from lakehouse.log import event

if TYPE_CHECKING:
    from datetime import date

    from ingestion.clock import Clock
    from ingestion.credentials import EmtAccount
    from ingestion.http import Reply

_LOGIN = "/v1/mobilitylabs/user/login/"
_LOGGED_IN = ("00", "01")  # 01: the session that was there is extended
_REFUSED = {
    "84": "the client id or pass key is wrong",
    "89": "the password is wrong",
    "91": "the e-mail address was never confirmed",
    "92": "nobody is registered with this e-mail address",
    "99": "credentials are missing",
}
_OK, _EMPTY, _NO_RECORDS, _QUOTA = "00", "80", "81", "98"
_BUSY = ("01", "90")  # its inner services failed
_DEAD = tuple(str(code) for code in range(80, 90))
_UNAUTHORIZED = (401, 403)
_OK_STATUS = 200
_TRIES = 3
_PAUSE_SEC = 2.0
_MARGIN = 0.05


@dataclass(frozen=True)
class _Token:
    value: str
    until: datetime


@dataclass(frozen=True)
class _Question:
    """A call, what is remembered of it, and which codes besides 00 are answers to it."""

    method: str
    path: str
    asked: dict[str, Any]
    body: Any = None
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counter:
    """EMT's own count of the day's calls, and how many it allows."""

    current: int
    daily: int


class EmtClient:
    """The calls the lake needs; `counter` is what the last login told."""

    def __init__(self, base_url: str, account: EmtAccount, *, clock: Clock, zone: str) -> None:
        """Raise ConfigurationError for a base URL that a password must not be sent to."""
        self._clock, self._zone = clock, ZoneInfo(zone)
        self._who = {"email": account.email.reveal(), "password": account.password.reveal()}
        self._http = Client(base_url, clock=clock, secrets=tuple(self._who.values()))
        self._token: _Token | None = None
        self.counter: Counter | None = None

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def arrivals(self, stop: str, line: str | None = None) -> Record:
        """The buses that come to a stop, of all lines or one (its 3-digit code)."""
        today = self._clock.now().astimezone(self._zone)
        body = {
            "cultureInfo": "ES",
            "Text_StopRequired_YN": "Y",
            "Text_EstimationsRequired_YN": "Y",
            "Text_IncidencesRequired_YN": "Y",
            "DateTime_Referenced_Incidencies_YYYYMMDD": f"{today:%Y%m%d}",
        }
        path = f"/v2/transport/busemtmad/stops/{segment(stop)}/arrives/"
        path += f"{segment(line)}/" if line else ""
        asked = {"stop": stop, "line": line}
        return self._ask(_Question("POST", path, asked, body, answers=(_EMPTY,)))

    def lines(self, day: date) -> Record:
        """Every line of that day."""
        path = f"/v2/transport/busemtmad/lines/info/{day:%Y%m%d}/"
        return self._ask(_Question("GET", path, {"day": day.isoformat()}))

    def line_detail(self, line: str, day: date) -> Record:
        """A line's ends, hours and headways of that day."""
        path = f"/v1/transport/busemtmad/lines/{segment(line)}/info/{day:%Y%m%d}/"
        asked = {"line": line, "day": day.isoformat()}
        return self._ask(_Question("GET", path, asked, answers=(_NO_RECORDS,)))

    def stops_of_line(self, line: str, direction: int) -> Record:
        """The stops of a line in direction 1 or 2, with its timetable."""
        path = f"/v1/transport/busemtmad/lines/{segment(line)}/stops/{direction}/"
        asked = {"line": line, "direction": direction}
        return self._ask(_Question("GET", path, asked, answers=(_NO_RECORDS,)))

    def stops_list(self) -> Record:
        """Every stop."""
        return self._ask(_Question("POST", "/v1/transport/busemtmad/stops/list/", {}, body=[]))

    def calendar(self, first: date, last: date) -> Record:
        """The day types of these days."""
        path = f"/v1/transport/busemtmad/calendar/{first:%Y%m%d}/{last:%Y%m%d}/"
        return self._ask(_Question("GET", path, {"from": f"{first}", "to": f"{last}"}))

    def _ask(self, question: _Question) -> Record:
        """Ask; at most one new login, and a bounded number of tries while EMT is busy."""
        logged_in_again, tries = False, 1
        while True:
            reply = self._send(question)
            code = _code(reply)
            if _is_answer(question, reply, code):
                asked = {"method": question.method, "url": question.path, **question.asked}
                return Record(payload=reply.payload, request=asked)
            if _is_dead_token(reply, code) and not logged_in_again:
                event("emt_login_again", path=question.path, code=code)
                self._token, logged_in_again = None, True
            elif code in _BUSY and tries < _TRIES:
                self._clock.sleep(_PAUSE_SEC * tries)
                tries += 1
            else:
                raise self._refusal(question.path, reply, code)

    def _send(self, question: _Question) -> Reply:
        headers = {"accessToken": self._session().value}
        return self._http.call(question.method, question.path, headers=headers, body=question.body)

    def _session(self) -> _Token:
        if self._token is None or self._clock.now() >= self._token.until:
            self._token = self._login()
        return self._token

    def _login(self) -> _Token:
        """Raise CredentialsError if EMT doesn't let us in. The reply's text shows the token."""
        tries = 1
        while True:
            reply = self._http.call("GET", _LOGIN, headers=self._who)
            code = _code(reply)
            if code in _LOGGED_IN and reply.status == _OK_STATUS:
                return self._taken(reply)
            if code != "90" or tries == _TRIES:
                break
            self._clock.sleep(_PAUSE_SEC * tries)
            tries += 1
        if code == _QUOTA:
            raise _used_up()
        if code in _REFUSED or reply.status in _UNAUTHORIZED:
            why = _REFUSED.get(code, f"HTTP {reply.status}")
            raise CredentialsError(
                f"EMT refuses the login: {why}",
                next_command="check EMT_EMAIL and EMT_PASSWORD",
            )
        raise UpstreamError(f"EMT's login fails: HTTP {reply.status}, code {code or 'missing'}")

    def _taken(self, reply: Reply) -> _Token:
        said = _first(reply.payload)
        value, seconds = said.get("accessToken"), _number(said.get("tokenSecExpiration"))
        if not isinstance(value, str) or not value:
            raise UpstreamError("EMT's login gives no accessToken")
        self._http.hide(value)
        counter = said.get("apiCounter")
        if isinstance(counter, dict):
            self.counter = _counted(counter)
        lasts = timedelta(seconds=seconds * (1 - _MARGIN))
        return _Token(value, self._clock.now() + lasts)

    def _refusal(self, path: str, reply: Reply, code: str) -> LakeError:
        if code == _QUOTA:
            return _used_up()
        if _is_dead_token(reply, code):
            return CredentialsError(
                f"EMT refuses a fresh token for {path} (HTTP {reply.status}, code {code})",
                next_command="check that the account of EMT_EMAIL may use this API",
            )
        said = f"HTTP {reply.status}, code {code or 'missing'}: {reply.sample}"
        return UpstreamError(f"EMT answers {path} with {said}")


def _used_up() -> CredentialsError:
    return CredentialsError(
        "EMT's daily quota is used up (code 98)", next_command="the same command tomorrow"
    )


def _code(reply: Reply) -> str:
    """The reply's code, empty where there is none."""
    found = reply.payload.get("code") if isinstance(reply.payload, dict) else None
    return "" if found is None else str(found)


def _first(payload: Any) -> dict[str, Any]:
    """The first object of a reply's data."""
    data = payload.get("data") if isinstance(payload, dict) else None
    found = data[0] if isinstance(data, list) and data else data
    return found if isinstance(found, dict) else {}


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _counted(said: dict[str, Any]) -> Counter | None:
    """The login's counter; none where it doesn't say how many calls a day has."""
    daily = _number(said.get("dailyUse"))
    return Counter(_number(said.get("current")), daily) if daily > 0 else None


def _is_answer(question: _Question, reply: Reply, code: str) -> bool:
    if reply.status != _OK_STATUS:
        return False
    if code == _EMPTY and _EMPTY in question.answers:
        return not _is_dead_token(reply, code)
    return code == _OK or code in question.answers


def _is_dead_token(reply: Reply, code: str) -> bool:
    """Of arrivals, 80 is also a stop out of use: then data says so, in an empty Arrive."""
    if reply.status in _UNAUTHORIZED:
        return True
    stop_disabled = isinstance(reply.payload, dict) and (
        isinstance(reply.payload.get("description"), list) or "Arrive" in _first(reply.payload)
    )
    return code in _DEAD and not stop_disabled
