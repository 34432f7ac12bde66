"""The section on delays against the weather: by class of weather, and through time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from console.report import scale, timeline, words
from console.report.page import Column, Figure, Key, Section, Table
from console.report.punctuality import counted, rate_cells, rate_chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from console.report.facts import Overview, Severity, Slot

_MEANING = {
    "good": "Good",
    "moderate": "Moderate: rain from 0.1 mm or wind from 20 km/h",
    "bad": "Bad: from 0.5 mm, 30 km/h, or sight under 6 km",
    "severe": "Severe: from 2 mm, 45 km/h, or sight under 3 km",
    None: "Unknown: no observation near enough in time",
}
_HOURLY = timedelta(days=7)
_DAILY = timedelta(days=366)


def unit(overview: Overview) -> str:
    """What a slot of the time axis is: hours up to a week, days up to a year, then months."""
    if overview.first_local is None or overview.last_local is None:
        return "hour"
    span = overview.last_local - overview.first_local
    return "hour" if span <= _HOURLY else "day" if span <= _DAILY else "month"


def section(
    overview: Overview, severities: Sequence[Severity], slots: Sequence[Slot], unrated: str
) -> Section:
    """Whether buses are late more often when the weather is bad."""
    lead = (
        "A difference is an association, not yet a cause: rain and rush hour may simply meet. "
        "Adverse is bad or severe weather."
    )
    if not overview.rated:
        figure = Figure("Delay rate by weather", empty=unrated, span="full")
        heading = "Delay and weather cannot be compared yet"
        return Section("weather", "Weather", heading, figures=(figure,))
    figures = (_by_class(severities), _through_time(slots, unit(overview)))
    return Section("weather", "Weather", _heading(overview), lead, figures)


def _heading(overview: Overview) -> str:
    few = min(overview.adverse_rated, overview.calm_rated) < scale.MIN_LINE
    if not overview.adverse_rated and not overview.calm_rated:
        return "No rated prediction has a weather observation near enough in time"
    if not overview.adverse_rated:
        return "No rated prediction fell in adverse weather: there is nothing to compare yet"
    adverse = words.share(overview.adverse_late, overview.adverse_rated)
    calm = words.share(overview.calm_late, overview.calm_rated)
    doubt = f", on fewer than {scale.MIN_LINE} rated predictions" if few else ""
    return f"Late in adverse weather: {adverse}; otherwise: {calm}{doubt}"


def _by_class(severities: Sequence[Severity]) -> Figure:
    rated = [s for s in severities if s.rated]
    title = "Delay rate by class of weather"
    samples = [(_short(s.severity), s.rated, s.late) for s in rated]
    columns = (Column("Weather", "name"), *counted("Predictions"))
    rows = [
        (_MEANING.get(s.severity, s.severity or ""), words.count(s.predictions), *_cells(s))
        for s in severities
    ]
    table = Table("Late share of rated predictions by class of weather", columns, rows)
    note = "Late share of rated predictions; thin line: 95 % range. The table says the thresholds."
    return Figure(title, rate_chart(title, samples), table, note, span="minor")


def _short(severity: str | None) -> str:
    return (_MEANING.get(severity) or severity or "").partition(":")[0]


def _cells(severity: Severity) -> tuple[str, str, str, str]:
    if not severity.rated:
        return "0", "0", words.NONE, words.NONE
    return rate_cells(severity.rated, severity.late)


def _through_time(slots: Sequence[Slot], unit_: str) -> Figure:
    points = [_point(slot, before, unit_) for slot, before in zip(slots, (None, *slots))]
    skipped = any(not point.follows for point in points[1:])
    note = (
        f"One column for each {unit_} (Madrid time) with predictions; "
        f"hatched: fewer than {scale.MIN_CELL} rated."
    )
    note += f" Dashed lines: {unit_}s without predictions are left out." if skipped else ""
    label = f"Delay rate, temperature and precipitation by {unit_}, {len(points)} {unit_}s"
    columns = (
        Column(unit_.capitalize()),
        *(Column(t, "number") for t in ("Predictions", "Rated", "Late", "Late, % of rated")),
        Column("Temperature, °C", "number"),
        Column("Precipitation, mm", "number"),
    )
    table = Table(f"Delays and weather by {unit_}", columns, [_row(s, unit_) for s in slots])
    legend = (Key("bar", "late"), Key("temp", "temperature"), Key("rain", "precipitation"))
    title = f"Delays, temperature and rain, {unit_} by {unit_}"
    return Figure(title, timeline.chart(label, points), table, note, legend, "major")


def _point(slot: Slot, before: Slot | None, unit_: str) -> timeline.Point:
    follows = before is None or _next(before.start_local, unit_) >= slot.start_local
    measured = (slot.temp_c, slot.precip_mm)
    name = _name(slot.start_local, unit_)
    return timeline.Point(slot.start_local, name, slot.rated, slot.late, *measured, follows)


def _next(start: datetime, unit_: str) -> datetime:
    days = {"hour": timedelta(hours=1), "day": timedelta(days=1), "month": timedelta(days=31)}
    return start + days[unit_]


def _name(start: datetime, unit_: str) -> str:
    day = f"{start.day} {start:%b}"
    names = {"hour": f"{day}, {start:%H:%M}", "day": day, "month": f"{start:%b} {start.year}"}
    return names[unit_]


def _row(slot: Slot, unit_: str) -> tuple[str, ...]:
    counts = (words.count(n) for n in (slot.predictions, slot.rated, slot.late))
    temp = words.NONE if slot.temp_c is None else f"{slot.temp_c:.1f}"
    rain = words.NONE if slot.precip_mm is None else f"{slot.precip_mm:.2f}"
    return _name(slot.start_local, unit_), *counts, words.share(slot.late, slot.rated), temp, rain
