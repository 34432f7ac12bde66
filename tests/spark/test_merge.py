"""The one MERGE against a tiny partitioned table, judged by a model in plain Python."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from lakehouse import merge
from lakehouse.errors import ConflictError, DataQualityError, StorageError
from lakehouse.iceberg import RECEIPT_LIMIT_BYTES, changed_partitions, receipt
from lakehouse.snapshots import RECEIPT
from lakehouse.table import Column, Table
from tests.judge import model
from tests.spark.lakes import AUDIT, Lake, Row, utc

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = utc("2025-08-26 12:00")
_NUMBERS = itertools.count(1)


def made(**changes: Any) -> Table:
    """A table with a key of two columns, an order of versions and a partition a day."""
    return Table(
        **{
            "database": "x",
            "name": f"m{next(_NUMBERS)}",
            "doc": "Made up.",
            "owner": "tests",
            "key": ("k", "at"),
            "latest_by": "version",
            "ignored": ("version",),
            "partition": ("days(at)",),
            "columns": (
                Column("k", "string", "Half of the key.", required=True),
                Column("at", "timestamp", "The other half.", required=True),
                Column("version", "int", "Which version is later."),
                Column("v", "int", "A value."),
                Column("w", "string", "Another."),
                Column("x", "double", "A measure."),
            ),
            **changes,
        }
    )


@pytest.fixture
def table(lake: Lake) -> Table:
    """That table, there and empty."""
    found = made()
    lake.make(found)
    return found


def row(k: str | None = "a", at: datetime | None = NOON, **values: Any) -> Row:
    """A row of it, all values null but the key and version 1."""
    return {"k": k, "at": at, "version": 1, "v": None, "w": None, "x": None, **values}


def content_hash(business: Row) -> str:
    """What breaks ties, told again: SHA-256 of the compared columns as JSON without nulls."""
    named = ((name, business[name]) for name in ("v", "w", "x"))
    said = {n: "NaN" if isinstance(v, float) and math.isnan(v) else v for n, v in named}
    known = {name: value for name, value in said.items() if value is not None}
    text = json.dumps(known, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def judge(target: dict[Any, Row], rows: list[Row], *, replace: bool = False) -> Row:
    """Merge by the model; returns its counts."""
    numbered = [{**r, "source_row": number} for number, r in enumerate(rows, start=1)]
    counts = model.apply(
        target,
        numbered,
        key=("k", "at"),
        latest_by="version",
        replace=replace,
        hash_content=content_hash,
    )
    return {**vars(counts), "gone": 0}


def text(rows: list[Row]) -> list[str]:
    """Rows as sorted text, NaN and null included: audit columns out but for the row's number."""
    outside = {*AUDIT, "item"} - {"source_row"}
    kept = [{k: v for k, v in r.items() if k not in outside} for r in rows]
    return sorted(json.dumps(r, sort_keys=True, default=str) for r in kept)


TIMES = [NOON + timedelta(days=d, hours=h) for d in (0, 1, 40) for h in (0, 11)]
ROWS = st.builds(
    row,
    k=st.sampled_from(["a", "b", "ñ", None]),
    at=st.sampled_from([*TIMES, None]),
    version=st.sampled_from([None, 1, 2, 3]),
    v=st.sampled_from([None, 0, 1]),
    w=st.sampled_from([None, "", "x"]),
    x=st.sampled_from([None, 0.5, math.nan]),
)
BATCHES = st.lists(
    st.tuples(st.lists(ROWS, min_size=1, max_size=30), st.booleans()), min_size=2, max_size=4
)


@settings(max_examples=12, phases=(Phase.generate,))  # a batch takes too long to shrink
@given(batches=BATCHES)
def test_merge_equals_the_model(new_lake: Callable[[], Lake], batches: Any) -> None:
    """Whatever comes in whatever order, contents and counts are the model's after every batch."""
    table, lake = made(), new_lake()
    lake.make(table)
    target: dict[Any, Row] = {}
    for number, (rows, overwrite) in enumerate(batches):
        replace = overwrite and number > 1
        expected = judge(target, rows, replace=replace)
        assert asdict(lake.put(table, rows, replace=replace)) == expected
        assert text(lake.rows(table)) == text(list(target.values()))


