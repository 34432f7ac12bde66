"""Write, audit, publish: both gold tables move together, or main stays as it was."""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from console import reading
from jobs.pipeline import GOLD_EMT
from lakehouse import publish
from lakehouse.errors import ConflictError, DataQualityError, UsageError
from lakehouse.ledger import RUN
from lakehouse.snapshots import together
from lakehouse.table import Check
from tests.spark import network
from tests.spark.gold import ARRIVALS, HOURS, GoldLake
from tests.spark.lakes import Lake, Row, day

if TYPE_CHECKING:
    from collections.abc import Callable

NEVER = Check("it never holds", "count(*) < 0", "table")
_LAST = replace(GOLD_EMT.jobs[1], table=replace(HOURS, checks=(*HOURS.checks, NEVER)))
FAILING = replace(GOLD_EMT, jobs=(GOLD_EMT.jobs[0], _LAST))
PAIR = (ARRIVALS, HOURS)
_NUMBERS = itertools.count(5000)


@functools.lru_cache(maxsize=1)
def rows() -> dict[str, list[Row]]:
    """A small network."""
    return network.silver(Random(7), count=12)  # noqa: S311  made-up buses, no secret


@pytest.fixture(scope="module")
def shared(new_lake: Callable[[], Lake]) -> GoldLake:
    """That network with its gold."""
    made = GoldLake(new_lake(), rows())
    made.run()
    return made


@pytest.fixture
def made(shared: GoldLake) -> GoldLake:
    """The shared network, up to date, and then one arrival ahead of its gold."""
    tables = names(shared)
    refs = {ref for table in PAIR for ref in shared.lake.history(table).refs}
    for ref in refs - {"main"}:
        for table in tables:
            publish.drop_branch(shared.lake.spark, table, ref)
    shared.run()
    ahead(shared)
    return shared


def ahead(made: GoldLake) -> None:
    """One more arrival than gold knows."""
    row = network.arrival(next(_NUMBERS), Random(1), on=day("2025-08-29"))  # noqa: S311
    made.put("arrivals_predictions", [row])


def names(made: GoldLake) -> list[str]:
    """Both tables in Spark."""
    return [made.lake.name(table) for table in PAIR]


def heads(made: GoldLake) -> list[int]:
    """Main of both tables."""
    return [made.lake.head(table) for table in PAIR]


def fail(made: GoldLake) -> str:
    """Run with a check that never holds; returns the run's id."""
    with pytest.raises(DataQualityError, match="it never holds") as caught:
        made.run(FAILING)
    assert "main is as it was" in str(caught.value)
    (ref,) = (r for r in made.lake.history(HOURS).refs if r.startswith(publish.FAILED))
    run_id = ref[len(publish.FAILED) :]
    assert f"lake publish {run_id}" in caught.value.next_command
    assert f"lake discard {run_id}" in caught.value.next_command
    return run_id


def settled(made: GoldLake) -> None:
    """Gold is the judge's, from one run on main of both tables, and no branch is left."""
    made.check()
    assert made.run() == []
    for table in PAIR:
        assert set(made.lake.history(table).refs) == {"main"}
    pair = together({t.full_name: made.lake.history(t) for t in PAIR}, HOURS.full_name)
    assert pair is not None
    assert list(pair.snapshots.values())[::-1] == heads(made)


def test_a_failed_audit_leaves_main(made: GoldLake) -> None:
    """Main of both tables stays, what was built stays on branches, the ledger says why."""
    before = heads(made)
    run_id = fail(made)
    assert heads(made) == before
    for table in PAIR:
        assert set(made.lake.history(table).refs) == {"main", publish.FAILED + run_id}
    last = max(made.lake.rows(RUN), key=lambda row: row["started_at"])
    assert (last["status"], last["job_group"]) == ("failed", GOLD_EMT.name)
    assert run_id in last["reason"]


def test_the_same_inputs_are_refused_at_once(made: GoldLake) -> None:
    """A second run over the same inputs builds nothing and names the two ways out."""
    run_id = fail(made)
    snapshots = [len(made.lake.history(table).snapshots) for table in PAIR]
    with pytest.raises(DataQualityError, match=f"lake publish {run_id} .*lake discard {run_id}"):
        made.run(FAILING)
    assert [len(made.lake.history(table).snapshots) for table in PAIR] == snapshots


def test_a_person_may_publish_it(made: GoldLake) -> None:
    """`lake publish RUN` moves both mains to what was built; then there is nothing to do."""
    run_id = fail(made)
    built = [made.lake.history(t).refs[publish.FAILED + run_id] for t in PAIR]
    assert publish.release(made.lake.spark, names(made), run_id) == built
    assert heads(made) == built
    settled(made)


def test_a_person_may_discard_it(made: GoldLake) -> None:
    """`lake discard RUN` drops what was built; a run with mended checks then publishes."""
    run_id = fail(made)
    publish.discard(made.lake.spark, names(made), run_id)
    assert {ref for t in PAIR for ref in made.lake.history(t).refs} == {"main"}
    assert made.run()
    settled(made)


def test_what_is_stale_cannot_be_published(made: GoldLake) -> None:
    """Main moved since: publishing is refused, main stays, discarding is still possible."""
    run_id = fail(made)
    ahead(made)
    assert made.run()
    before = heads(made)
    with pytest.raises(ConflictError, match="main moved"):
        publish.release(made.lake.spark, names(made), run_id)
    assert heads(made) == before
    publish.discard(made.lake.spark, names(made), run_id)
    settled(made)


