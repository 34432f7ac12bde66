"""What can go wrong on demand: each fault is the answer to one request, whatever it asked."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from threading import Lock

_JSON = (("Content-Type", "application/json;charset=UTF-8"),)
_HTML = (("Content-Type", "text/html;charset=UTF-8"),)
_WHEN = "2026-03-02T00:00:00.000000"


@dataclass(frozen=True)
class Fault:
    """An answer that is not the one asked for; `hang_up` is none at all.

    `byte_every_sec` sends the body one byte at a time.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = _JSON
    body: bytes = b""
    byte_every_sec: float = 0.0
    hang_up: bool = False


def emt(code: str, description: str) -> Fault:
    """EMT's own way to fail: HTTP 200 with a code and no data."""
    envelope = {"code": code, "description": description, "datetime": _WHEN, "data": []}
    return Fault(body=json.dumps(envelope).encode())


def quota() -> Fault:
    """EMT's daily quota is used up."""
    return emt("98", "Limit use API reached, please, contact with EMT Madrid MobilityLabs")


def dead_token() -> Fault:
    """EMT does not know the token any more: code 80, its description a text."""
    return emt("80", "Token not found in control-cache")


def internal() -> Fault:
    """EMT's services behind the API fail for a moment."""
    return emt("90", "Error managing internal services")


def weatherapi(status: int, code: int, message: str) -> Fault:
    """WeatherAPI's error object with its HTTP status."""
    error = {"error": {"code": code, "message": message}}
    return Fault(status, body=json.dumps(error).encode())


def weatherapi_quota() -> Fault:
    """WeatherAPI's monthly quota is used up."""
    return weatherapi(403, 2007, "API key has exceeded calls per month quota.")


def too_many(retry_after: str = "") -> Fault:
    """HTTP 429; `retry_after` is seconds or an HTTP date."""
    wait = (("Retry-After", retry_after),) if retry_after else ()
    return Fault(429, (*_HTML, *wait), b"<html><body>Too Many Requests</body></html>")


def server_error(status: int = 503) -> Fault:
    """A gateway's page."""
    return Fault(status, _HTML, b"<html><body>Service Unavailable</body></html>")


def html() -> Fault:
    """A page with status 200 where JSON is promised."""
    return Fault(200, _HTML, b"<!DOCTYPE html><html><body>Maintenance</body></html>")


def broken_json() -> Fault:
    """JSON cut in the middle, with the right length."""
    return Fault(body=b'{"code":"00","data":[{"Arrive":[')


def slow_drip(byte_every_sec: float = 1.0) -> Fault:
    """A body that comes one byte at a time."""
    return Fault(body=b'{"code":"00","data":[]}' + b" " * 200, byte_every_sec=byte_every_sec)


def hang_up() -> Fault:
    """The connection ends without an answer."""
    return Fault(hang_up=True)


class Faults:
    """The faults that wait for their requests, first come, first served."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, Fault]] = deque()
        self._lock = Lock()

    def add(self, faults: tuple[Fault, ...], on: str) -> None:
        """Each answers one request whose path holds `on`."""
        with self._lock:
            self._waiting.extend((on, fault) for fault in faults)

    def take(self, path: str) -> Fault | None:
        """The fault for this request, if one waits for it."""
        with self._lock:
            for waiting in self._waiting:
                if waiting[0] in path:
                    self._waiting.remove(waiting)
                    return waiting[1]
        return None
