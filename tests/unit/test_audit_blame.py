"""`lake blame`: who made a row what it is, from which line of which file, and what it was."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from console.audit import commands
from console.audit.blame import Blame, flat
from console.audit.files import Files
from console.tables import apply, open_catalog
from ingestion.bronze import Bronze, Origin, Record, Stream
from jobs.bronze import weatherapi_current
from jobs.silver.emt import stops
from lakehouse import ledger, settings
from lakehouse.errors import UsageError
from lakehouse.snapshots import History
from tests.unit.audited import NAME, head, made, put, reader

if TYPE_CHECKING:
    from pathlib import Path

    from pyiceberg.table import Table

    from lakehouse.settings import Settings

AT = datetime(2026, 1, 1, 10, tzinfo=timezone.utc)
DAY = date(2026, 1, 1)
STOPS = stops.TABLE.full_name


@pytest.fixture
def lake(tmp_path: Path) -> tuple[Settings, Table]:
    """A lake with an empty table of stops and the ledger."""
    chosen = settings.load({}, home=str(tmp_path))
    apply(chosen, (stops.TABLE, *ledger.TABLES))
    return chosen, open_catalog(chosen).load_table(STOPS)


def stop(name: str, source: tuple[str, int], run: str = "r1", **values: Any) -> dict[str, Any]:
    """A row of a stop as a run would write it."""
    audit = {"ingest_ts": AT, "run_id": run, "source_uri": source[0], "source_row": source[1]}
    return {"stop_id": "62", "stop_name": name, "updated_ts": AT, **values, **audit}


def blamed(chosen: Settings, name: str, where: str, **options: Any) -> list[dict[str, Any]]:
    """The rows' stories, by a fresh reader."""
    blame = Blame(chosen, reader(chosen), name, **options)
    return blame.rows(where, 20, deep=False)[1]


def test_a_pulled_row_names_its_request(lake: tuple[Settings, Table]) -> None:
    """Run, job, code and contract; what was asked when, and the file and row of the answer."""
    chosen, table = lake
    record = Record({"stop": "62"}, {"method": "GET", "url": "/stops/"})
    path = Bronze(chosen.root).write_replies(Stream("emt", "stops"), [(record, AT), (record, AT)])
    uri = str(path.relative_to(chosen.root))  # type: ignore[union-attr]
    who = {"run": "r1", "job": STOPS, "code": "c1", "contract": "1"}
    made_by = put(table, stop("Atocha", (uri, 2)), **who)
    (row,) = blamed(chosen, STOPS, "stop_id = '62'")
    (version,) = row["versions"]
    assert (row["status"], version["change"]) == ("current", "inserted")
    assert {name: version[name] for name in who} == who
    assert version["snapshot_id"] == str(made_by)
    source = version["source"]
    assert source["request"] == {"method": "GET", "url": "/stops/"}
    assert source["fetched_at"] == "2026-01-01T10:00:00.000000Z"
    assert (source["origin"]["row"], source["bronze"], len(source["origin"]["sha256"])) == (
        2,
        uri,
        64,
    )
    assert row["columns"]["stop_name"]["value"] == "Atocha"
    assert "method=GET" in flat([row])[0]["source"]


def test_a_dropped_row_names_its_original(lake: tuple[Settings, Table]) -> None:
    """The original's hash leads to bronze; where bronze has nothing, that is said."""
    chosen, table = lake
    sha256 = "a" * 64
    uri = f"originals/{sha256}/stops.xlsx"
    record = Record({"stop": "62"}, {}, Origin(uri, sha256, 7, "Sheet1"))
    Bronze(chosen.root).write_file(Stream("emt", "stops"), [record], sha256=sha256, fetched_at=AT)
    put(table, stop("Atocha", (uri, 7)), stop("Sol", ("originals/nowhere", 1), stop_id="63"))
    found = blamed(chosen, STOPS, "true")
    source, lost = (row["versions"][0]["source"] for row in found)
    assert source["origin"] == {"uri": uri, "sha256": sha256, "sheet": "Sheet1", "row": 7}
    assert source["stream"] == "emt/stops"
    assert (lost["uri"], lost["missing"]) == ("originals/nowhere", True)


