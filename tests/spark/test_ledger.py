"""The ledger: which file fed which table, which rows were refused, and that nothing is lost."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.sql import functions as F

from jobs.silver.emt import arrivals_predictions, incidents
from lakehouse.errors import BusyError, ContractError
from lakehouse.iceberg import swap_property
from lakehouse.job import SilverGroup
from lakehouse.lease import hold
from lakehouse.ledger import PROCESSED_FILE, REJECTED_ROW, RUN
from lakehouse.run import redrive

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from lakehouse.settings import Settings
    from tests.spark.lakes import Lake, Row

ARRIVALS, INCIDENTS = arrivals_predictions.TABLE, incidents.TABLE
GROUP = SilverGroup("silver.test", (arrivals_predictions.JOB, incidents.JOB))


@pytest.fixture
def emt(lake: Lake) -> Lake:
    """A lake with the two tables that polls feed."""
    return lake.make_for(GROUP)


def arrive(**changes: Any) -> Row:
    """An answered arrival."""
    start = {"line": "27", "stop": "62", "isHead": "False", "estimateArrive": 399, "bus": 140}
    return {**start, **changes}


def poll(*arrivals: Row, at: str = "2025-08-26 12:00:00") -> Row:
    """A recorded poll; its incident comes along."""
    said = {"ListaIncident": {"data": [{"guid": "g1", "title": "Corte"}]}}
    return {
        "polled_at_local": at,
        "req_line": "27",
        "data": [{"Arrive": list(arrivals), "Incident": said}],
    }


def test_every_row_is_accounted_for(emt: Lake) -> None:
    """Accepted, collapsed and rejected rows add up to what was answered, and stand in ops.run."""
    emt.land("emt/arrivals", poll(arrive(), arrive(), arrive(stop=" ")), poll(arrive(bus=None)))
    arrivals, announced = emt.run(GROUP)
    found = arrivals.counts
    assert (found.rows_in, found.accepted, found.collapsed, found.rejected) == (4, 2, 1, 1)
    assert (announced.counts.rows_in, announced.counts.collapsed) == (2, 1)
    said = {row["table_name"]: row for row in emt.rows(RUN)}[ARRIVALS.full_name]
    assert said["rows_in"] == said["accepted"] + said["collapsed"] + said["rejected"] == 4
    assert (said["status"], said["files"], said["records"]) == ("ok", 1, 2)
    assert said["snapshot_id"] == emt.head(ARRIVALS)
    head = emt.history(ARRIVALS).snapshots[emt.head(ARRIVALS)]
    assert head.receipt["counts"] == {"rows_in": 4, "rejected": 1, "collapsed": 1, "inserted": 2}
    assert head.receipt["run"] == said["run_id"]


def test_an_idle_run_moves_no_main(emt: Lake) -> None:
    """A second run over the same files commits nothing, to ops neither."""
    emt.land("emt/arrivals", poll(arrive(), arrive(stop=None)))
    emt.run(GROUP)
    before = emt.heads(ARRIVALS, INCIDENTS)
    assert emt.run(GROUP) == []
    assert emt.heads(ARRIVALS, INCIDENTS) == before


def test_only_new_files_are_read(emt: Lake) -> None:
    """A file taken in is not read again; one landed since is."""
    first = emt.land("emt/arrivals", poll(arrive()))
    emt.run(GROUP)
    second = emt.land("emt/arrivals", poll(arrive(bus=7)))
    assert [o.files for o in emt.run(GROUP)] == [1, 1]
    taken = {(r["table_name"], r["file"]) for r in emt.rows(PROCESSED_FILE)}
    assert taken == {(t.full_name, f) for t in (ARRIVALS, INCIDENTS) for f in (first, second)}
    assert len(emt.rows(ARRIVALS)) == 2


def test_the_same_rows_in_another_file(emt: Lake) -> None:
    """What was answered twice is there once, and main does not move for it."""
    emt.land("emt/arrivals", poll(arrive()))
    emt.run(GROUP)
    before = emt.head(ARRIVALS)
    emt.land("emt/arrivals", poll(arrive()), poll())
    assert emt.run(GROUP)[0].counts.unchanged == 1
    assert emt.head(ARRIVALS) == before
    assert emt.run(GROUP) == []


def test_a_rollback_makes_files_pending_again(emt: Lake) -> None:
    """Rows that a rollback took away come back with the next run; other tables stay."""
    emt.land("emt/arrivals", poll(arrive(), arrive(stop=None)))
    emt.run(GROUP)
    first, kept = emt.rows(ARRIVALS), emt.head(INCIDENTS)
    start = emt.history(ARRIVALS).snapshots[emt.head(ARRIVALS)].parent
    assert start is not None
    emt.rollback(ARRIVALS, start)
    assert emt.rows(ARRIVALS) == []
    (only,) = emt.run(GROUP)
    assert (only.table_name, only.counts.inserted) == (ARRIVALS.full_name, 1)
    assert [r["id"] for r in emt.rows(ARRIVALS)] == [r["id"] for r in first]
    assert emt.head(INCIDENTS) == kept
    assert len(emt.rows(REJECTED_ROW)) == 1
    assert emt.run(GROUP) == []


def test_a_lost_index_costs_a_reading(emt: Lake) -> None:
    """Without ops.processed_file everything is read again and no row is doubled or moved."""
    emt.land("emt/arrivals", poll(arrive(), arrive(stop=None)))
    emt.run(GROUP)
    before = {t.full_name: emt.head(t) for t in (ARRIVALS, INCIDENTS, REJECTED_ROW)}
    emt.delete(PROCESSED_FILE, "true")
    assert [o.files for o in emt.run(GROUP)] == [1, 1]
    assert {t.full_name: emt.head(t) for t in (ARRIVALS, INCIDENTS, REJECTED_ROW)} == before
    assert emt.run(GROUP) == []


def test_rejected_rows_are_kept_once(emt: Lake) -> None:
    """A refused row is kept as answered, with its place and the first run, over all replays."""
    rows = poll(arrive(stop=None), arrive(), arrive(estimateArrive=-5), arrive(stop=None))
    emt.land("emt/arrivals", poll(), rows)
    emt.run(GROUP)
    found = emt.rows(REJECTED_ROW)
    assert {(r["table_name"], r["source_row"], r["item"], r["reason"]) for r in found} == {
        (ARRIVALS.full_name, 2, 0, "no stop_id"),
        (ARRIVALS.full_name, 2, 3, "no stop_id"),
        (ARRIVALS.full_name, 2, 2, "a negative estimate"),
    }
    kept = next(r for r in found if r["item"] == 2)
    assert json.loads(kept["row_json"])["a"]["estimateArrive"] == "-5"
    emt.run(GROUP, replace=True)
    assert emt.rows(REJECTED_ROW) == found


def test_a_record_of_the_wrong_shape_is_a_rejected_row(emt: Lake) -> None:
    """A page instead of a reply, or a list instead of a poll, is kept, and its neighbours enter."""
    odd: list[Any] = ["<html>", [1, 2], {"data": "no"}, 5, {"polled_at_local": 1, "data": {}}]
    emt.land("emt/arrivals", *odd, poll(arrive()))
    arrivals = emt.run(GROUP)[0]
    assert (arrivals.records, arrivals.counts.rejected, arrivals.counts.inserted) == (6, 5, 1)
    mine = [r for r in emt.rows(REJECTED_ROW) if r["table_name"] == ARRIVALS.full_name]
    assert sorted(r["source_row"] for r in mine) == [1, 2, 3, 4, 5]
    assert all("shape of its stream" in r["reason"] and r["row_json"] for r in mine)
    assert "<html>" in min(mine, key=lambda r: r["source_row"])["row_json"]
    before = emt.head(REJECTED_ROW)
    emt.delete(PROCESSED_FILE, "true")
    emt.run(GROUP)
    assert emt.head(REJECTED_ROW) == before


def test_replace_reads_all_again(emt: Lake) -> None:
    """`--replace` reads every file once more and ends, though all were taken in."""
    emt.land("emt/arrivals", poll(arrive()))
    emt.land("emt/arrivals", poll(arrive(bus=8)))
    emt.run(GROUP)
    done = emt.run(GROUP, replace=True)
    assert [(o.files, o.counts.unchanged) for o in done] == [(2, 2), (2, 1)]


def broken(records: DataFrame, settings: Settings) -> DataFrame:
    """A transform that refuses everything."""
    good = arrivals_predictions.transform(records, settings)
    return good.withColumn("reject", F.lit("broken"))


def test_a_mended_transform_redrives(emt: Lake) -> None:
    """Rows refused by mistake come in by a redrive and leave the list of the refused."""
    job = replace(arrivals_predictions.JOB, transform=broken)
    group = SilverGroup(GROUP.name, (job,))
    emt.land("emt/arrivals", poll(arrive(), arrive(stop=None)))
    emt.run(group)
    assert [r["reason"] for r in emt.rows(REJECTED_ROW)] == ["broken", "broken"]
    sources = {r["source_uri"] for r in emt.rows(REJECTED_ROW)}
    emt.land("emt/arrivals", poll(arrive(bus=1)))
    table = ARRIVALS.full_name
    redrive(emt.spark, emt.settings, [GROUP], table=table, sources=sources)
    assert [r["reason"] for r in emt.rows(REJECTED_ROW)] == ["no stop_id"]
    assert [r["bus"] for r in emt.rows(ARRIVALS)] == ["140"]


def test_a_transform_that_breaks_the_contract(emt: Lake) -> None:
    """Other columns than the contract's stop the step; ops.run keeps the reason."""

    def odd(records: DataFrame, settings: Settings) -> DataFrame:
        return arrivals_predictions.transform(records, settings).withColumn("more", F.lit(1))

    group = SilverGroup("x", (replace(arrivals_predictions.JOB, transform=odd),))
    emt.land("emt/arrivals", poll(arrive()))
    with pytest.raises(ContractError, match="more"):
        emt.run(group)
    (failed,) = emt.rows(RUN)
    assert (failed["status"], "more" in failed["reason"]) == ("failed", True)
    assert emt.rows(PROCESSED_FILE) == []
    assert len(emt.run(GROUP)) == 2


