"""The catalogue of lines, timetables and stops, from EMT's workbooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .reading import code, literal, sheet, text, whole

if TYPE_CHECKING:
    from datetime import date, datetime
    from pathlib import Path

    from .reading import Row

DAY_TYPES = {"LABORABLE": "LA", "VIERNES": "VI", "SABADO": "SA", "FESTIVO": "FE"}
LABELS = {"361": "001"}  # one workbook writes it with letters, OO1
SPANS = {"start_time": "StartTime", "stop_time": "StopTime"}
FREQUENCIES = {
    "min_freq": "MinimunFrequency",
    "max_freq": "MaximumFrequency",
    "freq": "Frequency",
}


def lines(folder: Path) -> list[Row]:
    """Return the lines with their public names."""
    return [
        {
            "line": code(row["line"]),
            "label": _label(code(row["line"]), row["label"]),
            "name_a": text(row["nameA"]),
            "name_b": text(row["nameB"]),
        }
        for row in sheet(folder / "bus_lines.xlsx")
    ]


def stops(folder: Path, landed_at: datetime) -> list[Row]:
    """Return the stops as the stops list has them."""
    return [_stop(row, landed_at) for row in sheet(folder / "bus_stops.xlsx")]


def lines_stops(folder: Path) -> list[Row]:
    """Return the stops of each direction of each line, one row for each."""
    found: dict[tuple[Any, ...], Row] = {}
    for asked in sheet(folder / "emt_lines.xlsx"):
        for stop in literal(asked["stops"]) or []:
            row = _line_stop(asked, stop)
            key = (row["line"], row["direction"], row["stop_id"])
            found[key] = _smaller_panel(found.get(key, row), row)
    return list(found.values())


def timetable(folder: Path, valid_from: date) -> tuple[list[Row], list[str]]:
    """Return each line's days, and the lines that have none."""
    asked = sheet(folder / "emt_lines.xlsx")
    wanted = {code(row["line"]) for row in asked}
    copies: dict[str, list[Row]] = {}
    for entry in (entry for row in asked for entry in _entries(row)):
        line = code(entry["IdLine"]) or ""
        rows = entry_rows(entry, valid_from)
        if line in wanted and copies.setdefault(line, rows) != rows:
            raise ValueError(f"copies of line {line} differ")
    if missing := wanted - set(copies):
        raise ValueError(f"no readable entry of the lines {sorted(map(str, missing))}")
    rows = [row for line in sorted(copies) for row in copies[line]]
    return rows, sorted(line for line, found in copies.items() if not found)


def entry_rows(entry: Row, valid_from: date) -> list[Row]:
    """Return the rows of one line's entry, sorted by day type."""
    line = code(entry["IdLine"])
    head = {
        "line": line,
        "label": _label(line, entry["Label"]),
        "name_a": text(entry.get("nameA", entry.get("HeaderA"))),
        "name_b": text(entry.get("nameB", entry.get("HeaderB"))),
    }
    found = entry.get("typeOfDays") or entry.get("DayType") or []
    rows = [
        {**head, "day_type": _day_type(day), "valid_from": valid_from, **_directions(day)}
        for day in ([found] if isinstance(found, dict) else found)
    ]
    return sorted(rows, key=lambda row: str(row["day_type"]))


def _entries(row: Row) -> list[Row]:
    if row["timeTable.IdLine"] is not None:
        flat = {name: row[f"timeTable.{name}"] for name in ("IdLine", "Label")}
        heads = {name: row[f"timeTable.{name}"] for name in ("HeaderA", "HeaderB")}
        return [{**flat, **heads, "DayType": literal(row["timeTable.DayType"])}]
    found = whole(row["timeTable"])
    return [found] if isinstance(found, dict) else list(found or [])


def _day_type(day: Row) -> str | None:
    name = text(day.get("DayType") or day.get("idDayType"))
    return DAY_TYPES.get(name or "", name)


def _directions(day: Row) -> Row:
    row: Row = {}
    for number in (1, 2):
        answered = day.get(f"Direction{number}") or {}
        row |= {f"d{number}_{name}": text(answered.get(key)) for name, key in SPANS.items()}
        row |= {f"d{number}_{name}": _count(answered.get(k)) for name, k in FREQUENCIES.items()}
    return row


def _count(value: Any) -> int | None:
    plain = text(value)
    return int(plain) if plain else None


def _label(line: str | None, answered: Any) -> str | None:
    return LABELS.get(line or "", text(answered))


def _stop(row: Row, landed_at: datetime) -> Row:
    lon, lat = literal(row["geometry.coordinates"]) or (None, None)
    return {
        "stop_id": text(row["node"]),
        "stop_name": text(row["name"]),
        "lon": lon,
        "lat": lat,
        "direction": None,
        "lines": literal(row["lines"]),
        "updated_ts": landed_at,
    }


def _line_stop(asked: Row, stop: Row) -> Row:
    lon, lat = stop["geometry"]["coordinates"]
    data_line = stop["dataLine"]
    return {
        "line": code(asked["line"]),
        "label": _label(code(asked["line"]), asked["label"]),
        "direction": int(asked["stop_id"]),
        "stop_id": text(stop["stop"]),
        "stop_name": text(stop["name"]),
        "postal_address": text(stop["postalAddress"]),
        "lon": lon,
        "lat": lat,
        "pmv": text(stop["pmv"]),
        "data_lines": [data_line] if isinstance(data_line, str) else data_line,
    }


def _smaller_panel(one: Row, other: Row) -> Row:
    if {**one, "pmv": None} != {**other, "pmv": None}:
        raise ValueError(f"two stops differ in more than the panel: {one} {other}")
    return min(one, other, key=lambda row: (row["pmv"] is None, row["pmv"] or ""))
