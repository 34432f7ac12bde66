"""The shapes of EMT's timetables: a list of days, an object, or nothing; and of its places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from console.simulator.network import Line, Stop, Window

LONG_NAMES = {"LA": "LABORABLE", "VI": "VIERNES", "SA": "SABADO", "FE": "FESTIVO"}


def timetable(line: Line) -> dict[str, Any]:
    """A line's entry in a timetable, in one of EMT's three shapes."""
    plan = line.plan
    named = {"IdLine": plan.code, "Label": line.label}
    ends = {"nameA": plan.name_a, **({"nameB": plan.name_b} if plan.name_b else {})}
    if plan.shape == "none":
        return {**named, **ends}
    if plan.shape == "object":
        days = [_day("idDayType", LONG_NAMES[d], w) for d, w in line.windows.items()]
        return {**named, "HeaderA": plan.name_a, "HeaderB": plan.name_b, "DayType": days}
    days = [_day("DayType", d, w) for d, w in line.windows.items()]
    return {**named, **ends, "typeOfDays": days}


def _day(key: str, day_type: str, windows: tuple[Window, Window] | None) -> dict[str, Any]:
    """A day type's windows; a day without service is listed without directions."""
    found: dict[str, Any] = {key: day_type}
    for number, window in enumerate(windows or (), start=1):
        found[f"Direction{number}"] = {
            "StartTime": window.start,
            "StopTime": window.stop,
            "MinimunFrequency": str(window.min_freq),
            "MaximumFrequency": str(window.max_freq),
            "Frequency": None,
        }
    return found


def detailed(window: Window) -> dict[str, str]:
    """A window as the line's detail has it, with its headways in words."""
    freq = f"{window.min_freq} - {window.max_freq}"
    return {
        "MaximumFrequency": str(window.max_freq),
        "MinimunFrequency": str(window.min_freq),
        "FrequencyText": f"De {window.start} a {window.stop} -> Cada {freq}min./",
        "StopTime": window.stop,
        "StartTime": window.start,
    }


def point(stop: Stop) -> dict[str, Any]:
    """Where a stop is."""
    return {"type": "Point", "coordinates": [stop.lon, stop.lat]}