def test_one_writer_a_group(emt: Lake) -> None:
    """While another process holds the group, a run says who does, and writes nothing."""
    emt.settings = replace(emt.settings, lease_wait_sec=0)
    with (
        hold(emt.settings.root, GROUP.name, 0),
        pytest.raises(BusyError, match=f"{GROUP.name} is held by process"),
    ):
        emt.run(GROUP)


def test_a_property_is_swapped_by_one_of_many(lake: Lake) -> None:
    """Of all that want a lease at once one gets it; other groups are not disturbed."""
    lake.make()
    name = lake.name(RUN)
    lake.history(RUN)  # Spark's first look at a catalog is not for many threads at once
    with ThreadPoolExecutor(6) as pool:
        same = [pool.submit(swap_property, lake.spark, name, "g", None, f"s{n}") for n in range(3)]
        other = [pool.submit(swap_property, lake.spark, name, f"o{n}", None, "x") for n in range(3)]
    assert sorted(f.result() for f in same) == [False, False, True]
    assert all(f.result() for f in other)
    held = lake.history(RUN).metadata["properties"]["g"]
    assert not swap_property(lake.spark, name, "g", "somebody else's", "mine")
    assert swap_property(lake.spark, name, "g", held, None)
    assert "g" not in lake.history(RUN).metadata["properties"]
