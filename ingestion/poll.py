"""A plan of calls: paced, within the day's quota, landed in batches, and resumable."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ingestion.journal import Entry, Journal
from ingestion.places import publish, read
from lakehouse.errors import BadInputError, CredentialsError, UpstreamError
from lakehouse.log import event, warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingestion.bronze import Record, Stream
    from ingestion.clock import Clock
    from ingestion.emt import Counter
    from ingestion.places import LakePath
    from lakehouse.errors import LakeError

BATCH_REPLIES = 500
BATCH_SEC = 60
# So many failures in a row are no matter of single stops.
GIVE_UP_AFTER = 5


class Pace:
    """Spreads calls evenly: never more than so many a minute."""

    def __init__(self, clock: Clock, calls_per_minute: int) -> None:
        self._clock, self._gap = clock, timedelta(seconds=60 / calls_per_minute)
        self._next = clock.now()

    def wait(self) -> None:
        """Wait until the next call may be made."""
        ahead = min(self._next - self._clock.now(), self._gap)  # a clock may be put back
        if ahead > timedelta(0):
            self._clock.sleep(ahead.total_seconds())
        self._next = self._clock.now() + self._gap


class Quota:
    """How many calls the day still allows: by our own count, and by EMT's where it told one.

    Our count is kept in `state/`, for EMT need not tell, and other processes count too.
    """

    def __init__(self, root: LakePath, clock: Clock, daily: int, zone: str) -> None:
        self._path = root / "state" / "emt-calls.json"
        self._clock, self._daily, self._zone = clock, daily, ZoneInfo(zone)
        self._today, self._used = self._load()
        self._told: Counter | None = None

    def spend(self, counter: Counter | None) -> None:
        """Count one call more. Raises CredentialsError if the day allows none."""
        if self._day() != self._today:
            self._today, self._used = self._day(), 0
        if counter is not None and counter is not self._told:  # once: it was true at that login
            self._told, self._used = counter, max(self._used, counter.current)
        daily = min(self._daily, self._told.daily) if self._told else self._daily
        if self._used >= daily:
            raise CredentialsError(
                f"the {daily:,} EMT calls of {self._today} are used up",
                next_command="the same command tomorrow; it goes on where it was",
            )
        self._used += 1

    def save(self) -> None:
        """Keep the count."""
        text = json.dumps({"day": self._today, "calls": self._used})
        publish(self._path, (text + "\n").encode())

    def _load(self) -> tuple[str, int]:
        today = self._day()
        try:
            kept = json.loads(read(self._path) or b"{}")
            return today, int(kept["calls"]) if kept["day"] == today else 0
        except (KeyError, ValueError, TypeError):
            return today, 0

    def _day(self) -> str:
        return self._clock.now().astimezone(self._zone).date().isoformat()


@dataclass(frozen=True)
class Polled:
    """What a plan gave: the bronze files, how many calls were answered, and which failed."""

    files: tuple[LakePath, ...]
    replies: int
    failed: tuple[str, ...]


@dataclass
class Poll:
    """Carries one plan out; each element of `plan` is JSON, and is what `fetch` is called with."""

    root: LakePath
    stream: Stream
    plan: list[Any]
    fetch: Callable[[Any], Record]
    clock: Clock
    before_call: Callable[[], None]
    after_flush: Callable[[], None]
    progress: Callable[[int, int], None]
    _replies: int = 0
    _failed: list[str] = field(default_factory=list)
    _row: list[Entry] = field(default_factory=list)
    _last: LakeError | None = None

    def run(self, *, restart: bool = False) -> Polled:
        """Make the calls that are left; what was answered is kept, whatever ends the run.

        Raises CredentialsError for a used-up quota, UpstreamError if one call after another fails,
        and the last call's error if none was answered.
        """
        with Journal(self.root, self.stream, self.plan).open() as journal:
            if restart:
                journal.forget()
            if journal.done:
                event("resumed", stream=str(self.stream), done=journal.done, total=len(self.plan))
            try:
                self._calls(journal)
            finally:
                self._flush(journal)
            journal.finish()
        return Polled(tuple(journal.files), self._replies, tuple(self._failed))

    def _calls(self, journal: Journal) -> None:
        began = self.clock.now()
        for number in range(journal.done, len(self.plan)):
            self.before_call()
            self._call(journal, number)
            self.progress(number + 1, len(self.plan))
            late = self.clock.now() - began >= timedelta(seconds=BATCH_SEC)
            if late or len(journal.entries) >= BATCH_REPLIES:
                self._flush(journal)
                began = self.clock.now()
        if self._last and not self._replies:
            raise self._last
        self._settle(journal)

    def _call(self, journal: Journal, number: int) -> None:
        try:
            record = self.fetch(self.plan[number])
        except (BadInputError, UpstreamError) as error:
            self._fail(number, error)
            return
        self._settle(journal)
        journal.add(Entry(number, record, self.clock.now()))
        self._replies += 1

    def _fail(self, number: int, error: BadInputError | UpstreamError) -> None:
        """A call that fails alone is passed over; one after another, they end the run."""
        self._last = error
        warn("call_failed", stream=str(self.stream), asked=self.plan[number], reason=error.message)
        self._row.append(Entry(number, None, self.clock.now()))
        self._failed.append(f"{self.plan[number]}: {error.message}")
        if isinstance(error, UpstreamError) and len(self._row) >= GIVE_UP_AFTER:
            raise error

    def _settle(self, journal: Journal) -> None:
        """Failures count as done once a later call works, so that an outage skips none."""
        for entry in self._row:
            journal.add(entry)
        self._row.clear()

    def _flush(self, journal: Journal) -> None:
        journal.flush()
        self.after_flush()


def nothing(*_: object) -> None:
    """For a caller that wants no word."""


def before_each(
    pace: Pace, quota: Quota | None, counter: Callable[[], Counter | None]
) -> Callable[[], None]:
    """What comes before each call: its share of the quota, and its time."""

    def ready() -> None:
        if quota is not None:
            quota.spend(counter())
        pace.wait()

    return ready
