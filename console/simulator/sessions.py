"""EMT's door: who may log in, how long a token lives, and how many calls a day allows."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

from console.simulator.weather import MADRID

if TYPE_CHECKING:
    from datetime import date, datetime

    from ingestion.clock import Clock

EMAIL = "someone@example.org"
PASSWORD = "made-up-word"  # noqa: S105  opens nothing but the simulator
KEY = "made-up-key"
TOKEN_SEC = 86_399
_NAMESPACE = uuid.UUID(int=7)


@dataclass(frozen=True)
class Login:
    """A code of EMT's login, its words, and the token if there is one."""

    code: str
    words: str
    token: str = ""


class Sessions:
    """Tokens and the day's counter: the only thing a simulator remembers."""

    def __init__(self, seed: int, clock: Clock, daily_quota: int) -> None:
        self.daily_quota = daily_quota
        self._seed = seed
        self._clock = clock
        self._issued = 0
        self._token = ""
        self._ends: datetime | None = None
        self._used: dict[date, int] = {}
        self._lock = Lock()

    def login(self, email: str, password: str) -> Login:
        """A new token, or the living one with a longer life (code 01)."""
        if not email or not password:
            return Login("99", "No credentials supplied")
        if email != EMAIL:
            return Login("92", "User not found")
        if password != PASSWORD:
            return Login("89", "Wrong password")
        with self._lock:
            extended = self._alive()
            if not extended:
                self._issued += 1
                self._token = str(uuid.uuid5(_NAMESPACE, f"{self._seed}/{self._issued}"))
            self._ends = self._clock.now() + timedelta(seconds=TOKEN_SEC)
            if extended:
                return Login("01", "Token extend into control-cache Data recovered OK", self._token)
            words = f"Register user: someone with token: {self._token}"
            return Login("00", words, self._token)

    def knows(self, token: str) -> bool:
        """Whether the token is alive; a call makes its life longer."""
        with self._lock:
            if not token or token != self._token or not self._alive():
                return False
            self._ends = self._clock.now() + timedelta(seconds=TOKEN_SEC)
            return True

    def expire(self) -> None:
        """Let every token die now."""
        with self._lock:
            self._ends = None

    def count(self) -> int:
        """One more call of the local day; how many that makes."""
        day = self._clock.now().astimezone(MADRID).date()
        with self._lock:
            self._used[day] = self._used.get(day, 0) + 1
            return self._used[day]

    def used(self) -> int:
        """Calls of the local day so far."""
        return self._used.get(self._clock.now().astimezone(MADRID).date(), 0)

    def _alive(self) -> bool:
        return self._ends is not None and self._clock.now() < self._ends
