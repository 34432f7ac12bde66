"""A plan of calls into a lake that is in a bucket: its state is there, its journal is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter as Count
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingestion import catalogue
from ingestion.bronze import Bronze, Record, Stream
from ingestion.journal import Journal
from ingestion.poll import Poll, Quota, nothing
from lakehouse import lease
from lakehouse.errors import BusyError, ConflictError, CredentialsError
from tests.emulated.lakes import asked, bucket_of, landed, tree
from tests.unit.ingestion_server import START, CountingClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudpathlib import S3Path

    from console.emulator.server import Server
    from lakehouse.settings import Settings

ARRIVALS = Stream("emt", "arrivals")
PROJECT = Path(__file__).parents[2]


def fetch(asked: list[Any]) -> Record:
    """An answer that says what was asked."""
    return Record(payload={"of": asked}, request={"stop": asked[0]})


def ending_at(stop: int, error: Exception) -> Callable[[list[Any]], Record]:
    """An answerer that ends the plan at this stop."""

    def ask(asked: list[Any]) -> Record:
        if asked[0] == str(stop):
            raise error
        return fetch(asked)

    return ask


def poll(root: S3Path, size: int, ask: Callable[[Any], Record] = fetch, clock: Any = None) -> Poll:
    """A plan of that many stops."""
    plan = [[str(number), None] for number in range(size)]
    return Poll(root, ARRIVALS, plan, ask, clock or CountingClock(), nothing, nothing, nothing)


def stops(root: S3Path) -> list[str]:
    """The stops of the replies in bronze, in the order of their numbers."""
    return sorted((line["request"]["stop"] for line in landed(root)), key=int)


def test_an_interrupted_plan_goes_on_elsewhere(lake: Settings) -> None:
    """What was answered is in bronze, and how far it came in the bucket, for any machine."""
    root = bucket_of(lake)
    with pytest.raises(CredentialsError):
        poll(root, 9, ending_at(4, CredentialsError("quota"))).run()
    assert stops(root) == ["0", "1", "2", "3"]
    (state,) = tree(root, "state/").values()
    assert json.loads(state) == {"stream": "emt/arrivals", "done": 4, "total": 9}
    elsewhere = bucket_of(lake)
    assert poll(elsewhere, 9, ending_at(0, AssertionError("asked again"))).run().replies == 5
    assert stops(root) == [str(n) for n in range(9)]
    assert not tree(root, "state/")
    assert not tree(root, "leases/")


def test_the_journal_leaves_nothing_here(lake: Settings, tmp_path: Path) -> None:
    """Its folder is a temporary one, and ends with the run."""
    root, seen = bucket_of(lake), []

    def look(stop: list[Any]) -> Record:
        if stop[0] == "1":
            seen.extend(tmp_path.rglob("*.jsonl"))
        return fetch(stop)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path))
        poll(root, 2, look).run()
    assert len(seen) == 1
    assert not list(tmp_path.rglob("*.jsonl"))


def test_two_of_the_same_plan(lake: Settings) -> None:
    """Only one function carries out a plan at a time, the other one is told; then it is free."""
    root = bucket_of(lake)
    plan = poll(root, 2)
    with Journal(root, ARRIVALS, plan.plan).open(), pytest.raises(BusyError, match="held by"):
        plan.run()
    assert poll(root, 2).run().replies == 2


def test_a_lease_that_ran_out_moves_no_state(
    lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replies are in bronze all the same, and the other one's state stays."""
    root = bucket_of(lake)
    plan = poll(root, 2, ending_at(1, CredentialsError("quota")))

    def late(_claim: Any) -> None:
        raise ConflictError("the lease ran out")

    monkeypatch.setattr(lease._Claim, "check", late)
    with pytest.raises(ConflictError):
        plan.run()
    assert stops(root) == ["0"]
    assert not tree(root, "state/")


_KILLED = """
    import os, signal, sys
    from datetime import datetime
    from ingestion import places
    from ingestion.bronze import Record, Stream
    from ingestion.clock import SimulatedClock
    from ingestion.poll import Poll, nothing
    from lakehouse import settings

    clock = SimulatedClock(datetime.fromisoformat(sys.argv[1]))

    def fetch(asked):
        clock.sleep(20)
        if asked[0] == "8":
            os.kill(os.getpid(), signal.SIGKILL)
        return Record(payload={}, request={"stop": asked[0]})

    plan = [[str(number), None] for number in range(12)]
    root = places.root(settings.load())
    Poll(root, Stream("emt", "arrivals"), plan, fetch, clock, nothing, nothing, nothing).run()
"""


def test_a_killed_function_loses_only_what_was_not_flushed(lake: Settings, tmp_path: Path) -> None:
    """Killed in the ninth call, six replies are there; the rest is asked again, and none twice.

    The dead one's lease is free at once: it died on this machine, which can tell.
    """
    root = bucket_of(lake)
    told = {
        "LAKE_PLACE": lake.place, "LAKE_HOME": lake.home,
        "LAKE_ENDPOINT": lake.endpoint, "LAKE_REGION": lake.region, "TMPDIR": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-B", "-c", textwrap.dedent(_KILLED), START.isoformat()],
        cwd=PROJECT,
        env={**os.environ, **told},
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert stops(root) == [str(n) for n in range(6)]
    later = CountingClock(START + timedelta(hours=1))
    assert poll(root, 12, clock=later).run().replies == 6
    assert Count(stops(root)) == {str(n): 1 for n in range(12)}


def test_the_quota_is_counted_over_functions(lake: Settings) -> None:
    """The day's count is in the bucket."""
    first = Quota(bucket_of(lake), CountingClock(), 3, lake.time_zone)
    first.spend(None)
    first.spend(None)
    first.save()
    second = Quota(bucket_of(lake), CountingClock(), 3, lake.time_zone)
    second.spend(None)
    with pytest.raises(CredentialsError, match="used up"):
        second.spend(None)


def test_the_catalogue_reads_the_newest_day_alone(emulator: Server, lake: Settings) -> None:
    """The known stops are those of the newest list; older ones are not read."""
    root = bucket_of(lake)
    for number, node in enumerate(("7", "62")):
        record = Record({"data": [{"node": node}]}, {})
        day = START + timedelta(days=number)
        Bronze(root).write_file(catalogue.STOPS, [record], sha256=f"a{number}", fetched_at=day)
    assert catalogue.known(root, catalogue.STOPS, START + timedelta(days=1)) == ["62"]
    assert catalogue.known(root, catalogue.STOPS, START + timedelta(days=30)) == []
    assert asked(emulator, root, "GetObject") == ["bronze/emt/stops/date=2026-03-03/a1.jsonl.gz"]
