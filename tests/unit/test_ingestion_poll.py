"""A plan of calls: paced, within the quota, resumable; a kill loses little and doubles nothing."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import textwrap
from collections import Counter as Count
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ingestion_server import START, CountingClock

from ingestion.bronze import Record, Stream
from ingestion.emt import Counter
from ingestion.journal import Journal
from ingestion.poll import BATCH_REPLIES, Pace, Poll, Polled, Quota, nothing
from lakehouse.errors import BadInputError, BusyError, CredentialsError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable

ARRIVALS = Stream("emt", "arrivals")
PROJECT = Path(__file__).parents[2]


def fetch(asked: list[Any]) -> Record:
    """An answer that says what was asked."""
    return Record(payload={"of": asked}, request={"stop": asked[0]})


def poll(
    root: Path,
    size: int,
    ask: Callable[[Any], Record] = fetch,
    clock: CountingClock | None = None,
    **more: Any,
) -> Poll:
    """A plan of that many stops."""
    plan = [[str(number), None] for number in range(size)]
    hooks = {"before_call": nothing, "after_flush": nothing, "progress": nothing, **more}
    return Poll(root, ARRIVALS, plan, ask, clock or CountingClock(), **hooks)


def landed(root: Path) -> list[dict[str, Any]]:
    """Every envelope in bronze."""
    return [
        json.loads(line)
        for file in sorted((root / "bronze").rglob("*.jsonl.gz"))
        for line in gzip.decompress(file.read_bytes()).splitlines()
    ]


def stops(root: Path) -> list[str]:
    """The stops of the replies in bronze, in the order of their numbers."""
    return sorted((line["request"]["stop"] for line in landed(root)), key=int)


def failing_at(numbers: set[int], error: Exception) -> Callable[[Any], Record]:
    """An answerer that fails for these stops."""

    def ask(asked: list[Any]) -> Record:
        if int(asked[0]) in numbers:
            raise error
        return fetch(asked)

    return ask


def test_every_call_is_made_once(tmp_path: Path) -> None:
    """Replies are in bronze as answered, with their times, and progress hears of each."""
    heard: list[tuple[int, int]] = []
    done = poll(tmp_path, 3, progress=lambda done, total: heard.append((done, total))).run()
    assert (done.replies, len(done.files), done.failed) == (3, 1, ())
    assert stops(tmp_path) == ["0", "1", "2"]
    assert landed(tmp_path)[0]["payload"] == {"of": ["0", None]}
    assert landed(tmp_path)[0]["fetched_at"] == "2026-03-02T07:00:00.000000Z"
    assert heard == [(1, 3), (2, 3), (3, 3)]


def test_batches_by_number(tmp_path: Path) -> None:
    """A file has at most so many replies."""
    assert len(poll(tmp_path, BATCH_REPLIES + 1).run().files) == 2
    assert len(stops(tmp_path)) == BATCH_REPLIES + 1


def test_batches_by_time(tmp_path: Path) -> None:
    """Replies reach bronze within a minute."""
    clock = CountingClock()
    done = poll(tmp_path, 10, clock=clock, before_call=lambda: clock.sleep(20)).run()
    assert len(done.files) == 4


def test_a_finished_plan_begins_anew(tmp_path: Path) -> None:
    """The next run of a finished plan polls everything again."""
    clock = CountingClock()
    poll(tmp_path, 3, clock=clock).run()
    clock.sleep(60)
    poll(tmp_path, 3, clock=clock).run()
    assert Count(stops(tmp_path)) == {"0": 2, "1": 2, "2": 2}


def test_the_same_moment_lands_once(tmp_path: Path) -> None:
    """The same answers at the same times are the same file."""
    first, second = (poll(tmp_path, 3).run().files for _ in range(2))
    assert first == second
    assert len(landed(tmp_path)) == 3


def test_an_interrupted_plan_goes_on(tmp_path: Path) -> None:
    """A quota that ends a plan keeps what was answered; the next run makes the other calls."""
    ask = failing_at({4}, CredentialsError("quota"))
    with pytest.raises(CredentialsError):
        poll(tmp_path, 9, ask).run()
    assert stops(tmp_path) == ["0", "1", "2", "3"]
    done = poll(tmp_path, 9, failing_at({0, 1, 2, 3}, AssertionError("asked again"))).run()
    assert done.replies == 5
    assert stops(tmp_path) == [str(n) for n in range(9)]


def test_restart_begins_anew(tmp_path: Path) -> None:
    """A stopped plan can be begun anew; what it had answered stays."""
    with pytest.raises(CredentialsError):
        poll(tmp_path, 4, failing_at({2}, CredentialsError("quota"))).run()
    clock = CountingClock(START + timedelta(hours=1))
    assert poll(tmp_path, 4, clock=clock).run(restart=True).replies == 4
    assert Count(stops(tmp_path)) == {"0": 2, "1": 2, "2": 1, "3": 1}


def test_another_plan_is_not_resumed(tmp_path: Path) -> None:
    """Progress belongs to one plan: other stops begin at their beginning."""
    with pytest.raises(CredentialsError):
        poll(tmp_path, 4, failing_at({2}, CredentialsError("quota"))).run()
    assert poll(tmp_path, 3, clock=CountingClock(START + timedelta(hours=1))).run().replies == 3


@pytest.mark.parametrize("error", [UpstreamError("away"), BadInputError("no such stop")])
def test_one_failed_call_is_passed_over(tmp_path: Path, error: Exception) -> None:
    """A call that fails alone is named, and the others are made."""
    done = poll(tmp_path, 5, failing_at({1, 4}, error)).run()
    assert done.replies == 3
    assert [text.split(":")[0] for text in done.failed] == ["['1', None]", "['4', None]"]
    assert stops(tmp_path) == ["0", "2", "3"]


def test_an_outage_ends_the_plan_and_skips_nothing(tmp_path: Path) -> None:
    """Five failures in a row end the run; the next one asks all five again."""
    with pytest.raises(UpstreamError):
        poll(tmp_path, 20, failing_at(set(range(3, 20)), UpstreamError("away"))).run()
    assert stops(tmp_path) == ["0", "1", "2"]
    poll(tmp_path, 20, clock=CountingClock(START + timedelta(hours=1))).run()
    assert stops(tmp_path) == [str(n) for n in range(20)]


def test_nothing_answered_is_an_error(tmp_path: Path) -> None:
    """A plan without one answer fails as its last call did, and is not taken for done."""
    with pytest.raises(UpstreamError, match="away"):
        poll(tmp_path, 2, failing_at({0, 1}, UpstreamError("away"))).run()
    assert poll(tmp_path, 2).run().replies == 2


def test_two_of_the_same_plan(tmp_path: Path) -> None:
    """Only one process carries out a plan at a time; the other one is told."""
    plan = poll(tmp_path, 2)
    with Journal(tmp_path, ARRIVALS, plan.plan).open(), pytest.raises(BusyError):
        plan.run()
    assert isinstance(poll(tmp_path, 2).run(), Polled)


_KILLED = """
    import os, signal, sys
    from pathlib import Path
    from ingestion import journal
    from ingestion.bronze import Bronze, Record, Stream
    from ingestion.clock import SimulatedClock
    from ingestion.poll import Poll, nothing
    from datetime import datetime, timezone

    root, size, kill, where = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    clock = SimulatedClock(datetime.fromisoformat(sys.argv[5]))

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def fetch(asked):
        clock.sleep(20)
        if where == "call" and asked[0] == str(kill):
            die()
        return Record(payload={"text": "a\\u2028b\\x85c"}, request={"stop": asked[0]})

    flushes = []

    class Dying(Bronze):
        def write_replies(self, stream, replies):
            flushes.append(1)
            if where == "before bronze" and len(flushes) == kill:
                die()
            path = super().write_replies(stream, replies)
            if where == "after bronze" and len(flushes) == kill:
                die()
            return path

    journal.Bronze = Dying
    plan = [[str(number), None] for number in range(size)]
    Poll(root, Stream("emt", "arrivals"), plan, fetch, clock, nothing, nothing, nothing).run()
