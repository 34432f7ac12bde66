"""The section on the tables' health: what they are made of, through time, and what to type."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from console.report import steps, words
from console.report.page import Column, Figure, Section, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from console.health import Health, Point

_MB = 1_000_000
_WELL = "well"


class Patient(NamedTuple):
    """A table's health now, and what it was made of through time."""

    health: Health
    points: Sequence[Point]


def section(patients: Sequence[Patient], now: datetime) -> Section:
    """How the tables are."""
    figures = (
        _figure(
            patients, now, "Files that a reader of the whole opens", "files",
            lambda p: p.data_files + p.delete_files, lambda v: words.count(int(v)),
        ),
        _figure(
            patients, now, "Size of the tables", "size",
            lambda p: p.size / _MB, lambda v: words.measure(v, "MB"),
        ),
    )  # fmt: skip
    lead = "From the tables' metadata, as lake health tells it; each line has its own scale."
    return Section("health", "Tables", _heading(patients), lead, figures, (_table(patients, now),))


def _heading(patients: Sequence[Patient]) -> str:
    ill = [p.health for p in patients if p.health.verdict != _WELL]
    if not ill:
        return f"Each of {words.plural(len(patients), 'table')} is fresh and well laid out"
    stale = sum("stale" in h.verdict or "empty" in h.verdict for h in ill)
    anew = sum("written anew" in h.verdict or "manifests" in h.verdict for h in ill)
    parts = [f"{stale} older than promised"] if stale else []
    parts += [f"{anew} to be maintained"] if anew else []
    return f"Of {words.plural(len(patients), 'table')}, {' and '.join(parts)}"


def _figure(
    patients: Sequence[Patient],
    now: datetime,
    title: str,
    unit: str,
    value: Callable[[Point], float],
    said: Callable[[float], str],
) -> Figure:
    shown = [p for p in patients if p.points]
    if not shown:
        return Figure(title, empty="No table has a commit yet.")
    start = min(p.points[0].at for p in shown)
    span = now - start
    rows = [
        steps.Row(
            p.health.table,
            said(value(p.points[-1])),
            [(_share(point.at - start, span), value(point)) for point in p.points],
        )
        for p in shown
    ]
    chart = steps.chart(rows, f"{title}, through time", words.brief(start), words.brief(now))
    return Figure(title, chart, _through(shown, value, said, unit), "Steps are commits.")


def _share(part: timedelta, whole: timedelta) -> float:
    return min(max(part / whole, 0.0), 1.0) if whole else 0.0


def _through(
    shown: Sequence[Patient],
    value: Callable[[Point], float],
    said: Callable[[float], str],
    unit: str,
) -> Table:
    columns = (
        Column("Table", "code"),
        Column("First", "number"),
        Column("Most", "number"),
        Column("Now", "number"),
        Column("Commits", "number"),
    )
    rows = []
    for patient in shown:
        values = [value(point) for point in patient.points]
        figures = (said(v) for v in (values[0], max(values), values[-1]))
        rows.append((patient.health.table, *figures, words.count(len(values))))
    return Table(f"The {unit} of each table through time", columns, rows)


def _table(patients: Sequence[Patient], now: datetime) -> Table:
    numbers = ("Files", "Small", "Of deletes", "MB", "Snapshots", "Rows", "Rows a day")
    columns = (
        Column("Table", "code"),
        *(Column(title, "number") for title in numbers),
        Column("Newest"),
        Column("Promised"),
        Column("Verdict", "name"),
        Column("Type", "code"),
    )
    return Table("Each table now", columns, [_line(p.health, now) for p in patients])


def _line(health: Health, now: datetime) -> tuple[str, ...]:
    counts = (health.data_files, health.small_files, health.delete_files)
    more = (health.snapshots, health.rows, round(health.rows_a_day))
    return (
        health.table,
        *(words.count(n) for n in counts),
        f"{health.size_bytes / _MB:.1f}",
        *(words.count(n) for n in more),
        words.ago(health.newest, now),
        f"{health.promised_hours} h" if health.promised_hours else words.NONE,
        health.verdict,
        health.next_command,
    )
