"""The head of the report: what was found, how fresh it is, and the key figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from console.report import words
from console.report.page import Column, Fact, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from console.report.facts import Count, Overview

_REASONS = {
    "later bus": "no poll names the next bus of a line",
    "no estimate": "the source gives no estimate",
    "no timetable": "no timetable of these lines is loaded",
    "no window": "no timetable is in force at these times",
}


@dataclass(frozen=True)
class TableFact:
    """Which snapshot of a table the report was made from."""

    table: str
    snapshot_id: int
    committed_at: datetime
    run_id: str
    rows: int


def why_unrated(overview: Overview, causes: Sequence[Count]) -> str:
    """Why nothing can be rated, as a sentence; empty where something is."""
    if overview.rated:
        return ""
    if not overview.predictions:
        return "No predictions yet: land arrivals (emt/arrivals) and run the lake."
    if not overview.timetable_lines:
        return "No rated predictions: no timetable is loaded."
    cause = causes[0].kind if causes else ""
    return f"No rated predictions: {_REASONS.get(cause, 'no timetable is in force')}."


def finding(overview: Overview, unrated: str) -> str:
    """The report in one sentence."""
    if unrated:
        return unrated
    rate = words.share(overview.late, overview.rated)
    of = f"{words.count(overview.rated)} rated predictions"
    where = f"{words.plural(overview.lines, 'line')} at {words.plural(overview.stops, 'stop')}"
    return f"{rate} of {of} were late, of {where}{_when(overview)}."


def _when(overview: Overview) -> str:
    first, last = overview.first_local, overview.last_local
    if first is None or last is None:
        return ""
    if first.date() == last.date():
        return f", on {last:%a} {_day(last)} from {first:%H:%M} to {last:%H:%M}"
    start = f"{first.day} {first:%b}" if first.year == last.year else _day(first)
    return f", between {start} and {_day(last)}"


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b} {at.year}"


def definition(late_ratio: float) -> str:
    """What is called late."""
    return (
        "A prediction is one arrival that EMT announced in one poll of a stop. It is late when "
        f"the bus is announced more than {late_ratio:g} times the timetable\u2019s headway away. "
        "It is rated, late or not, if it is the next bus of its line, has an estimate, and a "
        f"timetable is in force. Times are Madrid\u2019s ({words.ZONE}) unless they say UTC."
    )


def freshness(overview: Overview, now: datetime) -> tuple[Fact, ...]:
    """How old the newest event and the newest observation are."""
    found = (
        ("Newest bus prediction", overview.newest_event_utc),
        ("Newest weather observation", overview.newest_observation_utc),
    )
    return tuple(_fresh(name, at, now) for name, at in found)


def _fresh(name: str, naive: datetime | None, now: datetime) -> Fact:
    at = naive.replace(tzinfo=timezone.utc) if naive else None
    basis = words.moment(at) if at else "nothing landed"
    return Fact(name, words.ago(at, now), basis)


def key_figures(overview: Overview) -> tuple[Fact, ...]:
    """The figures that a reader asks for first."""
    all_ = overview.predictions
    of_all = f"of {words.count(all_)} predictions"
    return (
        Fact("Late", words.share(overview.late, overview.rated), "of the rated predictions"),
        Fact("Predictions", words.count(all_), f"of {words.plural(overview.lines, 'line')}"),
        Fact("Rated", words.share(overview.rated, all_), of_all),
        Fact("In adverse weather", *_adverse(overview)),
        Fact("With weather", words.share(overview.with_weather, all_), of_all),
        Fact("Censored", words.share(overview.censored, all_), "no estimate given"),
    )


def _adverse(overview: Overview) -> tuple[str, str]:
    if not overview.adverse_rated:
        return words.NONE, "no rated prediction"
    rate = words.share(overview.adverse_late, overview.adverse_rated)
    return rate, f"late, of {words.count(overview.adverse_rated)} rated"


def snapshots(tables: Sequence[TableFact]) -> Table:
    """From which snapshots the report was made."""
    columns = (
        Column("Table", "code"),
        Column("Rows", "number"),
        Column("Committed (Madrid)"),
        Column("Snapshot", "code"),
        Column("Run", "code"),
    )
    rows = [
        (t.table, words.count(t.rows), words.moment(t.committed_at), str(t.snapshot_id), t.run_id)
        for t in tables
    ]
    return Table("The snapshots that this report was made from", columns, rows)
