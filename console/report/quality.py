"""The sections on the data's quality, down to each row, and on the runs."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from console.report import bars, words
from console.report.page import Column, Figure, Section, Table
from lakehouse.log import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from console.report.facts import Account, Count, Overview, Rejected, Run, Totals

MAX_REASONS = 10
_CAUSES = {
    "later bus": (
        "Second or later bus of a line",
        "due a headway later by nature, so never rated",
    ),
    "no estimate": (
        "No estimate",
        "the bus is too far away for the source to say when it comes",
    ),
    "no timetable": (
        "Line without a timetable",
        "the line is unknown, or its timetable was not loaded",
    ),
    "no window": (
        "No timetable in force then",
        "no service window of the line's day type covers the time, or it states no frequency",
    ),
}


def section(
    overview: Overview,
    accounts: Sequence[Account],
    rejected: Sequence[Rejected],
    causes: Sequence[Count],
) -> Section:
    """Whether every row is accounted for, and what could not be rated or matched."""
    tables = (_ledger(accounts),) if accounts else ()
    figures = (_unrated(overview, causes), _rejected(rejected))
    lead = " ".join((_matched(overview), _agreement(overview))).strip()
    return Section("quality", "Data quality", _heading(accounts), lead, figures, tables)


def _heading(accounts: Sequence[Account]) -> str:
    if not accounts:
        return "No run has finished yet: there are no rows to account for"
    wrong = [a.table for a in accounts if _missing(a)]
    if wrong:
        return f"Rows are unaccounted for in {', '.join(wrong)}"
    counts = ((a.rows_in, a.accepted, a.collapsed, a.rejected) for a in accounts)
    into, kept, same, refused = (words.count(sum(column)) for column in zip(*counts))
    parts = f"{kept} accepted + {same} collapsed + {refused} rejected"
    return (
        f"Every row of {words.plural(len(accounts), 'table')} is accounted for: {into} in = {parts}"
    )


def _missing(account: Account) -> int:
    return account.rows_in - account.accepted - account.collapsed - account.rejected


def _matched(overview: Overview) -> str:
    if not overview.predictions:
        return ""
    missed = overview.predictions - overview.with_weather
    weather = "Every prediction has a weather observation near enough in time."
    if missed:
        part = f"{words.count(missed)} predictions ({words.share(missed, overview.predictions)})"
        weather = f"{part} have no weather observation near enough in time."
    censored = words.share(overview.censored, overview.predictions)
    return f"{weather} {censored} of the predictions are censored: the source gives no estimate."


def _agreement(overview: Overview) -> str:
    if overview.hourly_predictions == overview.predictions:
        return "Both gold tables count the same predictions." if overview.predictions else ""
    hourly, all_ = words.count(overview.hourly_predictions), words.count(overview.predictions)
    return f"The gold tables disagree: {hourly} predictions by hour, {all_} one by one."


def _ledger(accounts: Sequence[Account]) -> Table:
    titles = ("Runs", "Rows in", "Accepted", "Collapsed", "Rejected", "Unaccounted for")
    columns = (Column("Table", "code"), *(Column(title, "number") for title in titles))
    rows = [(a.table, *(words.count(n) for n in (*a[1:], _missing(a)))) for a in accounts]
    caption = "Rows in = accepted + collapsed (the key of another row of the batch) + rejected"
    return Table(f"{caption}, over all finished runs", columns, rows)


def _share_bars(label: str, counted: Sequence[tuple[str, int]], whole: int) -> Markup:
    most = max(number for _, number in counted)
    drawn = [
        bars.Bar(name, f"{words.count(n)} · {words.share(n, whole)}", n, "plain")
        for name, n in counted
    ]
    return bars.chart(drawn, label, most, ())


def _unrated(overview: Overview, causes: Sequence[Count]) -> Figure:
    if not overview.predictions:
        empty = "No predictions yet: land arrivals (emt/arrivals) and run the lake."
        return Figure("Predictions that are not rated", empty=empty)
    if not causes:
        return Figure("Every prediction is rated", empty="There is no unrated prediction.")
    number = sum(cause.number for cause in causes)
    part = words.share(number, overview.predictions)
    title = f"{part} of the predictions are not rated"
    named = [(*_CAUSES.get(c.kind, (c.kind, "")), c.number) for c in causes]
    chart = _share_bars(title, [(name, n) for name, _, n in named], overview.predictions)
    columns = (
        Column("Cause", "name"),
        Column("Meaning"),
        Column("Predictions", "number"),
        Column("% of all", "number"),
    )
    rows = [
        (name, why, words.count(n), words.share(n, overview.predictions)) for name, why, n in named
    ]
    note = (
        "Each unrated prediction under the first cause that holds, as the table explains them; "
        f"% of all {words.count(overview.predictions)} predictions."
    )
    return Figure(title, chart, Table("Unrated predictions by cause", columns, rows), note)


def _rejected(rejected: Sequence[Rejected]) -> Figure:
    if not rejected:
        return Figure("No row was rejected", empty="Every row that came in could be used.")
    number = sum(r.rows for r in rejected)
    title = f"{words.plural(number, 'row')} rejected: most often “{redact(rejected[0].reason)}”"
    one = len({r.table for r in rejected}) == 1
    names = (redact(r.reason) if one else f"{redact(r.reason)} ({r.table})" for r in rejected)
    counted = [(name, r.rows) for name, r in zip(names, rejected[:MAX_REASONS])]
    columns = (Column("Reason", "name"), Column("Table", "code"), Column("Rows", "number"))
    rows = [(redact(r.reason), r.table, words.count(r.rows)) for r in rejected]
    note = "Rejected rows are kept, with their source, in ops.rejected_row; % of all rejected."
    table = Table("Rejected rows by reason", columns, rows)
    return Figure(title, _share_bars(title, counted, number), table, note)


def runs(totals: Totals, found: Sequence[Run], now: datetime) -> Section:
    """What ran, and whether it ended well."""
    if not found:
        return Section("runs", "Runs", "Nothing has run yet", "Start the lake with: lake run")
    last = words.ago(_utc(found[0].started_utc), now)
    heading = f"All {words.plural(totals.runs, 'table run')} ended well"
    if totals.failed:
        heading = f"{words.count(totals.failed)} of {words.plural(totals.runs, 'table run')} failed"
    shown = f"; the newest {len(found)} are shown" if len(found) < totals.runs else ""
    lead = f"The newest is {last}{shown}. A run is known by a hash of its code and inputs."
    return Section("runs", "Runs", heading, lead, tables=(*_failures(found), _run_table(found)))


def _failures(found: Sequence[Run]) -> tuple[Table, ...]:
    columns = (Column("Started (Madrid)"), Column("Table", "code"), Column("Reason"))
    rows = [
        (words.brief(_utc(r.started_utc)), r.table, redact(r.reason or "no reason given"))
        for r in found
        if r.status == "failed"
    ]
    return (Table("Why runs failed", columns, rows),) if rows else ()


def _run_table(found: Sequence[Run]) -> Table:
    numbers = ("Took, s", "Files", "Rows in", "New", "Updated", "Rejected")
    columns = (
        Column("Started (Madrid)"),
        Column("Table", "code"),
        Column("Result"),
        *(Column(title, "number") for title in numbers),
        Column("Run", "code"),
        Column("Snapshot", "code"),
    )
    return Table("The newest runs, one row for each table", columns, [_run(r) for r in found])


def _run(run: Run) -> tuple[str, ...]:
    counts = (run.files, run.rows_in, run.inserted, run.updated, run.rejected)
    result = "✓ ok" if run.status == "ok" else f"✗ {run.status}"
    return (
        words.brief(_utc(run.started_utc)),
        run.table,
        result,
        words.NONE if run.seconds is None else f"{run.seconds:.1f}",
        *(words.NONE if n is None else words.count(n) for n in counts),
        (run.run_id or words.NONE)[:8],
        words.NONE if run.snapshot_id is None else str(run.snapshot_id),
    )


def _utc(naive: datetime) -> datetime:
    return naive.replace(tzinfo=timezone.utc)
