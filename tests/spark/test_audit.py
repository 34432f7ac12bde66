"""A table's past as Spark writes it: branches, merge-on-read, compaction, evolution."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from console import reading
from console.audit.blame import Blame
from console.audit.diff import diff
from console.audit.history import Change
from console.audit.versions import Versions
from console.reading import Moment
from console.tables import apply
from jobs.silver.emt import arrivals_predictions
from lakehouse import catalog
from lakehouse.errors import UsageError
from lakehouse.table import AUDIT_NAMES, Column, Table
from tests.judge.past import Past
from tests.spark import network
from tests.spark.gold import ARRIVALS, HOURS, GoldLake
from tests.spark.lakes import Lake, Row, day

if TYPE_CHECKING:
    from collections.abc import Callable

THINGS = Table(
    database="made_silver",
    name="things",
    doc="Made up.",
    owner="tests",
    key=("id",),
    derived=("day",),
    partition=("days(day)",),
    columns=(
        Column("id", "int", "Identifies it.", required=True),
        Column("day", "date", "Follows from the id.", required=True),
        Column("a", "int", "Any number."),
        Column("b", "string", "Any text."),
    ),
)
NAME = THINGS.full_name


def thing(key: int, **values: Any) -> Row:
    """A row; its day follows from its key."""
    return {"id": key, "day": day("2026-01-01") + timedelta(days=key % 3), "a": key, **values}


def call(lake: Lake, procedure: str, arguments: str) -> None:
    """A procedure of Iceberg's on the table."""
    name = lake.name(THINGS).partition(".")[2]
    named = f"table => '{name}', {arguments}"
    lake.spark.sql(f"call {catalog.NAME}.system.{procedure}({named})").collect()


def present() -> datetime:
    """Now, as a moment that no commit shares."""
    time.sleep(0.002)
    found = datetime.now(timezone.utc)
    time.sleep(0.002)
    return found


class Clock:
    """What stood on main at which moments, as Spark saw it then."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.seen: list[tuple[datetime, list[int]]] = []

    def look(self) -> None:
        """Remember main's rows as of now."""
        rows = sorted(row["id"] for row in self.lake.rows(THINGS))
        self.seen.append((present(), rows))

    def check(self, since: datetime | None = None) -> None:
        """Ask for each of these moments, in hindsight."""
        reader = reading.Lake(self.lake.catalog_settings)
        for moment, rows in self.seen:
            if since is None or moment > since:
                asked = reader.ask(f"select id from {NAME} order by id", Moment(at=moment))
                assert [row["id"] for row in asked] == rows, moment


def test_known_is_what_was_current(lake: Lake) -> None:
    """Branches count from when they are published, not written; so do rollbacks and picked rows."""
    before = present()
    lake.make(THINGS)
    clock = Clock(lake)
    name = lake.name(THINGS)
    lake.put(THINGS, [thing(1)])
    clock.look()
    lake.spark.sql(f"alter table {name} create branch draft")
    row = "2, date'2026-01-03', 2, null, timestamp'2026-01-01', 'r', 's', 1"
    lake.spark.sql(f"insert into {name}.branch_draft values ({row})")
    lake.spark.sql(f"insert into {name}.branch_draft values ({row.replace('2, ', '5, ', 1)})")
    clock.look()
    written = lake.history(THINGS).snapshots[lake.history(THINGS).refs["draft"]].at_ms
    assert clock.seen[-1][0].timestamp() * 1000 > written
    assert clock.seen[-1][1] == [1]
    call(lake, "fast_forward", "branch => 'main', to => 'draft'")
    clock.look()
    first = lake.history(THINGS).log[1][1]
    lake.rollback(THINGS, first)
    clock.look()
    lake.spark.sql(f"alter table {name} create or replace branch picked")
    lake.put(THINGS, [thing(4)])
    lake.spark.sql(f"insert into {name}.branch_picked values ({row.replace('2, ', '8, ', 1)})")
    clock.look()
    picked = lake.history(THINGS).refs["picked"]
    call(lake, "cherrypick_snapshot", f"snapshot_id => {picked}")
    clock.look()
    assert [rows for _, rows in clock.seen] == [[1], [1], [1, 2, 5], [1], [1, 4], [1, 4, 8]]
    clock.check()
    reader = reading.Lake(lake.catalog_settings)
    assert reader.ask(f"select id from {NAME}", Moment(at=before)) == []
    assert "had no snapshot yet" in reader.notes[0]
    inner = reader.history(NAME).became_current
    assert inner[reader.history(NAME).refs["draft"]] > written


