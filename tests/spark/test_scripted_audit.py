"""An audit from end to end: load, correct, evolve, compact, expire, and then answer for it all."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.sql import functions as F

from console import tables
from console.audit import refs, reproduce
from console.audit.blame import Blame
from console.audit.diff import diff
from console.audit.evidence import Evidence, Question
from console.audit.verify import verify
from console.reading import Lake as Reader
from console.reading import Moment
from jobs.gold.emt import arrivals_weather, delay_weather_hourly
from jobs.maintenance.run import maintain
from jobs.maintenance.work import Work
from jobs.pipeline import GOLD_EMT, GROUPS, SILVER_EMT, SILVER_METEOROLOGY, TABLES
from jobs.silver.emt import stops
from jobs.silver.meteorology import meteorology_current
from lakehouse.run import run
from lakehouse.table import Column
from lakehouse.upkeep import Upkeep
from tests.athena import making

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import DataFrame

    from jobs.maintenance.work import Action
    from lakehouse.job import Silver
    from lakehouse.settings import Settings
    from tests.spark.lakes import Lake

    Rows = dict[tuple[Any, ...], dict[str, Any]]

HOURS, ARRIVALS = delay_weather_hourly.TABLE, arrivals_weather.TABLE
WEATHER, STOPS = meteorology_current.TABLE, stops.TABLE
KEPT = (HOURS, ARRIVALS, WEATHER, STOPS)
DAY_ONE = Moment(ref="day-1")
# The same table a year later: EMT tells a zone, and the job takes it.
WIDER = replace(STOPS, columns=(*STOPS.columns, Column("zone", "string", "The fare zone.")))
# So short that maintenance has to decide what of the past is needed.
SHORT = Upkeep(keep_days=1, keep_snapshots=1)


def _with_zone(records: DataFrame, settings: Settings) -> DataFrame:
    return stops.JOB.transform(records, settings).withColumn("zone", F.lit(None).cast("string"))


def _later(job: Silver) -> Silver:
    if job.table == STOPS:
        job = replace(job, table=WIDER, transform=_with_zone)
    return replace(job, table=replace(job.table, upkeep=SHORT))


EVOLVED = (
    replace(SILVER_EMT, jobs=tuple(_later(job) for job in SILVER_EMT.jobs)),
    replace(SILVER_METEOROLOGY, jobs=tuple(_later(job) for job in SILVER_METEOROLOGY.jobs)),
    replace(
        GOLD_EMT,
        jobs=tuple(replace(job, table=replace(job.table, upkeep=SHORT)) for job in GOLD_EMT.jobs),
    ),
)


class Audited:
    """A lake with a past: what its tables said on day one and say now, read by nobody's tools."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.settings = lake.catalog_settings
        tables.apply(self.settings, TABLES)
        self.load(0)
        self.day_one = self.rows()
        self.at = datetime.now(timezone.utc)
        found = refs.of_all(self.reader, "day-1", Moment())
        refs.put(self.settings, refs.kept(found, "400d"))
        self.load(1)
        self.today = self.rows()
        tables.apply(self.settings, tuple(WIDER if table == STOPS else table for table in TABLES))
        self.actions = self.maintain()

    @property
    def reader(self) -> Reader:
        """The lake as the console reads it, afresh."""
        return Reader(self.settings)

    def load(self, batch: int) -> None:
        """Land a batch, and run everything."""
        making.land(self.settings, batch)
        run(self.lake.spark, self.settings, GROUPS)

    def maintain(self) -> list[Action]:
        """Maintenance as it will be when all that is not held is too old."""
        later = datetime.now(timezone.utc) + timedelta(days=60)
        return maintain(Work(self.lake.spark, self.settings, EVOLVED, clock=lambda: later))

    def rows(self) -> dict[str, Rows]:
        """Every row by its key, as Spark reads it now."""
        return {
            table.full_name: {
                tuple(row[name] for name in table.key): {n: row[n] for n in table.names}
                for row in self.lake.rows(table)
            }
            for table in KEPT
        }

    def snapshots(self, name: str) -> int:
        """How many snapshots a table has."""
        return len(self.reader.history(name).snapshots)


@pytest.fixture(scope="module")
def audited(new_lake: Callable[[], Lake]) -> Audited:
    """The lake, with its past behind it."""
    return Audited(new_lake())


def by_key(asked: list[dict[str, Any]], name: str) -> Rows:
    """An answer of the console, as `Audited.rows` has it."""
    table = next(t for t in KEPT if t.full_name == name)
    return {tuple(r[k] for k in table.key): {n: r[n] for n in table.names} for r in asked}