def test_a_streamed_row_names_its_event(lake: tuple[Settings, Table]) -> None:
    """An event of a stream table is found by its id; one that is not there is missing."""
    chosen, table = lake
    apply(chosen, (weatherapi_current.TABLE,))
    events = open_catalog(chosen).load_table(weatherapi_current.TABLE.full_name)
    envelope = {"source": "weatherapi", "stream": "current", "request": {"q": "Madrid"}}
    needed = {"stream": "weatherapi/current", "fetched_at": AT, "location": "madrid"}
    put(events, {"event_id": "e1", "envelope": json.dumps(envelope), **needed})
    name = f"stream:{weatherapi_current.TABLE.full_name}"
    put(table, stop("Atocha", (f"{name}/e1", 1)), stop("Sol", (f"{name}/e2", 1), stop_id="63"))
    source, lost = (row["versions"][0]["source"] for row in blamed(chosen, STOPS, "true"))
    assert (source["request"], source["stream"]) == ({"q": "Madrid"}, "weatherapi/current")
    assert (lost["uri"], lost["missing"]) == (f"{name}/e2", True)


def test_a_rewritten_row_has_one_maker(tmp_path: Path) -> None:
    """What other rows' delete copied into another file is still of the run that made it."""
    chosen, table = made(tmp_path)
    put(table, *({"id": key, "day": DAY, "a": key} for key in (1, 2)), run="r1")
    table.delete("id = 2", snapshot_properties={"lake.run": "r2"})
    (row,) = blamed(chosen, NAME, "id = 1", key="id")
    assert [(v["change"], v["run"]) for v in row["versions"]] == [("inserted", "r1")]
    (gone,) = blamed(chosen, NAME, "id = 2", key="id")
    assert [(v["change"], v["run"]) for v in gone["versions"]] == [
        ("removed", "r2"), ("inserted", "r1")
    ]  # fmt: skip


def test_rows_that_are_gone_are_found(tmp_path: Path) -> None:
    """By what an old version was; a row that is otherwise now is told apart from one of now."""
    chosen, table = made(tmp_path)
    put(table, {"id": 1, "day": DAY, "b": "old"}, {"id": 2, "day": DAY, "b": "old"})
    table.delete("id = 1")
    table.delete("id = 2")
    put(table, {"id": 2, "day": DAY, "b": "new"})
    found = {row["key"]["id"]: row for row in blamed(chosen, NAME, "b <> 'new'", key="id")}
    assert {key: row["status"] for key, row in found.items()} == {1: "gone", 2: "earlier"}
    assert [v["change"] for v in found[1]["versions"]] == ["removed", "inserted"]
    assert found[1]["columns"]["b"]["value"] == "old"
    assert blamed(chosen, NAME, "b = 'nobody'", key="id") == []


def test_an_expired_writer_is_unknown(lake: tuple[Settings, Table]) -> None:
    """What the row and the index of runs still say is told, and that the rest is not known."""
    chosen, table = lake
    first = put(table, stop("Atocha", ("s", 1), "old"), run="old")
    put(table, stop("Sol", ("s", 2), stop_id="63"), run="new")
    runs = open_catalog(chosen).load_table(ledger.RUN.full_name)
    said = {"run_id": "old", "table_name": STOPS, "code_version": "c0", "snapshot_id": first}
    put(runs, said)
    ids = [s.snapshot_id for s in table.metadata.snapshots if s.snapshot_id != head(table)]
    table.maintenance.expire_snapshots().by_ids(ids).commit()
    row, newer = blamed(chosen, STOPS, "true")
    (version,) = row["versions"]
    assert (version["change"], newer["versions"][0]["change"]) == ("unknown before", "inserted")
    assert (version["run"], version["code"], version["snapshot_id"]) == ("old", "c0", str(first))
    assert version["made_current_at"] is None
    assert version["unknown_before"] is not None


def test_doubled_rows_are_told_as_they_are(tmp_path: Path) -> None:
    """Which of two rows of a key became which is not known: both are shown, nothing is guessed."""
    chosen, table = made(tmp_path)
    put(table, {"id": 1, "day": DAY, "a": 1})
    put(table, {"id": 1, "day": DAY, "a": 2})
    (row,) = blamed(chosen, NAME, "id = 1", key="id")
    assert [v["change"] for v in row["versions"]] == ["several rows", "inserted"]
    assert [r["a"] for r in row["versions"][0]["added"]] == [2]


