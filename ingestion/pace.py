"""How often we may ask: so many calls a minute, so many a day."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ingestion.bronze import publish
from lakehouse.errors import CredentialsError

if TYPE_CHECKING:
    from pathlib import Path

    from ingestion.clock import Clock


class Pace:
    """Spreads calls evenly over a minute."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._gap = timedelta(minutes=1) / max(per_minute, 1)
        self._clock = clock
        self._next = clock.now()

    def wait(self) -> None:
        """Wait for the next call's turn, never longer than the gap (clocks are put back too)."""
        early = min(self._next - self._clock.now(), self._gap)
        if early > timedelta(0):
            self._clock.sleep(early.total_seconds())
        self._next = self._clock.now() + self._gap


class Quota:
    """The calls of a local day, kept in a file so that the next process goes on counting."""

    def __init__(self, file: Path, limit: int, clock: Clock, zone: str) -> None:
        self._file, self._clock, self._zone = file, clock, ZoneInfo(zone)
        self._limit = limit
        self._day, self._used = self._read()

    def _today(self) -> str:
        return self._clock.now().astimezone(self._zone).date().isoformat()

    def _read(self) -> tuple[str, int]:
        today = self._today()
        try:
            kept = json.loads(self._file.read_text())
            return today, int(kept["calls"]) if kept["day"] == today else 0
        except (OSError, ValueError, KeyError, TypeError):
            return today, 0

    @property
    def left(self) -> int:
        """Calls that may still be made today."""
        if self._day != self._today():
            self._day, self._used = self._today(), 0
        return max(self._limit - self._used, 0)

    def take(self) -> None:
        """Count one call. Raises CredentialsError when the day's calls are used up."""
        if not self.left:
            raise CredentialsError(
                f"the daily quota of {self._limit:,} calls is used up",
                next_command="the same command tomorrow",
            )
        self._used += 1

    def told(self, used: int, limit: int) -> None:
        """Believe the provider's own count where it leaves less."""
        self._used = max(self._used, used)
        if limit > 0:
            self._limit = min(self._limit, limit)

    def save(self) -> None:
        """Keep the count."""
        publish(self._file, json.dumps({"day": self._day, "calls": self._used}).encode())
