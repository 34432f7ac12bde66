"""Bad input: a clear reason, nothing lost, nothing stopped, nothing expanded."""

from __future__ import annotations

import gzip
import io
import json
import struct
import time
import tracemalloc
import zipfile
from typing import TYPE_CHECKING

import pytest
from landing_files import (
    HEADER,
    STOP,
    changed,
    csv_text,
    drop,
    json_lines,
    parquet,
    payloads,
    places,
    sheet_xml,
    tree,
    workbook,
)

from ingestion import caps
from ingestion.quarantine import quarantined
from lakehouse.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

MB = 1024 * 1024
BOOK = workbook([HEADER, ["1", "Cibeles", "['161/1']"]])
PARQUET = parquet({"node": ["1"], "name": ["Cibeles"]})
SHEET, TEXTS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
LONG = "x" * (20 * MB)


def lying(book: bytes, name: str, size: int) -> bytes:
    """The workbook with a part whose headers say it is small."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        part = archive.getinfo(name)
    true, said = struct.pack("<I", part.file_size), struct.pack("<I", size)
    return book.replace(true, said)


def repeated_text() -> bytes:
    """A workbook that names one long text in each of a thousand cells."""
    text = f"<sst><si><t>{'x' * MB}</t></si></sst>".encode()
    cells = "".join(f'<c r="A{n}" t="s"><v>0</v></c>' for n in range(1, 1001))
    return changed(BOOK, {TEXTS: text, SHEET: sheet_xml(f"<row>{cells}</row>")})


REFUSED = {
    "empty": (b"", "an empty file: 0 bytes"),
    "blank": (b" \n\n", "an empty file"),
    "half a workbook": (BOOK[: len(BOOK) // 2], "a workbook cut short or damaged"),
    "a damaged workbook": (BOOK.replace(b"\x00\x08\x00", b"\x00\x09\x00"), "workbook"),
    "a zip that is no workbook": (BOOK.replace(b"xl/w", b"xx/w"), "a zip file, but no .xlsx"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + bytes(600), "save it as .xlsx"),
    "HTML": (b"<!DOCTYPE html><html><body>502</body></html>", "an HTML page"),
    "HTML in gzip": (gzip.compress(b"\n<html>"), "an HTML page"),
    "XML": (b"<?xml version='1.0'?><a/>", "XML or HTML"),
    "other columns, Excel": (
        workbook([["stop", "name", "wifi"], [1, 2, 3]]),
        "expected code+data or node+name; found stop, name, wifi; missing node; unknown stop",
    ),
    "other columns, CSV": (csv_text(["a", "b"], ["1", "2"]), "found a, b; missing node, name"),
    "other columns, Parquet": (parquet({"a": [1]}), "found a; missing node, name; unknown a"),
    "other fields, JSON": (b'{"nodes": 1}', "row 1: other columns: expected code+data or node"),
    "a column twice": (csv_text(["node", "name", "name"]), "'name' stands twice"),
    "Latin-1": ("node,name\n1,a\n2,Peñón\n".encode("latin-1"), "byte 0xf1 at offset 18 (line 3)"),
    "Latin-1 in gzip": (gzip.compress("{'ñ'}".encode("latin-1")), "byte 0xf1 at offset 2"),
    "half of UTF-16": (json.dumps(STOP).encode("utf-16")[:-1], "damaged at byte offset 104"),
    "NUL bytes": (b'{"node": "1", "name": "\0"}', "a NUL byte at offset 23"),
    "0 rows, Excel": (workbook([HEADER]), "0 rows"),
    "0 cells, Excel": (workbook([]), "0 rows"),
    "0 rows, CSV": (csv_text(HEADER), "0 rows"),
    "0 rows, JSON": (b"[]", "0 rows"),
    "0 rows, Parquet": (parquet({"node": [], "name": []}), "0 rows"),
    "JSON cut": (json.dumps([STOP, STOP], indent=1).encode()[:-20], "cut short or malformed"),
    "JSON of another kind": (b"[1]", "row 1: not a JSON object but int"),
    "JSON numbers without end": (b'{"node": 1e999, "name": 1}', "1e999 is no JSON value"),
    "deep JSON": (b"[" * 100_000, "nested deeper than 100"),
    "deep JSON that parses": (
        b'{"node": 1, "name": ' + b"[" * 300 + b"]" * 300 + b"}",
        "nested deeper than 100",
    ),
    "Parquet cut": (PARQUET[:-9], "a Parquet file cut short"),
    "Parquet damaged": (
        PARQUET[:4] + bytes(len(PARQUET) - 12) + PARQUET[-8:],
        "a damaged Parquet file",
    ),
    "gzip cut": (gzip.compress(json_lines(STOP))[:-9], "a gzip file cut short"),
    "gzip damaged": (gzip.compress(json_lines(STOP)) + b"tail", "a damaged gzip file"),
    "gzip of a workbook": (gzip.compress(BOOK), "a workbook in a gzip file"),
    "a huge cell, JSON": (json_lines(STOP | {"name": LONG}), "16.0 MB"),
    "a huge cell, CSV": (csv_text(["node", "name"], ["1", LONG]), "longer than 16.0 MB"),
    "a huge cell, Excel": (
        changed(
            BOOK,
            {
                SHEET: sheet_xml(
                    '<row><c t="str"><v>node</v></c><c t="str"><v>name</v></c></row>'
                    f'<row><c t="str"><v>1</v></c><c t="str"><v>{LONG}</v></c></row>'
                )
            },
            zipfile.ZIP_STORED,
        ),
        "20.0 MB in one row",
    ),
    "many columns": (csv_text([f"c{n}" for n in range(2_001)]), "2,001 columns"),
    "too many bad rows": (json_lines(STOP) + b"1\n" * 100_001, "more than 100,000 bad rows; row 2"),
    "a quote in the wrong place": (b'node,name\n1,"a" b\n', "not CSV from line 2 on"),
}


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_quarantined_with_the_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """The bytes are kept with the reason, nothing else is written, and raw is empty."""
    landed = drop(tmp_path, content, name="dropped.json")
    assert (landed.status, landed.rows) == ("quarantined", 0)
    assert reason in landed.reason
    folder = f"quarantine/emt/stops/{landed.sha256}"
    files = tree(tmp_path)
    assert set(files) == {f"{folder}/dropped.json", f"{folder}/reason.json"}
    assert files[f"{folder}/dropped.json"] == content
    assert [entry.reason for entry in quarantined(tmp_path)] == [landed.reason]


BOMBS = {
    "zip": (changed(BOOK, {TEXTS: bytes(40 * MB)}), "expands more than 200 times"),
    "zip that lies": (
        lying(changed(BOOK, {TEXTS: bytes(40 * MB)}), TEXTS, 999),
        "not what the file says it is",
    ),
    "zip of many parts": (
        changed(BOOK, {f"xl/{n}": b"" for n in range(2_001)}, zipfile.ZIP_STORED),
        "a workbook has at most 2,000",
    ),
    "far cell": (
        changed(BOOK, {SHEET: sheet_xml('<row><c r="A1"/><c r="XFD1048576"/></row>')}),
        "a grid of 17,179,869,184 cells",
    ),
    "far cell in another part": (
        changed(BOOK, {"xl/x.bin": sheet_xml('<row r="9999999"><c/></row>' + "<c/>")}),
        "a grid of",
    ),
    "repeated text": (repeated_text(), "its texts expand to more than 512"),
    "entities": (
        changed(BOOK, {SHEET: b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + sheet_xml("&b;")}),
        "XML entities",
    ),
    "gzip": (gzip.compress(bytes(40 * MB), 1), "expands more than 200 times"),
    "gzip of blanks": (gzip.compress(b"\n" * (40 * MB), 1), "nothing but blanks"),
}


@pytest.mark.parametrize(("content", "reason"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_before_it_expands(tmp_path: Path, content: bytes, reason: str) -> None:
    """What would fill the memory is refused in less than a second, and fills none of it."""
    start = time.process_time()
    tracemalloc.start()
    landed = drop(tmp_path, content, name="bomb.xlsx")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - start < 1
    assert peak < 30 * MB
    assert landed.status == "quarantined"
    assert reason in landed.reason


PARTLY = {
    "JSON line": (
        b'{"node": "1", "na\n' + json_lines(STOP) + b"[1]\n" + json_lines({"guid": 1}),
        [(1, "not JSON: Invalid control"), (3, "not a JSON object but list"), (4, "missing")],
        [2],
    ),
    "JSON lines cut": (json_lines(STOP, STOP)[:-9], [(2, "not JSON")], [1]),
    "JSON line too long": (
        json_lines(STOP, STOP | {"name": LONG}, STOP),
        [(2, "a line of more than 16.0 MB")],
        [1, 3],
    ),
    "JSON array": (json.dumps([STOP, 5, STOP]).encode(), [(2, "not a JSON object")], [1, 3]),
    "CSV": (
        b"node,name\n1,a\n2\n3,b,c\n4,d\n",
        [(3, "1 fields, and the header has 2"), (4, "3 fields")],
        [2, 5],
    ),
    "CSV cut": (b'node,name\n1,a\n2,"b', [(3, "a quote is never closed")], [2]),
    "Excel": (
        workbook([["node", "name", None], ["1", "a", None], ["2", "b", "note"]]),
        [(3, "a value in column 3, which has no name")],
        [2],
    ),
    "Parquet": (
        parquet({"node": ["1", "2"], "name": [[float("inf")], [1.0]]}),
        [(1, "no JSON value")],
        [2],
    ),
}


@pytest.mark.parametrize(("content", "bad", "good"), PARTLY.values(), ids=PARTLY)
def test_good_rows_of_a_partly_bad_file_are_kept(
    tmp_path: Path, content: bytes, bad: list[tuple[int, str]], good: list[int]
) -> None:
    """Good rows land, every bad row is listed with its reason, and the bytes stand once."""
    landed = drop(tmp_path, content, name="stops")
    assert (landed.status, landed.rows, landed.bad_rows) == ("partly", len(good), len(bad))
    assert [row for _, row in places(landed)] == good
    (entry,) = quarantined(tmp_path)
    assert [row.row for row in entry.bad_rows] == [row for row, _ in bad]
    for row, (_, reason) in zip(entry.bad_rows, bad, strict=True):
        assert reason in row.reason
    assert entry.rows_kept == len(good)
    assert (tmp_path / entry.file).read_bytes() == content
    assert sum(held == content for held in tree(tmp_path).values()) == 1
    assert entry.next_command == "lake land ./stops --to emt/stops"


def test_rows_without_a_stop_are_landed(tmp_path: Path) -> None:
    """Landing judges the shape, not the values: an empty cell is silver's to reject."""
    landed = drop(tmp_path, csv_text(HEADER, ["", "a", ""], ["1", "b", ""]))
    assert payloads(landed) == [{"name": "a"}, {"node": "1", "name": "b"}]


def test_no_file_becomes_larger_than_its_cap() -> None:
    """A modest ratio is no excuse: the expanded size has a limit of its own."""
    caps.check_expansion(caps.WORKBOOK_BYTES // 10, caps.WORKBOOK_BYTES, caps.WORKBOOK_BYTES)
    with pytest.raises(BadInputError, match=r"more than 512\.0 MB, the most that is read"):
        caps.check_expansion(caps.WORKBOOK_BYTES, caps.WORKBOOK_BYTES + 1, caps.WORKBOOK_BYTES)