def test_every_fate_in_one_batch(lake: Lake, table: Table) -> None:
    """New, changed, equal, older, doubled and keyless rows: each is counted once."""
    lake.put(table, [row(k, v=0, version=2) for k in "abc"])
    counts = lake.put(
        table,
        [
            row("a", v=1, version=3),
            row("a", v=2, version=2),
            row("b", v=0, version=9),
            row("c", v=5, version=1),
            row("d"),
            row(None),
            row(at=None),
        ],
    )
    expected = merge.Counts(
        rows_in=7, rejected=2, collapsed=1, inserted=1, updated=1, unchanged=1, older=1
    )
    assert counts == expected
    assert {r["k"]: (r["v"], r["version"]) for r in lake.rows(table)} == {
        "a": (1, 3),
        "b": (0, 2),
        "c": (0, 2),
        "d": (None, 1),
    }


def test_nothing_new_commits_nothing(lake: Lake, table: Table) -> None:
    """A batch that changes nothing makes no snapshot and keeps the audit columns."""
    lake.put(table, [row("a", v=1), row("b")], run_id="first")
    before, was = lake.head(table), lake.rows(table)
    lake.put(table, [row("b"), row("a", v=1, version=7), row("a", v=0, version=0)], run_id="second")
    assert lake.head(table) == before
    assert lake.rows(table) == was


def test_only_new_rows_are_appended(lake: Lake, table: Table) -> None:
    """Only new keys: an append, not an overwrite; a changed row makes it an overwrite."""
    lake.put(table, [row("a")])
    lake.put(table, [row("b"), row("c", NOON + timedelta(days=3))])
    found = lake.history(table)
    assert found.snapshots[lake.head(table)].operation == "append"
    lake.put(table, [row("a", v=1, version=2)])
    found = lake.history(table)
    assert found.snapshots[lake.head(table)].operation == "overwrite"


def test_a_new_key_twice_in_a_batch(lake: Lake, table: Table) -> None:
    """Iceberg's MERGE would insert both; one stays, with the smallest number of equal rows."""
    counts = lake.put(table, [row(v=0), row(v=1, version=2), row(v=1, version=2)])
    assert (counts.inserted, counts.collapsed) == (1, 2)
    (found,) = lake.rows(table)
    assert (found["v"], found["source_row"]) == (1, 2)


def test_a_tie_is_broken_by_content(new_lake: Callable[[], Lake]) -> None:
    """Of two contents of one version the same one wins, in one batch or two, in any order."""
    one, other, winners = row(v=1), row(v=2), set()
    for batches in ([[one, other]], [[other, one]], [[one], [other]], [[other], [one]]):
        lake, table = new_lake(), made()
        lake.make(table)
        for rows in batches:
            lake.put(table, rows)
        (found,) = lake.rows(table)
        winners.add(found["v"])
    assert len(winners) == 1


def test_replace_overwrites_what_is_newer(lake: Lake, table: Table) -> None:
    """After a mended transform an older row wins where it is asked to, and only then."""
    lake.put(table, [row(v=1, version=5)])
    assert lake.put(table, [row(v=2, version=4)]).older == 1
    assert lake.put(table, [row(v=2, version=4)], replace=True).updated == 1
    assert [(r["v"], r["version"]) for r in lake.rows(table)] == [(2, 4)]


