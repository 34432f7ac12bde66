"""Schedules of EventBridge Scheduler and scheduled rules, fired by setting the clock.

AWS: "Schedule types in EventBridge Scheduler", "Adding context attributes in EventBridge
Scheduler", "Configuring a dead-letter queue for EventBridge Scheduler", "Creating a rule that runs
on a schedule in Amazon EventBridge". moto keeps schedules and fires none.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any

from console.emulator import expressions, schedule_targets
from console.emulator.clock import iso
from console.emulator.targets import Courier, Post
from lakehouse import log
from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from console.emulator.answers import Answer
    from console.emulator.calls import Call
    from console.emulator.server import Server

# A time in the far future by mistake would keep two cores busy for days.
_MOST_FIRINGS = 10_000
_INSTANT = timedelta(microseconds=1)
_YEAR = timedelta(days=366)
_FUNCTIONS, _FUNCTIONS_AT_ONCE = "function", 2
_PATIENCE_SEC, _LOOK_SEC = 900.0, 0.05


@dataclass(frozen=True)
class Fired:
    """What a tick fired, and when."""

    at: datetime
    schedule: str
    target: str

    def told(self) -> dict[str, str]:
        """The same as JSON."""
        return {"at": iso(self.at), "schedule": self.schedule, "target": self.target}


@dataclass(frozen=True)
class Entry:
    """A schedule or a scheduled rule, as far as time goes."""

    arn: str
    expression: str
    zone: str
    begin: datetime | None
    end: datetime | None
    of: Any

    @property
    def is_rule(self) -> bool:
        """Whether it is a rule, and no schedule of EventBridge Scheduler."""
        return ":events:" in self.arn


@dataclass
class _Mark:
    """Since when there is a schedule, and until when it was fired."""

    made: datetime
    fired: datetime


class Schedules:
    """All schedules, and until when each was fired."""

    def __init__(self, server: Server) -> None:
        self._server, self._clock = server, server.clock
        self._post = Post(Courier(server))
        server.at_stop(self._post.close)
        self._lock = threading.Lock()
        self._marks: dict[str, _Mark] = {}

    def watch(self, call: Call, forward: Callable[[], Answer]) -> Answer:
        """Around the calls that make or change a schedule: refuse wrong ones, note new ones."""
        schedule_targets.check(call)
        before = {entry.arn for entry in entries()}
        answer = forward()
        for entry in entries():
            if entry.arn not in before:
                self._marks[entry.arn] = self._new(entry)
        return answer

    def _new(self, entry: Entry) -> _Mark:
        """A rate of Scheduler is due at once, one of a rule for the first time a step later."""
        now = self._clock.now()
        return _Mark(now, now if entry.is_rule else now - _INSTANT)

    def tick(self, until: datetime) -> list[Fired]:
        """Set the clock ahead to `until`, firing what is due on the way, in order.

        A schedule also fires what came due by the passing of real time since its last tick. Raises
        UsageError for a time without a zone, or one that is farther away than anybody means.
        """
        if until.tzinfo is None:
            raise UsageError(
                f"{until} has no time zone", next_command=f"lake tick --until {until}Z"
            )
        with self._lock:
            found = list(islice(self._due(until), _MOST_FIRINGS + 1))
            if len(found) > _MOST_FIRINGS:
                raise UsageError(
                    f"until {iso(until)} schedules would fire {len(found)} times or more"
                )
            due = sorted(found, key=lambda pair: (pair[0], pair[1].arn))
            fired = [one for moment, entry in due for one in self._fire(moment, entry)]
            self._clock.advance_to(until)
            self._close(until)
        return fired

    def _due(self, until: datetime) -> Iterator[tuple[datetime, Entry]]:
        for entry in entries():
            if entry.of.state == "ENABLED":
                end = min(until, entry.end or until)
                for moment in self._times(entry, end):
                    yield moment, entry

    def _times(self, entry: Entry, end: datetime) -> Iterator[datetime]:
        mark = self._marks.setdefault(entry.arn, self._new(entry))
        start = entry.begin or mark.made
        after = max(mark.fired, start - _INSTANT)
        return expressions.parse(entry.expression, entry.zone, start).times(after, end)

    def _fire(self, moment: datetime, entry: Entry) -> Iterator[Fired]:
        """Deliver to each target; what fails is tried again beside, as AWS does."""
        self._clock.advance_to(moment)
        for delivery in schedule_targets.deliveries(entry, moment):
            self._await_functions()
            self._post.try_now(delivery)
            yield Fired(moment, entry.arn, delivery.arn)

    def _await_functions(self) -> None:
        """A day's schedules at once must not start a day's functions at once."""
        for _ in range(int(_PATIENCE_SEC / _LOOK_SEC)):
            if self._server.running(_FUNCTIONS) < _FUNCTIONS_AT_ONCE:
                return
            self._server.stopping.wait(_LOOK_SEC)
        log.warn("emulator.functions_still_run", count=self._server.running(_FUNCTIONS))

    def _close(self, until: datetime) -> None:
        """Nothing up to here fires again; what is over and should go then is deleted."""
        for entry in entries():
            mark = self._marks.setdefault(entry.arn, self._new(entry))
            mark.fired = max(mark.fired, until)
            is_over = next(self._times(entry, entry.end or until + _YEAR * 100), None) is None
            if is_over and not entry.is_rule:
                schedule_targets.delete_if_asked(entry)

    def upcoming(self) -> list[dict[str, str]]:
        """The next time of each schedule that is on, if it is within a year."""
        limit = self._clock.now() + _YEAR
        on = [entry for entry in entries() if entry.of.state == "ENABLED"]
        nexts = [(next(self._times(e, min(limit, e.end or limit)), None), e.arn) for e in on]
        return [
            {"at": iso(moment), "schedule": arn}
            for moment, arn in sorted((moment, arn) for moment, arn in nexts if moment)
        ]

    def page(self, method: str, _query: dict[str, str], body: Any) -> Any:
        """`/_lake/tick`: a POST of `{"until": …}` ticks; both answer what comes next."""
        fired: list[Fired] = []
        if method == "POST":
            try:
                until = datetime.fromisoformat(str(body["until"]))
            except (KeyError, TypeError, ValueError) as error:
                raise UsageError(f"a tick needs a time: {error}") from error
            fired = self.tick(until)
        return {
            "now": iso(self._clock.now()),
            "fired": [one.told() for one in fired],
            "upcoming": self.upcoming(),
        }


def entries() -> list[Entry]:
    """All schedules and scheduled rules."""
    from moto.events.models import events_backends  # noqa: PLC0415
    from moto.scheduler.models import scheduler_backends  # noqa: PLC0415

    schedules = [
        Entry(s.arn, s.schedule_expression, s.schedule_expression_timezone,
              _moment(s.start_date), _moment(s.end_date), s)
        for regions in list(scheduler_backends.values())
        for backend in list(regions.values())
        for group in list(backend.schedule_groups.values())
        for s in list(group.schedules.values())
    ]  # fmt: skip
    rules = [
        Entry(rule.arn, rule.scheduled_expression, "UTC", None, None, rule)
        for regions in list(events_backends.values())
        for backend in list(regions.values())
        for bus in list(backend.event_buses.values())
        for rule in list(bus.rules.values())
        if rule.scheduled_expression
    ]
    return [*schedules, *rules]


def _moment(told: Any) -> datetime | None:
    return None if told is None else datetime.fromtimestamp(float(told), timezone.utc)


def install(server: Server) -> None:
    """Let `/_lake/tick` fire schedules."""
    schedules = Schedules(server)
    server.around("scheduler", "CreateSchedule", schedules.watch)
    server.around("scheduler", "UpdateSchedule", schedules.watch)
    server.around("events", "PutRule", schedules.watch)
    server.page("tick", schedules.page)
