"""Maintenance on real tables: no row changes, and nothing anybody needs goes."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.expressions import EqualTo

from console import reading, tables
from jobs.maintenance import compaction, facts, trash
from jobs.maintenance.layout import Need
from jobs.maintenance.run import LEASE, maintain
from jobs.maintenance.work import Action, Work
from jobs.pipeline import GOLD_EMT
from lakehouse import lease, ledger
from lakehouse.errors import BusyError, ConflictError, DataQualityError, UsageError
from lakehouse.job import Silver, SilverGroup
from lakehouse.table import Column, Table
from lakehouse.upkeep import Upkeep
from tests.spark import network
from tests.spark.gold import ARRIVALS, HOURS, SOURCES, GoldLake
from tests.spark.lakes import Lake, Row, utc

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from lakehouse.job import GoldGroup

TABLE = Table(
    database="made",
    name="visits",
    doc="Made up.",
    owner="tests",
    key=("id",),
    derived=("at",),
    latest_by="at",
    partition=("days(at)",),
    sort=("line",),
    upkeep=Upkeep(keep_days=1, keep_snapshots=2),
    columns=(
        Column("id", "bigint", "Which.", required=True),
        Column("at", "timestamp", "When.", required=True),
        Column("line", "string", "Where."),
        Column("n", "int", "How many."),
    ),
)
NEIGHBOUR = replace(TABLE, name="visits_too")
GROUP = SilverGroup(
    "silver.made",
    tuple(Silver(table, (), "", lambda records, _: records) for table in (TABLE, NEIGHBOUR)),
)
DAYS = ("2026-03-01 08:00", "2026-03-02 08:00", "2026-03-03 08:00")


def visit(number: int, n: int = 0) -> Row:
    """A row, on one of three days."""
    return {"id": number, "at": utc(DAYS[number % 3]), "line": f"L{number % 7}", "n": n}


def many_commits(lake: Lake, commits: int) -> None:
    """So many small commits: appends, and at last three corrections that leave delete files."""
    for commit in range(commits - 3):
        lake.load(TABLE, [visit(10 * commit + i) for i in range(6)])
    for commit in range(3):
        rows = [visit(10 * commit + i, n=commit + 1) for i in range(6)]
        lake.put(TABLE, rows, replace=True, run_id=f"run-{commit}")


def work(lake: Lake, **options: Any) -> Work:
    """Maintenance of the lake."""
    return Work(lake.spark, lake.settings, (GROUP,), **options)


def did(actions: list[Action], table: Table = TABLE) -> dict[str, str]:
    """What was done to a table, by step."""
    return {a.step: a.did for a in actions if a.table == table.full_name}


def by_id(lake: Lake, at: int | None = None) -> list[Row]:
    """All rows in order."""
    return sorted(lake.rows(TABLE, at=at), key=lambda row: row["id"])


@pytest.fixture
def made(lake: Lake) -> Lake:
    """An empty lake with the tables."""
    return lake.make(TABLE, NEIGHBOUR)


def test_many_small_commits_become_few_files(made: Lake) -> None:
    """30 commits end in at most two files a day, no deletes, equal rows and the newest receipt."""
    many_commits(made, 30)
    before, rows = made.history(TABLE), by_id(made)
    told = maintain(work(made))
    after, files = made.history(TABLE), facts.files(made.spark, TABLE, made.name(TABLE))
    assert len(files.data) <= 2 * len(DAYS)
    assert files.deletes == ()
    assert by_id(made) == rows
    assert by_id(made, at=before.refs["main"]) == rows
    assert (did(told)["compact"], did(told, NEIGHBOUR)["compact"]) == ("done", "nothing")
    head = after.snapshots[after.refs["main"]]
    assert (head.operation, head.receipt) == ("replace", {"run": "run-2", "via": "maintenance"})
    recorded = [row for row in made.rows(ledger.RUN) if row["table_name"] == TABLE.full_name]
    assert [(r["status"], "90 → 3 data files" in r["reason"]) for r in recorded] == [("ok", True)]
    again = maintain(work(made), [TABLE.full_name])
    assert set(did(again).values()) == {"nothing"}
    assert made.head(TABLE) == head.id


def test_a_plan_touches_nothing(made: Lake) -> None:
    """A dry maintenance says what it would do and why, and no table moves."""
    for number in range(4):
        made.load(TABLE, [visit(3 * number)])
    heads = made.heads(TABLE)
    told = {a.step: a for a in maintain(work(made, dry=True), [TABLE.full_name])}
    assert told["compact"].did == "would"
    assert told["compact"].why == "2026-03-01: 4 small files"
    assert made.heads(TABLE) == heads
    with pytest.raises(UsageError, match=r"no table x\.y"):
        maintain(work(made, dry=True), ["x.y"])


def test_two_at_once_exclude_each_other(made: Lake) -> None:
    """A second maintenance, and one beside a running writer, end with who holds the lease."""
    for name in (LEASE, GROUP.name):
        with (
            lease.hold(made.settings.root, name, 0),
            pytest.raises(BusyError, match=rf"{name} is held by process \d+ on .* since 20"),
        ):
            maintain(work(made))


def test_a_changed_row_undoes_the_compaction(made: Lake) -> None:
    """Checksums that differ are a loud failure, and main is where it was."""
    for number in range(3):
        made.load(TABLE, [visit(3 * number)])
    head = made.head(TABLE)

    def lying(spark: SparkSession, table: Table, name: str, at: int) -> compaction.Checksum:
        found = compaction.checksum(spark, table, name, at)
        return found if at == head else found._replace(total=found.total + 1)

    with pytest.raises(DataQualityError, match=rf"compaction changed rows .* back at {head}"):
        maintain(work(made, check=lying))
    assert made.head(TABLE) == head


def test_a_checksum_tells_every_change_and_no_order(made: Lake) -> None:
    """It differs for another value, a null elsewhere and a doubled row, and for nothing else."""
    sums = []
    for rows in (
        [visit(0), visit(3)], [visit(3), visit(0)], [visit(0, n=1), visit(3)],
        [{**visit(0), "run_id": "x", "source_uri": None}, visit(3)],
        [{**visit(0), "run_id": None, "source_uri": "x"}, visit(3)],
        [visit(0), visit(0), visit(3)], [],
    ):  # fmt: skip
        made.delete(TABLE, "true")
        made.load(TABLE, rows)
        name = made.name(TABLE)
        sums.append(compaction.checksum(made.spark, TABLE, name, made.head(TABLE)))
    assert sums[0] == sums[1]
    assert len(set(sums)) == len(sums) - 1


def test_what_a_tag_holds_stays_and_removed_files_come_back(made: Lake) -> None:
    """After expiry a tagged snapshot reads as before; what went comes back by its name."""
    made.load(TABLE, [visit(0)])
    made.spark.sql(f"alter table {made.name(TABLE)} create tag audit_1 retain 1 days").collect()
    tagged = made.head(TABLE)
    made.load(TABLE, [visit(3)])
    lost = made.head(TABLE)
    made.put(TABLE, [visit(0, n=1), visit(3, n=1), visit(6)], replace=True)
    rows = by_id(made)
    told = maintain(work(made, clock=in_days(40)), [TABLE.full_name])
    assert did(told)["expire"] == "done"
    after = made.history(TABLE)
    assert tagged in after.snapshots
    assert lost not in after.snapshots
    assert by_id(made, at=tagged)[0]["n"] == 0
    stray = age_all(made)
    told = maintain(work(made), [TABLE.full_name])
    assert did(told)["orphans"] == "done"
    assert not stray.exists()
    assert (by_id(made), by_id(made, at=tagged)[0]["n"]) == (rows, 0)
    (removal,) = trash.removals(made.settings.root)
    assert len(removal.files) > 1
    assert str(stray) in trash.bring_back(made.settings.root, removal.id)[0]
    assert stray.read_text() == "lost"
    assert did(maintain(work(made), [TABLE.full_name]))["orphans"] == "nothing"


def in_days(days: int) -> Callable[[], datetime]:
    """A clock so many days ahead."""
    return lambda: datetime.now(timezone.utc) + timedelta(days=days)


def age_all(lake: Lake) -> Path:
    """Make every file of the table, and a stray one, five days old, but not its neighbour's."""
    home = Path(trash.local_path(lake.history(TABLE).metadata["location"]))
    stray = home / "data" / "0-stray.parquet"
    stray.write_text("lost")
    then = time.time() - 5 * 86_400
    for file in home.rglob("*"):
        if file.is_file():
            os.utime(file, (then, then))
    return stray


