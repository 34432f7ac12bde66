"""Files to land, good and harmful, made in memory."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ingestion.bronze import Stream
from ingestion.landing import Landed, land

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

NOW = datetime(2025, 8, 29, 12, tzinfo=timezone.utc)
STOPS = Stream("emt", "stops")
STOP = {"node": "1", "name": "Cibeles", "lines": ["161/1"]}
HEADER = ["node", "name", "lines"]


def workbook(*sheets: Iterable[list[Any]], names: tuple[str, ...] = ()) -> bytes:
    """An .xlsx of these sheets, each a list of rows."""
    import openpyxl  # noqa: PLC0415

    book = openpyxl.Workbook()
    book.remove(book.active)
    for index, rows in enumerate(sheets):
        sheet = book.create_sheet(names[index] if names else f"Sheet{index + 1}")
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def changed(book: bytes, parts: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The workbook with these parts in place of, or beside, its own."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(out, "w", packing) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, content in parts.items():
            new.writestr(name, content, compresslevel=1)
    return out.getvalue()


def sheet_xml(cells: str) -> bytes:
    """A sheet's part with these cells in its first row."""
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<worksheet xmlns="{space}"><sheetData>{cells}</sheetData></worksheet>'.encode()


def json_lines(*payloads: Any) -> bytes:
    """JSON lines of the payloads."""
    return "".join(json.dumps(payload) + "\n" for payload in payloads).encode()


def csv_text(*rows: list[str]) -> bytes:
    """A CSV of the rows."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def parquet(columns: dict[str, list[Any]]) -> bytes:
    """A Parquet file of the columns."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def drop(
    root: Path,
    content: bytes,
    *,
    name: str = "dropped",
    stream: Stream = STOPS,
    location: str | None = None,
    step: Callable[[str], None] = lambda _name: None,
) -> Landed:
    """Write the file into raw, if it is not there, and land it."""
    file = root / "raw" / stream.source / stream.name / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return land(root, file, stream, now=NOW, location=location, keep_source=False, step=step)


def envelopes(landed: Landed) -> list[dict[str, Any]]:
    """What bronze holds of a landed file."""
    assert landed.bronze is not None
    return [json.loads(line) for line in gzip.open(landed.bronze, "rt", encoding="utf-8")]


def payloads(landed: Landed) -> list[Any]:
    """The payloads in bronze of a landed file."""
    return [envelope["payload"] for envelope in envelopes(landed)]


def places(landed: Landed) -> list[tuple[str | None, int]]:
    """The sheet and row of each envelope."""
    return [(e["origin"]["sheet"], e["origin"]["row"]) for e in envelopes(landed)]


def tree(root: Path) -> dict[str, bytes]:
    """Every file below `root` with its bytes."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