def test_unknown_runs(made: GoldLake) -> None:
    """A run that waits for nothing can be neither published nor discarded."""
    for way in (publish.release, publish.discard):
        with pytest.raises(UsageError, match="run nobody waits for no decision"):
            way(made.lake.spark, names(made), "nobody")


@pytest.mark.parametrize("left", [0, 1])
def test_killed_while_set_aside_or_discarded(made: GoldLake, left: int) -> None:
    """Only one table still has the failed branch: what is refused can always be discarded."""
    run_id = fail(made)
    publish.drop_branch(made.lake.spark, names(made)[left], publish.FAILED + run_id)
    publish.discard(made.lake.spark, names(made), run_id)
    made.run()
    settled(made)


def built(made: GoldLake) -> str:
    """Both branches of a run stand complete and audited, and nothing is published yet."""
    run_id = fail(made)
    for table, name in zip(PAIR, names(made), strict=True):
        head = made.lake.history(table).refs[publish.FAILED + run_id]
        made.lake.spark.sql(
            f"alter table {name} create branch {publish.RUNNING}{run_id} as of version {head}"
        )
        publish.drop_branch(made.lake.spark, name, publish.FAILED + run_id)
    return run_id


# How far a run came before it was killed: (tables fast-forwarded, branches dropped since).
KILLED = {
    "branches built": ((), ()),
    "first branch built": ((), (1,)),
    "first published": ((0,), ()),
    "both published": ((0, 1), ()),
    "first branch dropped": ((0, 1), (0,)),
    "second cannot follow": ((0,), (1,)),
}


@pytest.mark.parametrize("point", list(KILLED))
def test_a_killed_run_is_finished_or_dropped(made: GoldLake, point: str) -> None:
    """Wherever a run was killed, the next one ends with gold of one run and no branch left."""
    run_id, tables = built(made), names(made)
    branch, (moved, dropped) = publish.branch_of(run_id), KILLED[point]
    wanted = [made.lake.history(t).refs[branch] for t in PAIR]
    for number in moved:
        publish.fast_forward(made.lake.spark, tables[number], branch)
    for number in dropped:
        publish.drop_branch(made.lake.spark, tables[number], branch)
    done = made.run()
    settled(made)
    if point in ("first published", "both published", "first branch dropped"):
        assert done == []
        assert heads(made) == wanted


def seen(made: GoldLake) -> tuple[int, int]:
    """Arrivals as `lake sql` reads them from either table, newly opened."""
    query = (
        f"select (select count(*) from {ARRIVALS.full_name}) as arrivals, "
        f"(select coalesce(sum(total_preds), 0) from {HOURS.full_name}) as counted"
    )
    answer = reading.Lake(made.lake.catalog_settings).ask(query, reading.Moment())[0]
    return answer["arrivals"], answer["counted"]


def test_a_reader_never_sees_two_runs(made: GoldLake) -> None:
    """Between the two publications the commit record still names the older pair."""
    run_id, tables = built(made), names(made)
    count = seen(made)[0]
    assert seen(made) == (count, count)
    publish.fast_forward(made.lake.spark, tables[0], publish.branch_of(run_id))
    assert len(made.lake.rows(ARRIVALS)) == count + 1
    assert seen(made) == (count, count)
    publish.fast_forward(made.lake.spark, tables[1], publish.branch_of(run_id))
    assert seen(made) == (count + 1, count + 1)


def test_a_reader_never_sees_half_of_the_first_run(new_lake: Callable[[], Lake]) -> None:
    """Before the first commit record there is no pair: both tables are still empty."""
    made = GoldLake(new_lake(), rows())
    run_id, tables = built(made), names(made)
    assert seen(made) == (0, 0)
    publish.fast_forward(made.lake.spark, tables[0], publish.branch_of(run_id))
    assert len(made.lake.rows(ARRIVALS)) == len(rows()["arrivals_predictions"])
    assert seen(made) == (0, 0)
    publish.fast_forward(made.lake.spark, tables[1], publish.branch_of(run_id))
    assert seen(made) == (len(rows()["arrivals_predictions"]),) * 2


def test_a_reader_that_looked_a_moment_ago_reads_what_was_published_since(made: GoldLake) -> None:
    """A table opened before the publication is opened again, not refused."""
    lake = reading.Lake(made.lake.catalog_settings)
    before = lake.snapshot(ARRIVALS.full_name, reading.Moment())
    lake._forget(HOURS.full_name)  # as if nobody had asked for it yet
    made.run()
    assert lake.snapshot(ARRIVALS.full_name, reading.Moment()) == heads(made)[0] != before
    assert lake.ask(f"select count(*) as n from {ARRIVALS.full_name}", reading.Moment()) == [
        {"n": len(made.lake.rows(ARRIVALS))}
    ]


def test_fast_forward_proves_itself(made: GoldLake) -> None:
    """A branch that is not there, or that main has left, is a conflict; twice is once."""
    with pytest.raises(ConflictError, match="no branch"):
        publish.fast_forward(made.lake.spark, names(made)[0], "run_nobody")
    branch = publish.branch_of(built(made))
    first = publish.fast_forward(made.lake.spark, names(made)[0], branch)
    assert publish.fast_forward(made.lake.spark, names(made)[0], branch) == first
    assert made.lake.head(ARRIVALS) == first