def test_an_expired_time_is_refused(lake: Lake) -> None:
    """After expiry a time before is not answered with no rows or wrong ones, later ones are."""
    lake.make(THINGS)
    clock = Clock(lake)
    for key in (1, 2, 3):
        lake.put(THINGS, [thing(key)])
        clock.look()
    kept = lake.history(THINGS)
    call(lake, "expire_snapshots", "older_than => timestamp '2100-01-01', retain_last => 2")
    found = reading.Lake(lake.catalog_settings).history(NAME)
    assert len(found.snapshots) == 2
    since = found.known_since
    assert since == kept.log[-2][0]
    with pytest.raises(UsageError, match="is not known any more"):
        clock.check()
    clock.check(datetime.fromtimestamp(since / 1000, tz=timezone.utc))


class Walk:
    """A random walk by the one MERGE, deletes, compaction and evolution, beside a model."""

    def __init__(self, lake: Lake, seed: int) -> None:
        self.lake = lake.make(THINGS)
        self.random = Random(seed)  # noqa: S311  a walk, no secret
        self.table = THINGS
        self.past = Past()
        self.rows: dict[int, dict[int, Any]] = {}
        self.runs: dict[int, str] = {}

    def _ids(self) -> dict[str, int]:
        found = self.lake.history(self.table).metadata
        (now,) = (s for s in found["schemas"] if s["schema-id"] == found["current-schema-id"])
        return {f["name"]: f["id"] for f in now["fields"] if f["name"] not in AUDIT_NAMES}

    def put(self) -> None:
        """New and changed rows in one MERGE; one of them keeps its values."""
        ids = self._ids()
        keys = self.random.sample(range(12), 5)
        batch = [
            {**thing(key), "a": self.random.choice([None, 1, 2]), "b": self.random.choice("xy")}
            for key in keys
        ]
        run = f"run{len(self.past.states)}"
        if len(self.table.columns) > 4:
            batch = [{**row, "c": self.random.choice([None, 1.5])} for row in batch]
        counts = self.lake.put(self.table, batch, replace=True, run_id=run)
        self.rows |= {row["id"]: {ids[n]: row.get(n) for n in ids} for row in batch}
        if counts.written:
            self.runs[self.lake.head(THINGS)] = run
            self.note()

    def delete(self) -> None:
        """Some rows go, as delete files."""
        gone = self.random.sample(range(12), 3)
        self.lake.delete(THINGS, f"id in ({', '.join(map(str, gone))})")
        self.rows = {key: row for key, row in self.rows.items() if key not in gone}
        self.note()

    def compact(self) -> None:
        """The same rows in other files, delete files applied."""
        call(self.lake, "rewrite_data_files", "options => map('rewrite-all', 'true')")
        self.note()

    def widen(self) -> None:
        """An int becomes a bigint, a column is added."""
        wide = replace(self.table.columns[2], kind="bigint")
        more = Column("c", "double", "Came later.")
        columns = (*self.table.columns[:2], wide, self.table.columns[3], more)
        self.evolve(replace(self.table, columns=columns))

    def repartition(self) -> None:
        """Files to come lie by months."""
        self.evolve(replace(self.table, partition=("months(day)",)))

    def evolve(self, table: Table) -> None:
        """As an operator does."""
        self.table = table
        apply(self.lake.catalog_settings, (table,))

    def note(self) -> None:
        """Keep a copy of what is there now."""
        ids = self._ids()
        head = self.lake.head(THINGS)
        if not self.past.states or self.past.states[-1].snapshot_id != head:
            self.past.note(head, {i: n for n, i in ids.items()}, self.rows)


@pytest.fixture(scope="module")
def walk(new_lake: Callable[[], Lake]) -> Walk:
    """Everything that happens to a table, in an order that seeds values alone."""
    walk = Walk(new_lake(), 11)
    for step in (
        walk.put, walk.put, walk.delete, walk.put, walk.compact, walk.widen, walk.put,
        walk.repartition, walk.put, walk.delete, walk.put, walk.compact, walk.put,
    ):  # fmt: skip
        step()
    return walk


def test_the_walk_shows_what_it_must(walk: Walk) -> None:
    """It has delete files, compactions, and two partitionings: else it would prove nothing."""
    found = walk.lake.history(THINGS)
    assert len(found.metadata["partition-specs"]) == 2
    assert len({s.get("schema-id") for s in found.metadata["snapshots"]}) == 2
    operations = [s.operation for s in found.lineage()]
    assert operations.count("replace") == 2
    assert sum("added-position-deletes" in s.summary for s in found.lineage()) >= 4