"""


def carried_out(root: Path, kill: int, where: str, start: datetime) -> int:
    """Carry the plan out in a process of its own; its exit code."""
    script = textwrap.dedent(_KILLED)
    arguments = [str(root), "12", str(kill), where, start.isoformat()]
    return subprocess.run(
        [sys.executable, "-B", "-c", script, *arguments],
        cwd=PROJECT,
        check=False,
        capture_output=True,
    ).returncode


@pytest.mark.parametrize(
    ("where", "kill"), [("call", 5), ("before bronze", 2), ("after bronze", 2), ("after bronze", 4)]
)
def test_a_kill_loses_and_doubles_nothing(tmp_path: Path, where: str, kill: int) -> None:
    """Killed in a call, before or after a file is written: in the end each stop is there once."""
    assert carried_out(tmp_path, kill, where, START) == -signal.SIGKILL
    before = len(landed(tmp_path))
    assert before < 12 or where == "after bronze"
    assert carried_out(tmp_path, 0, "never", START + timedelta(hours=1)) == 0
    assert stops(tmp_path) == [str(n) for n in range(12)]


def test_a_line_cut_by_a_power_failure(tmp_path: Path) -> None:
    """Half a line at the journal's end is as if it had not been answered."""
    assert carried_out(tmp_path, 5, "call", START) == -signal.SIGKILL
    (journal,) = (tmp_path / "state").glob("*.jsonl")
    journal.write_bytes(journal.read_bytes()[:-7])
    assert carried_out(tmp_path, 0, "never", START + timedelta(hours=1)) == 0
    assert stops(tmp_path) == [str(n) for n in range(12)]


