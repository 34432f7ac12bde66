"""What the report knows: the rows that its questions answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime


class Overview(NamedTuple):
    """The whole of gold in one row."""

    predictions: int
    rated: int
    late: int
    censored: int
    with_weather: int
    lines: int
    stops: int
    adverse_rated: int
    adverse_late: int
    calm_rated: int
    calm_late: int
    first_local: datetime | None
    last_local: datetime | None
    newest_event_utc: datetime | None
    newest_observation_utc: datetime | None
    hourly_predictions: int
    timetable_lines: int


class Cell(NamedTuple):
    """A line in one local hour of the day."""

    label: str
    hour: int
    rated: int
    late: int


class Line(NamedTuple):
    """A line over all hours."""

    label: str
    name: str
    predictions: int
    rated: int
    late: int


class Stop(NamedTuple):
    """A stop of the catalogue, of the predictions, or of both."""

    stop_id: str
    name: str | None
    lon: float | None
    lat: float | None
    predictions: int
    rated: int
    late: int


class Severity(NamedTuple):
    """A class of weather; null where no observation matched."""

    severity: str | None
    predictions: int
    rated: int
    late: int


class Slot(NamedTuple):
    """An hour, a day or a month of local time."""

    start_local: datetime
    predictions: int
    rated: int
    late: int
    temp_c: float | None
    precip_mm: float | None


class Count(NamedTuple):
    """So many of a kind."""

    kind: str
    number: int


class Rejected(NamedTuple):
    """Rows that a table refused for one reason."""

    table: str
    reason: str
    rows: int


class Account(NamedTuple):
    """What went into a table over all its finished runs, and what became of it."""

    table: str
    runs: int
    rows_in: int
    accepted: int
    collapsed: int
    rejected: int


class Run(NamedTuple):
    """One table's part in one run."""

    run_id: str | None
    table: str
    status: str
    reason: str | None
    started_utc: datetime
    seconds: float | None
    files: int | None
    rows_in: int | None
    inserted: int | None
    updated: int | None
    rejected: int | None
    snapshot_id: int | None


class Totals(NamedTuple):
    """How many runs the ledger knows."""

    runs: int
    failed: int