def test_every_two_states_differ_as_the_model_says(walk: Walk) -> None:
    """Across merge-on-read, compaction, new columns, wider types and partitions."""
    reader = reading.Lake(walk.lake.catalog_settings)
    states = walk.past.states
    for old, new in [*zip(states, states[1:], strict=False), (states[0], states[-1])]:
        moments = Moment(snapshot_id=old.snapshot_id), Moment(snapshot_id=new.snapshot_id)
        found = diff(reader, NAME, *moments, key="id")
        said = [(d["change"], d["id"], d["column"], d["old"], d["new"]) for d in found.flat()]
        (key,) = (i for i, name in new.names.items() if name == "id")
        assert sorted(said, key=repr) == walk.past.diff(old, new, key)


def test_history_counts_as_the_model_does(walk: Walk) -> None:
    """Compaction changes nothing; a delete removes as many rows as there are less."""
    found = walk.lake.history(THINGS)
    for old, new in zip(walk.past.states, walk.past.states[1:], strict=False):
        snapshot = found.snapshots[new.snapshot_id]
        change = Change.of(NAME, snapshot)
        if snapshot.operation == "replace":
            assert change.is_none
            assert walk.past.diff(old, new, 1) == []
        elif change.changed is not None:
            assert change.added - change.removed == len(new.rows) - len(old.rows)


def test_every_version_names_its_run(walk: Walk) -> None:
    """Of each row, gone ones too: what it was, and which snapshot and run made it so."""
    chosen = walk.lake.catalog_settings
    names = {i: n for n, i in walk._ids().items()}
    versions = Versions(reading.Lake(chosen), NAME, "id")
    told = versions.of(versions.find("true").ever)
    assert {key for (key,) in told} == {key for s in walk.past.states for key in s.rows}
    for (key,), events in told.items():
        said = [
            (e.snapshot.id, *({n: r[0][n] for n in names.values()} if r else None
                              for r in (e.removed, e.added)))
            for e in events
        ]  # fmt: skip
        expected = walk.past.events(key, names)
        # A row that was merged again with the same values is not written: nothing is said of it.
        assert said == expected
    number, rows = Blame(chosen, reading.Lake(chosen), NAME, key="id").rows("a = 2", 50, deep=False)
    assert number == len(rows)
    for row in rows:
        for version in row["versions"]:
            run = walk.runs.get(int(version["snapshot_id"]))
            assert version["run"] == run
            assert version["source"] is None or version["source"]["uri"] == "made-up"


def test_gold_names_what_it_was_made_of(new_lake: Callable[[], Lake]) -> None:
    """A gold row's versions by run, its sources at the run's snapshots, and the rows behind it."""
    made = GoldLake(new_lake(), network.silver(Random(7), count=12))  # noqa: S311  made-up buses
    made.run()
    before = made.gold()
    first = {t.name: made.lake.head(t) for t in (ARRIVALS, HOURS)}
    row = next(r for r in made.silver["arrivals_predictions"] if r["estimate_arrive_sec"])
    made.put("arrivals_predictions", [{**row, "estimate_arrive_sec": 1}])
    made.run()
    after = made.gold()
    chosen = made.lake.catalog_settings
    where = f"id = '{row['id']}' and estimate_arrive_sec > 1"
    blame = Blame(chosen, reading.Lake(chosen), ARRIVALS.full_name)
    (told,) = blame.rows(where, 20, deep=True)[1]
    assert (told["status"], [v["change"] for v in told["versions"]]) == (
        "earlier", ["changed", "inserted"]
    )  # fmt: skip
    assert told["versions"][1]["snapshot_id"] == str(first[ARRIVALS.name])
    runs = [gold[ARRIVALS.name][(row["id"],)]["run_id"] for gold in (after, before)]
    assert [v["run"] for v in told["versions"]] == runs
    silver = told["behind"][0]
    head = made.lake.head(arrivals_predictions.TABLE)
    assert (silver["table"], silver["snapshot_id"]) == (
        arrivals_predictions.TABLE.full_name,
        str(head),
    )
    assert (silver["as_read"], silver["rows"], silver["first"][0]["id"]) == (True, 1, row["id"])

    changed = {key for key, old in before[HOURS.name].items() if after[HOURS.name][key] != old}
    found = diff(reading.Lake(chosen), HOURS.full_name)
    assert {(r["key"]["event_hour"], r["key"]["label"]) for r in found.rows} <= changed
    hour, label = next(iter(before[HOURS.name]))
    blame = Blame(chosen, reading.Lake(chosen), HOURS.full_name)
    ((hourly,),) = [
        [
            r
            for r in blame.rows("true", 99, deep=True)[1]
            if r["key"] == {"event_hour": hour, "label": label}
        ]
    ]
    counted = after[HOURS.name][(hour, label)]["total_preds"]
    assert [b["rows"] for b in hourly["behind"]] == [counted]