class Killed(BaseException):
    """The process ended here."""


def test_killed_between_the_steps_it_goes_on(made: Lake) -> None:
    """Killed after the rewrite and before the expiry, the next maintenance ends as one alone."""
    many_commits(made, 6)
    rows = by_id(made)

    def die(text: str) -> None:
        if ": expire: " in text:
            raise Killed

    with pytest.raises(Killed):
        maintain(work(made, progress=die, clock=in_days(40)))
    halfway = made.history(TABLE)
    told = maintain(work(made, clock=in_days(40)))
    assert (did(told)["compact"], did(told)["expire"]) == ("nothing", "done")
    assert len(made.history(TABLE).snapshots) < len(halfway.snapshots)
    assert by_id(made) == rows


def test_commits_of_others_meanwhile_are_kept(made: Lake) -> None:
    """Others commit while it compacts, without the lease: both end well, and no row is lost."""
    many_commits(made, 6)
    rows = {row["id"]: row["n"] for row in by_id(made)}

    def meddle(spark: SparkSession, table: Table, name: str, at: int) -> compaction.Checksum:
        if not meddled:  # between the compaction's commit and its proof
            meddled.append(at)
            made.load(TABLE, [visit(999)])
        return compaction.checksum(spark, table, name, at)

    meddled: list[int] = []
    maintain(work(made, check=meddle), [TABLE.full_name])
    assert meddled
    assert {row["id"]: row["n"] for row in by_id(made)} == {**rows, 999: 0}


