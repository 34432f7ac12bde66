"""`lake diff`: what is compared, by what, at which moments, and at what cost."""

from __future__ import annotations

import json
import time
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
import typer
from pyiceberg.expressions import EqualTo
from pyiceberg.types import IntegerType
from typer.testing import CliRunner

from console.audit import commands
from console.audit.diff import diff
from console.audit.difference import Counts, Difference
from console.audit.files import Files
from console.reading import Moment
from console.tables import apply, open_catalog
from jobs.silver.emt import stops
from lakehouse import settings
from lakehouse.errors import UsageError
from lakehouse.ledger import REJECTED_ROW, RUN
from tests.unit.audited import NAME, head, made, put, reader

if TYPE_CHECKING:
    from pathlib import Path

    from pyiceberg.table import Table

    from lakehouse.settings import Settings

DAY = date(2026, 1, 1)


@pytest.fixture
def things(tmp_path: Path) -> tuple[Settings, Table]:
    """A table of two rows in two files."""
    chosen, table = made(tmp_path)
    put(table, {"id": 1, "day": DAY, "a": 1, "b": "x"})
    put(table, {"id": 2, "day": DAY, "a": 2, "b": "x"})
    return chosen, table


def compared(chosen: Settings, *moments: Moment | None, **options: Any) -> Difference:
    """A comparison by a fresh reader."""
    return diff(reader(chosen), NAME, *moments, **{"key": "id", **options})


def test_by_default_the_last_change(things: tuple[Settings, Table]) -> None:
    """From the state before the last snapshot that changed a row: empty ones are passed over."""
    chosen, table = things
    put(table)
    found = compared(chosen)
    assert (found.counts, found.rows[0]["key"]) == (Counts(added=1), {"id": 2})
    assert found.states[0].snapshot_id == table.metadata.snapshots[0].snapshot_id


def test_the_first_change_is_from_nothing(tmp_path: Path) -> None:
    """A table with one snapshot, or none, had no rows before."""
    chosen, table = made(tmp_path)
    assert compared(chosen).counts == Counts()
    put(table, {"id": 1, "day": DAY})
    assert compared(chosen).counts == Counts(added=1)


def test_a_time_before_the_table_has_no_rows(things: tuple[Settings, Table]) -> None:
    """Everything was added since then, and it is said that there was no snapshot."""
    lake = reader(things[0])
    before = Moment(at=datetime(2020, 1, 1, tzinfo=timezone.utc))
    assert diff(lake, NAME, before, key="id").counts == Counts(added=2)
    assert "no snapshot yet" in lake.notes[0]


def test_tags_and_branches_are_moments(things: tuple[Settings, Table]) -> None:
    """A tag, and a branch that main does not know, in either direction."""
    chosen, table = things
    table.manage_snapshots().create_tag(head(table), "kept").commit()
    table.manage_snapshots().create_branch(head(table), "draft").commit()
    rows = table.scan(EqualTo("id", 1)).to_arrow()
    table.append(rows.set_column(0, "id", [[3]]).cast(rows.schema), branch="draft")
    kept, draft = Moment(ref="kept"), Moment(ref="draft")
    assert compared(chosen, kept, draft).counts == Counts(added=1)
    assert compared(chosen, draft, kept).counts == Counts(removed=1)
    assert compared(chosen, kept, Moment()).counts == Counts()


def test_a_branch_is_known_once_it_is_current(things: tuple[Settings, Table]) -> None:
    """What was written to a branch counts from its publication on, not from its writing."""
    chosen, table = things
    table.manage_snapshots().create_branch(head(table), "draft").commit()
    rows = table.scan(EqualTo("id", 1)).to_arrow()
    table.append(rows.set_column(0, "id", [[3]]).cast(rows.schema), branch="draft")
    written = table.refresh().metadata.snapshots[-1].timestamp_ms
    while time.time() * 1000 < written + 2:  # a moment that is later than the writing
        time.sleep(0.001)
    table.manage_snapshots().set_current_snapshot(ref_name="draft").commit()
    lake = reader(chosen)
    published = lake.history(NAME).became_current[head(table)]
    assert written < published

    def known(at_ms: int) -> list[int]:
        at = Moment(at=datetime.fromtimestamp(at_ms / 1000, tz=timezone.utc))
        return [row["id"] for row in lake.ask(f"select id from {NAME} order by id", at)]

    assert (known(written), known(published)) == ([1, 2], [1, 2, 3])


def test_a_new_column_can_be_asked_for_at_once(things: tuple[Settings, Table]) -> None:
    """The present has the table's columns, a snapshot its own, whichever was committed last."""
    chosen, table = things
    with table.update_schema() as update:
        update.add_column("c", IntegerType()).rename_column("b", "text")
    now = reader(chosen).ask(f"select text, c from {NAME} limit 1", Moment())
    assert now == [{"text": "x", "c": None}]
    then = reader(chosen).ask(f"select b from {NAME} limit 1", Moment(snapshot_id=head(table)))
    assert then == [{"b": "x"}]


def test_a_dropped_column_is_null_in_every_row(things: tuple[Settings, Table]) -> None:
    """Also in rows of files that both states hold, and in either direction."""
    chosen, table = things
    start = Moment(snapshot_id=head(table))
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("b").add_column("b", IntegerType())
    forth, back = compared(chosen, start, Moment()), compared(chosen, Moment(), start)
    assert forth.counts == back.counts == Counts(changed=2)
    assert forth.rows[0]["columns"] == {"b (dropped)": {"old": "x", "new": None}}
    assert back.rows[0]["columns"] == {"b": {"old": None, "new": "x"}}


