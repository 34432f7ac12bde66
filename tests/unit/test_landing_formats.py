"""Rows of every format become the same payloads, with their places."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest
from landing_files import (
    HEADER,
    STOP,
    csv_text,
    drop,
    envelopes,
    json_lines,
    parquet,
    payloads,
    places,
    workbook,
)

from ingestion.bronze import Stream
from ingestion.names import safe_name
from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = {
    "workbook": workbook([HEADER, ["1", "Cibeles", "['161/1']"]]),
    "JSON object": json.dumps(STOP, indent=2).encode(),
    "JSON array": json.dumps([STOP], indent=2).encode(),
    "JSON lines": json_lines(STOP),
    "gzip": gzip.compress(json_lines(STOP)),
    "gzip of two members": gzip.compress(json_lines(STOP)[:9])
    + gzip.compress(json_lines(STOP)[9:]),
    "gzip with padding": gzip.compress(json_lines(STOP)) + bytes(100_000),
    "CSV": csv_text(HEADER, ["1", "Cibeles", "['161/1']"]),
    "CSV of JSON": csv_text(HEADER, ["1", "Cibeles", '["161/1"]']),
    "CSV in gzip": gzip.compress(csv_text(HEADER, ["1", "Cibeles", "['161/1']"])),
    "CSV with semicolons": b"node;name;lines\r\n1;Cibeles;['161/1']\r\n",
    "CSV with a mark": b"\xef\xbb\xbf" + csv_text(HEADER, ["1", "Cibeles", "['161/1']"]),
    "JSON with a mark": b"\xef\xbb\xbf" + json.dumps(STOP).encode(),
    "UTF-16": json.dumps(STOP).encode("utf-16"),
    "UTF-16 big end first": b"\xfe\xff" + json.dumps(STOP).encode("utf-16-be"),
    "Parquet": parquet({"node": ["1"], "name": ["Cibeles"], "lines": [["161/1"]]}),
}


@pytest.mark.parametrize("content", FORMATS.values(), ids=FORMATS)
def test_every_format_gives_the_same_payload(tmp_path: Path, content: bytes) -> None:
    """A file is known by what is in it, and a row of any format is the same payload."""
    landed = drop(tmp_path, content, name="misleading.txt")
    assert (landed.status, landed.rows, landed.reason) == ("landed", 1, "")
    assert payloads(landed) == [STOP]


def test_an_envelope_says_where_a_row_is_from(tmp_path: Path) -> None:
    """Origin names the kept original, its hash, the sheet and the sheet's own row."""
    content = workbook([[], HEADER, ["1", "a", ""], [], ["2", "b", ""]], names=("Paradas",))
    landed = drop(tmp_path, content, name="stops.xlsx")
    assert places(landed) == [("Paradas", 3), ("Paradas", 5)]
    origin = envelopes(landed)[0]["origin"]
    assert origin["sha256"] == landed.sha256
    assert (tmp_path / origin["uri"]).read_bytes() == content
    assert origin["uri"] == f"originals/emt/stops/{landed.sha256}/stops.xlsx"
    assert envelopes(landed)[0]["fetched_at"] == "2025-08-29T12:00:00.000000Z"


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b'node,name\n1,"two\nlines"\n\n2,b\n', [2, 5]),
        (b"\n" + json_lines(STOP) + b"\n" + json_lines(STOP), [2, 4]),
        (json.dumps([STOP, STOP]).encode(), [1, 2]),
        (parquet({"node": ["1", "2"], "name": ["a", "b"]}), [1, 2]),
    ],
    ids=["CSV", "JSON lines", "JSON array", "Parquet"],
)
def test_rows_are_numbered_as_their_format_counts(
    tmp_path: Path, content: bytes, rows: list[int]
) -> None:
    """CSV: a record's first line; JSON lines: the line; an array and Parquet: from one."""
    assert places(drop(tmp_path, content)) == [(None, row) for row in rows]


def test_dotted_columns_are_nested_and_empty_cells_absent(tmp_path: Path) -> None:
    """A flattened reply gets its own shape again, also where only the dotted columns are filled."""
    header = ["line", "timeTable", "timeTable.IdLine", "timeTable.a.b", "stops"]
    filled = [897, "", "897", "x", None]
    content = workbook([header, filled, [1, "[{'IdLine': '001'}]", "", "", "[]"]])
    landed = drop(tmp_path, content, stream=Stream("emt", "timetables"))
    assert payloads(landed) == [
        {"line": 897, "timeTable": {"IdLine": "897", "a": {"b": "x"}}},
        {"line": 1, "timeTable": [{"IdLine": "001"}], "stops": []},
    ]


def test_a_column_and_one_below_it_cannot_both_be_filled(tmp_path: Path) -> None:
    """Two values for one field make a bad row, whichever column stands first."""
    rows = [["line", "stops", "stops.x"], [1, "[]", ""], [2, "{'y': 1}", "a"]]
    swapped = [[row[0], row[2], row[1]] for row in rows]
    for name, content in (("a", workbook(rows)), ("b", workbook(swapped))):
        landed = drop(tmp_path, content, name=name, stream=Stream("emt", "timetables"))
        assert (landed.status, landed.rows, landed.bad_rows) == ("partly", 1, 1)
        assert "both filled" in landed.reason