CONDITIONS = (
    "line = 27", "line like '0_7'", "line in ('027', '1')", "not (line = '1')", "line is null",
    "x > 5", "x = 'nan'", "n > 1.5", "n + 1 = 3", '"N" = 2', "day = '2026-01-02'",
    "day >= date '2026-01-02' and n is not null", "line = '027' or n = 1", "n between 1 and 2",
    "line = '\\'", "n <> 1",
)  # fmt: skip


@pytest.mark.parametrize("condition", CONDITIONS)
def test_leaving_out_files_leaves_out_no_row(tmp_path: Path, condition: str) -> None:
    """Files are pruned by what Iceberg reads in a condition, never more than SQL means by it."""
    import duckdb  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    rows = [
        {"id": 1, "line": "027", "x": 1.0, "n": 1, "day": date(2026, 1, 1)},
        {"id": 2, "line": "1", "x": float("nan"), "n": 2, "day": date(2026, 1, 2)},
        {"id": 3, "line": "\\", "x": 7.0, "n": None, "day": date(2026, 1, 2)},
        {"id": 4, "line": None, "x": None, "n": 3, "day": None},
        {"id": 5, "line": "1", "x": 1.5, "n": 2, "day": date(2026, 1, 2)},
    ]
    # Bounds know nothing of the NaN in the file that has a number besides.
    together = [[rows[0]], [rows[1], rows[4]], [rows[2]], [rows[3]]]
    chosen = settings.load({}, home=str(tmp_path))
    catalog = open_catalog(chosen)
    catalog.create_namespace("made")
    kinds = {"id": pa.int64(), "line": pa.string(), "x": pa.float64(), "n": pa.int32()}
    schema = pa.schema([*kinds.items(), ("day", pa.date32())])
    table = catalog.create_table(NAME, schema=schema)
    for some in together:
        table.append(pa.Table.from_pylist(some, schema=schema))
    whole = pa.Table.from_pylist(rows, schema=schema)
    with duckdb.connect() as connection:
        connection.register("whole", whole)
        try:
            wanted = connection.execute(f"select id from whole where {condition}").fetchall()
        except duckdb.Error:
            with pytest.raises(UsageError):
                blamed(chosen, NAME, condition, key="id")
            return
    found = blamed(chosen, NAME, condition, key="id")
    assert sorted(row["key"]["id"] for row in found) == sorted(i for (i,) in wanted)


def test_only_files_that_may_hold_the_row_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cost follows the condition: other files are left out by their bounds."""
    chosen, table = made(tmp_path)
    for key in range(5):
        put(table, {"id": key, "day": DAY, "a": key})
    read: list[int] = []
    original = Files.read

    def spy(files: Files, tasks: Any, fields: Any) -> Any:
        read.append(len(list(tasks)))
        return original(files, tasks, fields)

    monkeypatch.setattr(Files, "read", spy)
    assert len(blamed(chosen, NAME, "id = 3", key="id")) == 1
    assert read == [1, 1, 1]


def test_the_command(lake: tuple[Settings, Table], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines for a terminal, objects for programs; a condition that is none is a usage error."""
    chosen, table = lake
    put(table, stop("Atocha", ("s", 1)), run="r1")
    monkeypatch.setenv("LAKE_HOME", chosen.home)
    app = typer.Typer()
    commands.register(app)
    words = ["blame", STOPS, "--where", "stop_name = 'Atocha'"]
    done = CliRunner().invoke(app, [*words, "--columns", "lon", "--json"])
    assert list(json.loads(done.stdout)[0]["columns"]) == ["lon"]
    assert "r1" in CliRunner().invoke(app, words).stdout
    for wrong in ("nonsense = 1", "stop_id = '62'; drop table rows", "stop_id ="):
        done = CliRunner().invoke(app, ["blame", STOPS, "--where", wrong])
        assert isinstance(done.exception, UsageError), wrong


def test_history_is_what_metadata_says(lake: tuple[Settings, Table]) -> None:
    """PyIceberg's own commits become current as they are written."""
    found = reader(lake[0]).history(STOPS)
    assert isinstance(found, History)
    assert found.known_since is None
    assert found.became_current == {s.id: s.at_ms for s in found.lineage()}
