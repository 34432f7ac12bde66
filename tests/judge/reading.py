"""What the recorded files say, as plain Python values, before any conversion."""

from __future__ import annotations

import ast
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import openpyxl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Row = dict[str, Any]


@dataclass(frozen=True)
class Poll:
    """One question to the arrivals service and what was answered."""

    at_local: Any
    line: Any
    arrivals: list[Row]
    incidents: list[Row]


def sheet(path: Path) -> list[Row]:
    """Read the first sheet of a workbook, a dict a row."""
    book = openpyxl.load_workbook(path, read_only=True)
    try:
        header, *rows = book.worksheets[0].iter_rows(values_only=True)
    finally:
        book.close()
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def literal(cell: Any) -> Any:
    """Read a cell that holds a Python literal; an empty cell is None."""
    return ast.literal_eval(cell) if isinstance(cell, str) and cell.strip() else None


def whole(cell: Any) -> Any:
    """Read a literal cell, or None where the workbook has cut it."""
    try:
        return literal(cell)
    except (SyntaxError, ValueError):
        return None


def text(value: Any) -> str | None:
    """Strip a text; what is empty is None."""
    return (str(value).strip() or None) if value is not None else None


def code(value: Any) -> str | None:
    """Write a line as EMT's code of three digits."""
    plain = text(int(value) if isinstance(value, float) else value)
    return plain.zfill(3) if plain else None


def polls(folder: Path, form: str) -> list[Poll]:
    """Read every poll of a folder, in the order of the files."""
    if form == "xlsx":
        files = sorted(folder.glob("arrivals-*.xlsx"))
        return [_sheet_poll(row) for path in files for row in sheet(path)]
    if form == "jsonl":
        files = sorted(folder.glob("arrivals_polls_*.jsonl.gz"))
        return [_json_poll(row) for path in files for row in _json_lines(path)]
    raise ValueError(f"no such form: {form}")


def weather_replies(folder: Path, form: str) -> list[tuple[str, Row]]:
    """Read every weather reply with the time it was asked."""
    if form == "xlsx":
        files = sorted(folder.glob("meteorology-*.xlsx"))
        rows = [row for path in files for row in sheet(path)]
        return [(str(row["run_ts_utc"]), _nested(row)) for row in rows]
    rows = list(_json_lines(folder / "weatherapi_current.jsonl"))
    return [(row["run_ts_utc"], row["response"]) for row in rows]


def incidents(folder: Path, form: str, asked: list[Poll]) -> list[Row]:
    """Return every incident answered: of workbooks by the time of the polls, else as kept."""
    if form == "xlsx":
        by_time = sorted(asked, key=lambda poll: str(poll.at_local))
        return [incident for poll in by_time for incident in poll.incidents]
    found: list[Row] = json.loads((folder / "incidents_distinct.json").read_text("utf-8"))
    return found


def _sheet_poll(row: Row) -> Poll:
    return Poll(
        row["timestamp"],
        row["line"],
        literal(row["Arrive"]) or [],
        literal(row["Incident.ListaIncident.data"]) or [],
    )


def _json_poll(row: Row) -> Poll:
    parts = row["data"] or []
    return Poll(
        row["polled_at_local"],
        row["req_line"],
        [arrival for part in parts for arrival in part.get("Arrive") or []],
        [],
    )


def _json_lines(path: Path) -> Iterator[Row]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def _nested(row: Row) -> Row:
    reply: Row = {}
    for name, value in row.items():
        *parents, last = name.split(".")
        place = reply
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return reply