def test_duplicates_are_told_and_not_counted(things: tuple[Settings, Table]) -> None:
    """A second row of a key is no added one, though the first lies in a file both states hold."""
    chosen, table = things
    put(table, {"id": 1, "day": DAY, "a": 9, "b": "x"}, {"id": 3, "day": DAY})
    found = compared(chosen)
    assert found.counts == Counts(added=1, duplicates=1)
    assert found.flat()[0] == {"change": "duplicate", "id": 1, "column": "rows", "old": 1, "new": 2}


def test_duplicates_that_only_moved_are_no_change(things: tuple[Settings, Table]) -> None:
    """What stands as often as before, wherever it lies, is not told."""
    chosen, table = things
    put(table, {"id": 1, "day": DAY, "a": 1, "b": "x"})
    start, rows = head(table), table.scan().to_arrow()
    table.overwrite(rows)
    assert compared(chosen, Moment(snapshot_id=start), Moment()).counts == Counts()


def test_only_some_columns(things: tuple[Settings, Table]) -> None:
    """Only the columns asked for make a row a changed one."""
    chosen, table = things
    start = Moment(snapshot_id=head(table))
    rows = table.scan(EqualTo("id", 2)).to_arrow().to_pylist()[0]
    table.delete(EqualTo("id", 2))
    put(table, {**rows, "a": 5, "b": "y"})
    assert compared(chosen, start, columns="day").counts == Counts()
    (row,) = compared(chosen, start, columns="b").rows
    assert row == {
        "change": "changed",
        "key": {"id": 2},
        "columns": {"b": {"old": "x", "new": "y"}},
    }
    by = compared(chosen, start, key="b", columns="day")
    assert by.counts == Counts(added=1, duplicates=1)


def test_without_a_key_rows_come_and_go(things: tuple[Settings, Table]) -> None:
    """A table without contract or key is compared by whole rows, as many times as they stand."""
    chosen, table = things
    same = {"id": 7, "day": DAY, "a": 1, "b": "x"}
    put(table, same, same)
    found = compared(chosen, key="")
    assert (found.counts, found.columns) == (Counts(added=2), [])
    assert found.rows[0]["rows"] == {"old": 0, "new": 2}


def test_equal_files_are_not_read(
    things: tuple[Settings, Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cost follows the change: of files that both states hold, the key at most."""
    chosen, table = things
    read: list[tuple[int, list[str]]] = []
    original = Files.read

    def spy(files: Files, tasks: Any, fields: Any) -> Any:
        read.append((len(list(tasks)), [f.name for f in fields.fields]))
        return original(files, tasks, fields)

    monkeypatch.setattr(Files, "read", spy)
    put(table, {"id": 3, "day": DAY})
    compared(chosen)
    every = ["f1", "f2", "f3", "f4"]
    assert read == [(0, every), (1, every), (2, ["f1"])]
    read.clear()
    compared(chosen, Moment(), Moment())
    assert [number for number, _ in read] == [0, 0, 0]


def test_contracts_say_key_and_columns(tmp_path: Path) -> None:
    """By the contract's key; neither audit columns nor those it ignores count, unless asked for."""
    chosen = settings.load({}, home=str(tmp_path))
    apply(chosen, (REJECTED_ROW, RUN, stops.TABLE))
    table = open_catalog(chosen).load_table(REJECTED_ROW.full_name)
    key = {"table_name": "t", "reason": "r", "source_uri": "u", "source_row": 1, "item": 0}
    start = put(table, {**key, "row_json": "{}", "run_id": "one"})
    put(table, {**key, "row_json": "{}", "run_id": "two"})
    table.manage_snapshots().create_tag(head(table), "both").commit()
    with pytest.warns(UserWarning, match="Merge on read"):
        table.delete("run_id = 'one'")
    lake, old = reader(chosen), Moment(snapshot_id=start)
    found = diff(lake, REJECTED_ROW.full_name, old)
    assert (found.key, found.columns) == (list(REJECTED_ROW.key), ["row_json"])
    assert found.counts == Counts()
    assert diff(lake, REJECTED_ROW.full_name, old, columns="all").counts == Counts(changed=1)
    doubled = diff(lake, REJECTED_ROW.full_name, old, Moment(ref="both"))
    assert doubled.counts == Counts(duplicates=1)
    assert diff(lake, RUN.full_name).columns == []
    audited = diff(lake, stops.TABLE.full_name)
    assert set(audited.columns) == {*stops.TABLE.compared}


def test_unknown_words_are_refused(things: tuple[Settings, Table]) -> None:
    """Tables, columns, snapshots and tags that are not there, near names told."""
    for words in ({"key": "ids"}, {"columns": "c"}):
        with pytest.raises(UsageError, match="no column"):
            compared(things[0], **words)
    with pytest.raises(UsageError, match="no snapshot 999999999"):
        compared(things[0], Moment.parse("999999999"))
    with pytest.raises(UsageError, match="no tag or branch 'audit'"):
        compared(things[0], Moment.parse("audit"))


def test_the_command(things: tuple[Settings, Table], monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts on stderr, rows on stdout, as lines or as one nested object."""
    monkeypatch.setenv("LAKE_HOME", things[0].home)
    app = typer.Typer()
    commands.register(app)
    done = CliRunner().invoke(app, ["diff", NAME, "--key", "id", "--json"])
    said = json.loads(done.stdout)
    assert (said["added"], said["rows"][0]["columns"]["b"]) == (1, {"new": "x"})
    assert said["to"] == str(head(things[1]))
    assert "1 added, 0 removed, 0 changed" in done.stderr
    done = CliRunner().invoke(app, ["diff", NAME, "--key", "id", "--summary"])
    assert (done.stdout, done.exit_code) == ("", 0)
    done = CliRunner().invoke(app, ["history", NAME])
    assert done.stdout.count("append") == 2