def test_a_merge_that_a_compaction_overtook_runs_again(made: Lake) -> None:
    """What was staged before a compaction is refused by it, and merges well when staged again."""
    many_commits(made, 6)
    staged = made.stage(TABLE, [visit(0, n=77)], replace=True)
    maintain(work(made), [TABLE.full_name])
    with pytest.raises(ConflictError):
        made.commit(TABLE, staged)
    assert made.put(TABLE, [visit(0, n=77)], replace=True).updated == 1
    assert [row["n"] for row in by_id(made) if row["id"] == 0] == [77]


@pytest.mark.filterwarnings("ignore:Merge on read is not yet supported")
def test_deletes_of_others_meanwhile_hold(made: Lake) -> None:
    """Another program deletes rows while files are written anew: both end well, rows stay gone."""
    for number in range(6):
        made.load(TABLE, [visit(3 * number), visit(3 * number + 1)])
    with ThreadPoolExecutor(1) as others:
        jobs = []

        def meanwhile(text: str) -> None:
            if ": compact: " in text:
                jobs.append(others.submit(delete_without_lease, made, (0, 4, 9)))

        maintain(work(made, progress=meanwhile), [TABLE.full_name])
        jobs[0].result()
    left = {3 * n + i for n in range(6) for i in range(2)} - {0, 4, 9}
    assert [row["id"] for row in by_id(made)] == sorted(left)
    maintain(work(made), [TABLE.full_name])
    assert [row["id"] for row in by_id(made)] == sorted(left)


def delete_without_lease(lake: Lake, ids: tuple[int, ...]) -> None:
    """Delete row after row, as another program does, again where a commit came between."""
    opened = tables.open_catalog(lake.catalog_settings)
    name = tables.identifier(lake.catalog_settings, TABLE.full_name)
    for number in ids:
        for _ in range(20):
            try:
                opened.load_table(name).delete(EqualTo("id", number))
            except (CommitFailedException, ValidationException):
                continue
            break
        else:
            pytest.fail(f"the delete of {number} never came through")


def test_gold_goes_on_from_its_cursor(lake: Lake) -> None:
    """After compaction and expiry of its sources and itself, gold still follows change alone."""
    random = Random(7)  # noqa: S311  the same rows each time
    made = GoldLake(lake, network.silver(random))
    made.run(kept_short(GOLD_EMT))
    for number in range(1, 4):
        rows = [network.arrival(100 * number + n, random, on=network.DAYS[0]) for n in range(4)]
        made.put("arrivals_predictions", rows)
    cursor = lake.history(HOURS).newest_receipt()[1]["cursor"]["arrivals_predictions"]  # type: ignore[index]
    told = maintain(gold_work(lake, clock=in_days(40)), MAINTAINED)
    steps = {(a.table.split(".")[1], a.step): a.did for a in told}
    assert steps["arrivals_predictions", "compact"] == "done"
    assert steps["arrivals_predictions", "expire"] == "done"
    assert steps["arrivals_weather", "expire"] == "done"
    assert cursor in lake.history(SOURCES["arrivals_predictions"]).snapshots
    target = gold_work(lake).target(kept_short(GOLD_EMT).jobs[0].table)
    compaction.compact(target, [Need(None, "asked for", sort=True)])
    console = reading.Lake(lake.catalog_settings)
    assert console.snapshot(ARRIVALS.full_name, reading.Moment()) != lake.head(ARRIVALS)
    assert did(maintain(gold_work(lake), [HOURS.full_name]), HOURS)["pair"] == "done"
    console = reading.Lake(lake.catalog_settings)
    assert console.snapshot(ARRIVALS.full_name, reading.Moment()) == lake.head(ARRIVALS)
    before = made.gold()
    assert [outcome.days for outcome in made.run(kept_short(GOLD_EMT))] == [1, 1]
    after = made.check()
    assert after != before
    console = reading.Lake(lake.catalog_settings)
    shown = console.ask("select count(*) as n from emt_gold.arrivals_weather", reading.Moment())
    assert shown == [{"n": len(after["arrivals_weather"])}]


def kept_short(group: GoldGroup) -> GoldGroup:
    """The group with tables of which only what is needed stays."""
    jobs = tuple(replace(job, table=replace(job.table, upkeep=SHORT)) for job in group.jobs)
    return replace(group, jobs=jobs)


def gold_work(lake: Lake, **options: Any) -> Work:
    """Maintenance of gold and its sources."""
    tables = [replace(table, upkeep=SHORT) for table in GOLD_EMT.sources]
    silver = SilverGroup(
        "silver.made", tuple(Silver(t, (), "", lambda records, _: records) for t in tables)
    )
    return Work(lake.spark, lake.settings, (silver, kept_short(GOLD_EMT)), **options)


SHORT = Upkeep(keep_days=1, keep_snapshots=1)
MAINTAINED = [t.full_name for t in (SOURCES["arrivals_predictions"], ARRIVALS, HOURS)]
