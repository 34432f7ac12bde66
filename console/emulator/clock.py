"""The emulator's time: the real one, plus what it was set ahead by."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone


class EmulatedClock:
    """Runs like the real clock, can be set ahead, and never goes back."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The emulated present, aware, UTC."""
        return datetime.now(timezone.utc) + self._ahead

    def advance_to(self, moment: datetime) -> None:
        """Make it at least that time."""
        with self._lock:
            self._ahead = max(self._ahead, moment - datetime.now(timezone.utc))

    def advance(self, seconds: float) -> None:
        """Let that many seconds pass at once."""
        self.advance_to(self.now() + timedelta(seconds=seconds))


def iso(moment: datetime) -> str:
    """The way AWS writes a time in events: `2026-03-01T10:00:00Z`."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return int(moment.timestamp() * 1000)