def test_partitions_far_apart_in_one_batch(lake: Lake, table: Table) -> None:
    """Rows years apart find their old versions, and untouched partitions are not rewritten."""
    times = [utc("2015-01-01 00:00"), utc("2025-08-26 23:59"), utc("2025-08-27 00:00")]
    lake.put(table, [row(at=at) for at in times])
    counts = lake.put(table, [row(at=at, v=1, version=2) for at in (times[0], times[2])])
    assert counts.updated == 2
    assert sorted((r["at"], r["v"]) for r in lake.rows(table) if r["v"]) == [
        (times[0], 1),
        (times[2], 1),
    ]
    changed = changed_partitions(lake.spark, lake.name(table), [lake.head(table)])
    assert changed == {"at_day=2015-01-01", "at_day=2025-08-27"}


@pytest.mark.parametrize("partition", [(), ("months(at)",), ("days(day)",)])
def test_other_layouts(lake: Lake, partition: tuple[str, ...]) -> None:
    """Without partitions, by month, and by a date: an old row is found all the same."""
    columns = (*made().columns, Column("day", "date", "A day.", required=True))
    table = made(partition=partition, columns=columns, key=("k", "at", "day"))
    lake.make(table)
    days = [NOON.date(), (NOON + timedelta(days=70)).date()]
    lake.put(table, [row(at=NOON + timedelta(days=40 * n), day=d) for n, d in enumerate(days)])
    rows = [
        row(at=NOON + timedelta(days=40 * n), day=d, v=1, version=2) for n, d in enumerate(days)
    ]
    assert lake.put(table, rows).updated == 2
    assert [r["v"] for r in lake.rows(table)] == [1, 1]


def test_the_receipt_is_on_the_head(lake: Lake, table: Table) -> None:
    """An append, a merge and an empty commit all carry the run, and nothing stays behind."""
    lake.put(table, [row()], run_id="one")
    lake.put(table, [row(v=1, version=2)], run_id="two")
    staged = lake.stage(table, [row(v=1, version=2)])
    lake.commit(table, staged, "three")
    lake.delete(table, "k = 'a'")
    found = lake.history(table)
    runs = [s.receipt.get("run") for s in found.lineage()]
    assert runs == [None, "three", "two", "one", None]