def test_the_pace_is_even() -> None:
    """A hundred calls a minute are 0.6 s apart, and the time a call took counts."""
    clock = CountingClock()
    pace = Pace(clock, 100)
    pace.wait()
    pace.wait()
    assert clock.slept == [pytest.approx(0.6)]
    clock.set(clock.now() + timedelta(seconds=0.4))
    pace.wait()
    assert clock.slept[1:] == [pytest.approx(0.2)]


def test_a_clock_put_back_stops_nothing() -> None:
    """A clock that is put back an hour makes nobody wait an hour."""
    clock = CountingClock()
    pace = Pace(clock, 60)
    pace.wait()
    clock.set(clock.now() - timedelta(hours=1))
    pace.wait()
    assert sum(clock.slept) <= 1


def quota(root: Path, clock: CountingClock, daily: int) -> Quota:
    """A quota of Madrid's day."""
    return Quota(root, clock, daily, "Europe/Madrid")


def spend(counted: Quota, calls: int, told: Counter | None = None) -> None:
    """Make that many calls."""
    for _ in range(calls):
        counted.spend(told)


def test_the_quota_is_never_exceeded(tmp_path: Path) -> None:
    """The call after the last allowed one is refused, with exit code 77."""
    counted = quota(tmp_path, CountingClock(), 3)
    spend(counted, 3)
    with pytest.raises(CredentialsError, match="used up") as caught:
        counted.spend(None)
    assert caught.value.exit_code == 77


def test_the_quota_is_counted_over_processes(tmp_path: Path) -> None:
    """The count is kept, so that the next command of the day goes on counting."""
    first = quota(tmp_path, CountingClock(), 3)
    spend(first, 2)
    first.save()
    second = quota(tmp_path, CountingClock(), 3)
    spend(second, 1)
    with pytest.raises(CredentialsError):
        second.spend(None)


def test_yesterdays_count_is_not_todays(tmp_path: Path) -> None:
    """A command of the next day begins with a whole quota."""
    first = quota(tmp_path, CountingClock(), 3)
    spend(first, 3)
    first.save()
    spend(quota(tmp_path, CountingClock(START + timedelta(days=1)), 3), 3)


def test_a_new_local_day_has_a_new_quota(tmp_path: Path) -> None:
    """The day is Madrid's: 23:30 UTC in March is already tomorrow."""
    clock = CountingClock(datetime(2026, 3, 2, 22, 30, tzinfo=timezone.utc))
    counted = quota(tmp_path, clock, 2)
    spend(counted, 2)
    clock.set(datetime(2026, 3, 2, 23, 30, tzinfo=timezone.utc))
    spend(counted, 2)
    counted.save()
    assert quota(tmp_path, clock, 3).spend(None) is None
    kept = json.loads(next((tmp_path / "state").glob("*calls.json")).read_text())
    assert kept == {"day": "2026-03-03", "calls": 2}


def test_the_providers_count_is_believed(tmp_path: Path) -> None:
    """Where EMT counted more calls, or allows fewer, that holds."""
    more = quota(tmp_path, CountingClock(), 100)
    spend(more, 4, Counter(current=96, daily=20_000))
    with pytest.raises(CredentialsError):
        more.spend(None)
    fewer = quota(tmp_path, CountingClock(), 100)
    told = Counter(current=0, daily=2)
    spend(fewer, 2, told)
    with pytest.raises(CredentialsError):
        fewer.spend(told)


def test_yesterdays_login_does_not_count_today(tmp_path: Path) -> None:
    """What a login told before midnight says nothing about the new day's calls."""
    clock = CountingClock(datetime(2026, 3, 2, 22, 59, tzinfo=timezone.utc))
    counted, told = quota(tmp_path, clock, 100), Counter(current=99, daily=100)
    spend(counted, 1, told)
    clock.set(datetime(2026, 3, 2, 23, 1, tzinfo=timezone.utc))
    spend(counted, 50, told)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"day": 1}', '{"day": "2026-03-02"}'])
def test_a_damaged_count_begins_anew(tmp_path: Path, text: str) -> None:
    """A count that can't be read is none."""
    first = quota(tmp_path, CountingClock(), 1)
    first.save()
    next((tmp_path / "state").glob("*calls.json")).write_text(text)
    spend(quota(tmp_path, CountingClock(), 1), 1)