def test_something_was_compacted_and_expired(audited: Audited) -> None:
    """Else nothing below would prove anything."""
    done = {action.step for action in audited.actions if action.did == "done"}
    assert done >= {"compact", "expire"}
    assert all(audited.snapshots(table.full_name) >= 2 for table in (HOURS, ARRIVALS, WEATHER))


@pytest.mark.parametrize("table", KEPT, ids=lambda table: table.full_name)
def test_what_it_said_on_day_one_is_known(audited: Audited, table: Any) -> None:
    """The tag holds every row as it was, and main still says what it said before maintenance."""
    name = table.full_name
    then = audited.reader.ask(f"select * from {name}", DAY_ONE)
    assert by_key(then, name) == audited.day_one[name]
    now = audited.reader.ask(f"select * from {name}", Moment())
    assert by_key(now, name) == audited.today[name]


@pytest.mark.parametrize("table", KEPT, ids=lambda table: table.full_name)
def test_what_changed_since_is_told(audited: Audited, table: Any) -> None:
    """Rows added, removed and changed by key, with the columns that differ, and no others."""
    old, new = audited.day_one[table.full_name], audited.today[table.full_name]
    both = old.keys() & new.keys()
    ignored = {*table.key, *table.ignored}
    differ = {
        key: {n for n in table.names if n not in ignored and old[key][n] != new[key][n]}
        for key in both
    }
    changed = {key: names for key, names in differ.items() if names}
    found = diff(audited.reader, table.full_name, DAY_ONE, Moment())
    told = {tuple(row["key"].values()): row for row in found.rows}
    assert (found.counts.added, found.counts.removed) == (
        len(new - old.keys()),
        len(old - new.keys()),
    )
    assert {k: set(r["columns"]) for k, r in told.items() if r["change"] == "changed"} == changed


def test_who_changed_a_row_is_told(audited: Audited) -> None:
    """A corrected observation: both answers, by which runs, from which lines of which files."""
    corrected = [
        key
        for key, row in audited.today[WEATHER.full_name].items()
        if audited.day_one[WEATHER.full_name].get(key, row)["precip_mm"] != row["precip_mm"]
    ]
    assert len(corrected) == 1
    at = corrected[0][WEATHER.key.index("obs_ts")]
    _, rows = Blame(audited.settings, audited.reader, WEATHER.full_name).rows(
        f"obs_ts = timestamptz '{at.isoformat()}'", 5, deep=False
    )
    (row,) = rows
    new, old = row["versions"]
    assert (row["status"], new["change"]) == ("current", "changed")
    assert new["columns"]["precip_mm"] == {"old": 0.0, "new": 3.0}
    assert row["columns"]["precip_mm"]["run"] == new["run"] != old["run"]
    assert new["source"]["uri"] != old["source"]["uri"]
    assert all(version["source"]["request"] == {"q": "madrid"} for version in (new, old))


def test_a_gold_run_of_day_one_is_computed_again(audited: Audited) -> None:
    """Its inputs are still there, because the tag holds them too, and give the very rows."""
    head = audited.reader.snapshot(HOURS.full_name, DAY_ONE)
    receipt = audited.reader.history(HOURS.full_name).snapshots[head or 0].receipt
    found = reproduce.find(audited.reader, receipt["run"])
    results = reproduce.Again(audited.lake.spark, audited.settings, found, lambda _: None).compare()
    assert [result.equal for result in results] == [True, True]


def test_a_stranger_can_check_it(audited: Audited, tmp_path: Path) -> None:
    """A bundle of day one is proven without the lake; with one byte changed it is not."""
    names = tuple(table.full_name for table in KEPT)
    question = Question(names, "day-1")
    Evidence(audited.reader, audited.settings.root, question, DAY_ONE).write(tmp_path / "b")
    verdict = verify(tmp_path / "b")
    assert verdict.findings == []
    assert verdict.checked["rows"] == sum(len(audited.day_one[name]) for name in names)
    victim = max((tmp_path / "b").rglob("*.jsonl"), key=lambda path: path.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    assert any(victim.name in finding for finding in verify(tmp_path / "b").findings)


def test_the_next_run_goes_on(audited: Audited) -> None:
    """Nothing that a run needs was lost: no row is written, no day computed again for it.

    Gold's sources have moved by compaction: once it says so in a receipt. A file whose snapshot
    only a tag keeps, beyond what expired, may be read once more. After that nothing is new.
    """
    done = run(audited.lake.spark, audited.settings, EVOLVED)
    assert all(outcome.counts.written == 0 for outcome in done)
    assert all(outcome.days == 0 for outcome in done)
    assert run(audited.lake.spark, audited.settings, EVOLVED) == []
    assert audited.rows() == audited.today