def test_excel_values_become_json_values(tmp_path: Path) -> None:
    """Whole floats are integers, dates ISO text as recorded, durations clock text."""
    cells = {
        "a": (23.0, 23), "b": (23.4, 23.4), "c": (True, True), "d": ("0023", "0023"),
        "e": (datetime(2025, 8, 26, 9, 19, 23), "2025-08-26 09:19:23"),  # noqa: DTZ001
        "f": (date(2025, 8, 26), "2025-08-26"), "g": (time(9, 19), "09:19:00"),
        "h": (timedelta(hours=30), "30:00:00"), "i": (1e300, 1e300), "j": ("=1+1", None),
    }  # fmt: skip
    content = workbook([["node", "name", *cells], ["1", "x", *(v for v, _ in cells.values())]])
    expected = {key: value for key, (_, value) in cells.items() if value is not None}
    (payload,) = payloads(drop(tmp_path, content))
    assert json.dumps(payload) == json.dumps({"node": "1", "name": "x"} | expected)


def test_numbers_in_csv_stay_text_and_formulas_are_data(tmp_path: Path) -> None:
    """CSV has no types, and landing changes nothing that a cell says."""
    content = csv_text(["node", "name"], ["001", "=HYPERLINK('x')"], ["-1.50", "@SUM"])
    assert payloads(drop(tmp_path, content)) == [
        {"node": "001", "name": "=HYPERLINK('x')"},
        {"node": "-1.50", "name": "@SUM"},
    ]


def test_every_sheet_with_the_header_is_landed_and_others_are_listed(tmp_path: Path) -> None:
    """A sheet of other columns is named in quarantine; a blank one is nothing to name."""
    good, notes = [HEADER, ["1", "a", ""]], [["who", "when"], ["me", "now"]]
    landed = drop(tmp_path, workbook(good, notes, [], good, names=("A", "Notes", "Empty", "B")))
    assert places(landed) == [("A", 2), ("B", 2)]
    assert (landed.status, landed.bad_rows) == ("partly", 1)
    assert "row 1 of sheet 'Notes'" in landed.reason


def test_a_long_csv_cell_is_no_bad_row(tmp_path: Path) -> None:
    """A whole timetable is longer than what Python's csv module takes by itself."""
    stops = json.dumps(["5710"] * 50_000)
    landed = drop(tmp_path, csv_text(HEADER, ["1", "a", stops]))
    assert payloads(landed)[0]["lines"] == ["5710"] * 50_000


def test_another_streams_rows_are_refused(tmp_path: Path) -> None:
    """Timetables have a line and a label too, and would pass for lines."""
    landed = drop(
        tmp_path, json_lines({"line": 1, "label": "1", "stops": []}), stream=Stream("emt", "lines")
    )
    assert landed.reason.endswith("another stream's columns: stops")


def test_a_cut_cell_stays_text(tmp_path: Path) -> None:
    """Excel's 32,767 characters can end in the middle of a list: nothing is lost of it."""
    cut = ("[" + "{'stop': '5710'}, " * 3000)[:32_767]
    landed = drop(tmp_path, workbook([HEADER, ["1", "a", cut]]))
    assert payloads(landed)[0]["lines"] == cut


def test_weather_is_of_the_place_that_was_asked(tmp_path: Path) -> None:
    """The file says where the station is; the envelope says which place was asked for."""
    stream = Stream("weatherapi", "current")
    content = json_lines({"run_ts_utc": "2025-08-26 06:03:40", "response": {}})
    landed = drop(tmp_path, content, stream=stream, location="madrid")
    assert envelopes(landed)[0]["request"] == {"q": "madrid"}
    other = drop(tmp_path, content, stream=stream, location="oslo")
    assert other.status == "known"
    assert "'madrid'" in other.reason
    with pytest.raises(UsageError, match="whose weather"):
        drop(tmp_path, content, stream=stream)


def test_an_unknown_stream_names_the_known_ones(tmp_path: Path) -> None:
    """A mistyped stream is a usage error, and nothing is moved."""
    with pytest.raises(UsageError, match="known: calendar/derived, emt/arrivals"):
        drop(tmp_path, json_lines(STOP), stream=Stream("emt", "busses"))
    assert (tmp_path / "raw/emt/busses/dropped").exists()


@pytest.mark.parametrize(
    "name",
    [b"..\\..\\evil\n.csv", b"reason.json", b"\xff\xfe.csv", b"a" * 250, b"\xe2\x80\xaelsx.exe"],
)
def test_names_are_not_trusted(tmp_path: Path, name: bytes) -> None:
    """Whatever a file is called, it is kept inside the lake under a harmless name."""
    landed = drop(tmp_path, json_lines(STOP), name=name.decode(errors="surrogateescape"))
    uri = envelopes(landed)[0]["origin"]["uri"]
    assert (tmp_path / uri).resolve().is_relative_to(tmp_path / "originals/emt/stops")
    assert safe_name(uri) == uri.rsplit("/", 1)[1]
    bad = drop(tmp_path, b"{", name=name.decode(errors="surrogateescape"))
    folder = tmp_path / "quarantine/emt/stops" / bad.sha256
    assert len(list(folder.iterdir())) == 2