def test_a_receipt_stays_small(lake: Lake) -> None:
    """A receipt over 1 kB is refused: every metadata file repeats all of them."""
    with (
        pytest.raises(StorageError, match="over 1 kB"),
        receipt(lake.spark, {"run": "r", "more": "ñ" * (RECEIPT_LIMIT_BYTES // 2)}),
    ):
        pass
    with receipt(lake.spark, {"run": "r", "none": None, "counts": {"i": 1}}) as pairs:
        assert pairs == {RECEIPT + "run": "r", RECEIPT + "counts": '{"i":1}'}


def test_a_lost_receipt_is_noticed(lake: Lake, table: Table) -> None:
    """A commit whose summary does not name the run is an error, not a silence."""
    staged = lake.stage(table, [row()])
    bare = merge.Staged(staged.rows, staged.bounds, merge.Counts(updated=1))
    with pytest.raises(DataQualityError, match="lost its receipt"):
        lost(lake, table, bare)


def lost(lake: Lake, table: Table, staged: merge.Staged) -> None:
    """Prove a commit of another run than the one on the head."""
    lake.commit(table, staged, "mine")
    head = lake.head(table)
    merge._proven(lake.spark, lake.name(table), "main", head, "other", staged.counts)


def test_a_commit_that_does_not_hold_what_was_counted_is_noticed(lake: Lake, table: Table) -> None:
    """Rows computed again as they are written must be as many as were counted before."""
    staged = replace(lake.stage(table, [row()]), counts=merge.Counts(rows_in=2, inserted=2))
    with pytest.raises(DataQualityError, match="added 1 rows, staged were 2 new"):
        lake.commit(table, staged)


def test_an_append_is_laid_out_as_the_contract_says(lake: Lake) -> None:
    """A file a partition, its rows in the contract's order, however they came."""
    table = made(sort=("v",))
    lake.make(table)
    numbers = [5, None, 1, 4, 2, 3]
    days = [NOON + timedelta(days=n) for n in range(3)]
    lake.put(table, [row(f"k{v}", at, v=v) for v in numbers for at in days])
    found = lake.spark.sql(
        f"select _file, collect_list(v) as vs, count_if(v is null) as nulls from "
        f"(select *, _file from {lake.name(table)}) group by _file"
    ).collect()
    assert [(r["vs"], r["nulls"]) for r in found] == [([1, 2, 3, 4, 5], 1)] * 3


@pytest.mark.parametrize("fresh", [True, False])
def test_a_foreign_commit_between_staging_and_commit(
    lake: Lake, table: Table, *, fresh: bool
) -> None:
    """Somebody without the lease wrote the same key meanwhile: never a doubled or lost row."""
    if not fresh:
        lake.put(table, [row(v=0)])
    staged = lake.stage(table, [row(v=1, version=2)])
    lake.put(table, [row(v=9, version=9)], run_id="foreign")
    with pytest.raises((ConflictError, DataQualityError)):
        lake.commit(table, staged, "mine")
    assert [r["v"] for r in lake.rows(table)] == [9]


def test_the_whole_of_some_days(lake: Lake) -> None:
    """Recomputed days: absent rows go, equal rows keep their run, other days are not looked at."""
    table = made(latest_by="", ignored=(), key=("k",), derived=("at",))
    lake.make(table)
    later = NOON + timedelta(days=1)
    lake.put(table, [row("gone"), row("same", v=1), row("new", v=1), row("far", later)])
    fresh = lake.frame(table, [row("same", v=1), row("new", v=2), row("more")]).selectExpr(
        *table.names, "timestamp'2026-01-01' as ingest_ts", "'second' as run_id",
        "source_uri", "source_row",
    )  # fmt: skip
    where = merge.bounds(table, {"at": [NOON.date()]})
    staged = merge.stage_whole(lake.spark, table, lake.name(table), fresh, where)
    assert staged.counts == merge.Counts(rows_in=3, inserted=1, updated=1, unchanged=1, gone=1)
    merge.commit(lake.spark, table, lake.name(table), staged, {"run": "second"})
    assert {r["k"]: (r["v"], r["run_id"]) for r in lake.rows(table)} == {
        "same": (1, "run"),
        "new": (2, "second"),
        "more": (None, "second"),
        "far": (None, "run"),
    }


@pytest.mark.parametrize("there", [[], [row("another")]], ids=["empty", "filled"])
def test_a_doubled_key_is_refused(lake: Lake, there: list[Row]) -> None:
    """A SELECT that gives two rows for one key is stopped before it is written."""
    table = made(latest_by="", ignored=(), key=("k",), derived=("at",))
    lake.make(table)
    lake.put(table, there)
    fresh = lake.frame(table, [row(v=1), row(v=2)]).selectExpr(
        *table.names, "timestamp'2026-01-01' as ingest_ts", "'r' as run_id",
        "source_uri", "source_row",
    )  # fmt: skip
    with pytest.raises(DataQualityError, match="two rows for one key"):
        merge.stage_whole(lake.spark, table, lake.name(table), fresh, "true")


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_a_version_that_is_content_ends_the_same_in_any_order(
    lake: Lake, order: tuple[int, ...]
) -> None:
    """A time that is content too moves on with equal rows, so that the latest one always stays."""
    table = made(ignored=())
    lake.make(table)
    for version in order:
        lake.put(table, [row(v=1, version=version)])
    assert [(r["v"], r["version"]) for r in lake.rows(table)] == [(1, 3)]


def test_ignored_columns_change_nothing(lake: Lake) -> None:
    """A column that is only carried along never makes a row a changed one."""
    table = made(ignored=("version", "w"))
    lake.make(table)
    lake.put(table, [row(v=1, w="then")])
    assert lake.put(table, [row(v=1, w="now", version=2)]).unchanged == 1
    assert lake.put(table, [row(v=2, w="now", version=2)]).updated == 1
    assert [r["w"] for r in lake.rows(table)] == ["now"]
