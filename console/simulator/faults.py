"""Faults on demand: what the next replies get wrong."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

from lakehouse.errors import UsageError

# Answered with HTTP 200, as EMT does.
_EMT_CODES: dict[str, dict[str, Any]] = {
    "expired_token": {"code": "80", "description": "Token not found in cache", "data": []},
    "quota": {
        "code": "98",
        "description": "Limit use API reached, please, contact with mobilitylabs",
        "data": [],
    },
    "internal": {"code": "90", "description": "Error managing internal services", "data": []},
}
_WEATHER_ERRORS = {
    "quota": (403, 2007, "API key has exceeded calls per month quota."),
    "internal": (400, 9999, "Internal application error."),
}
# Played by the server: throttled is 429 and unavailable 503; html is a web page and broken half a
# body, both with 200; drip and drip_headers come a byte at a time; reset ends without a reply.
_HTTP = ("throttled", "unavailable", "html", "broken", "drip", "drip_headers", "reset")
KINDS = (*_EMT_CODES, *_HTTP)


@dataclass(frozen=True)
class Fault:
    """What goes wrong for the next `times` calls whose path holds `path`."""

    kind: str
    times: int = 1
    path: str = ""
    retry_after: str = ""

    def __post_init__(self) -> None:
        """Refuse a fault that nobody would play."""
        if self.kind not in KINDS:
            raise UsageError(f"unknown fault {self.kind!r}; known: {', '.join(KINDS)}")

    def concerns(self, path: str) -> bool:
        """Whether a call of that path gets it; a login needs no token that could be dead."""
        return self.path in path and not (self.kind == "expired_token" and "login" in path)

    def answer(self, path: str) -> tuple[int, Any] | None:
        """What the API itself answers; None if the fault is one of HTTP."""
        if path.endswith(".json") and self.kind in _WEATHER_ERRORS:
            status, code, message = _WEATHER_ERRORS[self.kind]
            return status, {"error": {"code": code, "message": message}}
        found = _EMT_CODES.get(self.kind)
        return None if found is None else (200, found)


class Faults:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Queue a fault."""
        with self._lock:
            self._waiting.append(fault)

    def take(self, path: str) -> Fault | None:
        """The fault of a call, if there is one for it."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if fault.concerns(path):
                    left = fault.times - 1
                    self._waiting[place : place + 1] = [replace(fault, times=left)] if left else []
                    return fault
        return None
