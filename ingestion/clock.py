"""What time it is: the system's clock, or one that a simulation sets."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """The present, aware, UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        ...


class SystemClock:
    """The computer's own clock."""

    def now(self) -> datetime:
        """The present, aware, UTC."""
        return datetime.now(timezone.utc)

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        time.sleep(seconds)


class SimulatedClock:
    """A clock that stands still until somebody sleeps or sets it."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(timezone.utc)

    def now(self) -> datetime:
        """The simulated present, aware, UTC."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let that many simulated seconds pass, in no time."""
        self._now += timedelta(seconds=seconds)

    def set(self, moment: datetime) -> None:
        """Make it that time."""
        self._now = moment.astimezone(timezone.utc)
