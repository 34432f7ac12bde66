"""Records on their way through a stream, and the buffers they wait in."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from console.emulator.clock import EmulatedClock
    from console.emulator.firehose.settings import Limits


@dataclass(frozen=True)
class Record:
    """One record: its data is what is to be delivered, `original` is what came in.

    `route` is what the transform said in otfMetadata; `source` the place in a Kinesis stream.
    """

    record_id: str
    arrival: datetime
    data: bytes = field(repr=False)
    original: bytes = field(repr=False)
    route: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)

    def transformed(self, data: bytes, route: dict[str, Any]) -> Record:
        """The same record as the transform function gave it."""
        return replace(self, data=data, route=route)


@dataclass(frozen=True)
class Failure:
    """A record that could not be processed or delivered, and why."""

    record: Record
    code: str
    message: str
    attempts: int
    ended: datetime
    facts: dict[str, Any] = field(default_factory=dict)


class Buffer:
    """Records that wait for enough others or for the interval's end."""

    def __init__(self, clock: EmulatedClock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._waiting: list[Record] = []
        self._taken = 0
        self._since: datetime | None = None

    def add(self, records: Iterable[Record]) -> None:
        """Take them."""
        with self._lock:
            self._waiting.extend(records)
            if self._waiting and self._since is None:
                self._since = self._clock.now()

    def take(self, limits: Limits) -> list[Record]:
        """The oldest records, up to the size, if the buffer is full or old enough; else none."""
        with self._lock:
            weight = sum(len(record.data) for record in self._waiting)
            if self._since is None or not self._is_due(weight, limits):
                return []
            count = self._fitting(limits.size_bytes)
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
            self._taken = count
            if not self._waiting:
                self._since = None
            return taken

    def done(self) -> None:
        """What was taken last has arrived elsewhere."""
        with self._lock:
            self._taken = 0

    def _is_due(self, weight: int, limits: Limits) -> bool:
        assert self._since is not None  # noqa: S101  the caller looked
        interval = timedelta(seconds=limits.interval_sec)
        return weight >= limits.size_bytes or self._clock.now() - self._since >= interval

    def _fitting(self, size_bytes: int) -> int:
        """How many of the oldest fit; at least one."""
        weight = 0
        for count, record in enumerate(self._waiting):
            weight += len(record.data)
            if count and weight > size_bytes:
                return count
        return len(self._waiting)

    def __len__(self) -> int:
        """How many wait, or were taken and are not done with."""
        with self._lock:
            return len(self._waiting) + self._taken
