"""Which UTC days of the buses' gold a change of its sources touches, and the sources of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Optional

from pyspark.sql import functions as F

from jobs.silver.emt import arrivals_predictions, lines, lines_timetable
from jobs.silver.meteorology import meteorology_current
from lakehouse import changes, iceberg, merge, sql
from lakehouse.snapshots import MAIN

if TYPE_CHECKING:
    from lakehouse.job import Change

ARRIVALS = arrivals_predictions.TABLE.name
_DAY = timedelta(days=1)
Days = Optional["set[date]"]


def changed_days(change: Change) -> Days:
    """UTC days to recompute; None for all of them."""
    found: set[date] = set()
    for part in (_arrivals, _weather, _calendar, _timetable, _lines):
        days = part(change)
        if days is None:
            return None
        found |= days
    return found


def _arrivals(change: Change) -> Days:
    return changes.days(change.spark, change.histories[ARRIVALS], change.cursor.get(ARRIVALS))


def _weather(change: Change) -> Days:
    """Days within the match window of an observation that came, went or changed."""
    table = meteorology_current.TABLE
    found, cursor = change.histories[table.name], change.cursor.get(table.name)
    ids = changes.since(found, cursor)
    if ids is None or cursor is None:
        return None
    touched = changes.months(iceberg.changed_partitions(change.spark, found.table, ids))
    if touched is None:
        return None
    window = timedelta(minutes=change.settings.wx_recent_minutes)
    within = sql.any_of(
        f"obs_ts >= {sql.midnight(lo)} and obs_ts < {sql.midnight(hi)}" for lo, hi in touched
    )
    rows = changes.rows(change.spark, found, cursor, [*table.key, *table.compared], within)
    mine = rows.where(F.col("location") == change.settings.weather_location)
    moments = mine.select(F.unix_seconds("obs_ts").alias("s")).distinct().collect()
    days: set[date] = set()
    for row in moments:
        moment = datetime.fromtimestamp(row["s"], tz=timezone.utc)
        days |= changes.utc_days(moment - window, moment + window)
    return days


def _calendar(change: Change) -> Days:
    """A service day is looked up from its own local date and the next."""
    found = change.histories["service_calendar"]
    cursor = change.cursor.get("service_calendar")
    ids = changes.since(found, cursor)
    if ids is None or cursor is None:
        return None
    if not ids:
        return set()
    rows = changes.rows(change.spark, found, cursor, ["day", "day_type"])
    days = [row["day"] for row in rows.select("day").distinct().collect()]
    return {day + n * _DAY for day in days for n in (-1, 0, 1)}


def _timetable(change: Change) -> Days:
    """Days governed by a version that changed; all days for a line's earliest one."""
    table = lines_timetable.TABLE
    found, cursor = change.histories[table.name], change.cursor.get(table.name)
    ids = changes.since(found, cursor)
    if ids is None or cursor is None:
        return None
    if not ids:
        return set()
    rows = changes.rows(change.spark, found, cursor, [*table.key, *table.compared])
    changed = {(r["line"], r["valid_from"]) for r in rows.select("line", "valid_from").collect()}
    versions = [_versions(change, found.table, at) for at in (cursor, found.refs[MAIN])]
    ranges = []
    for line, start in changed:
        if any(start <= min(v.get(line, [start])) for v in versions):
            return None
        ends = [min((f for f in v.get(line, []) if f > start), default=None) for v in versions]
        ranges.append((start, None if None in ends else max(e for e in ends if e)))
    return _governed(change, ranges)


def _versions(change: Change, table: str, snapshot_id: int) -> dict[str, list[date]]:
    reader = change.spark.read.option("snapshot-id", str(snapshot_id)).table(table)
    found: dict[str, list[date]] = {}
    for row in reader.select("line", "valid_from").distinct().collect():
        found.setdefault(row["line"], []).append(row["valid_from"])
    return found


def _governed(change: Change, ranges: list[tuple[date, Optional[date]]]) -> set[date]:
    """Days with arrivals that lie in one of the service day ranges, looked up a day later too."""
    return {
        day
        for day in _days_with_arrivals(change)
        if any(lo - _DAY <= day and (hi is None or day <= hi + _DAY) for lo, hi in ranges)
    }


def _days_with_arrivals(change: Change) -> set[date]:
    table = change.histories[ARRIVALS].table
    rows = change.spark.table(f"{table}.partitions").select("partition.event_ts_day").collect()
    return {row[0] for row in rows}


def _lines(change: Change) -> Days:
    """Labels decide only for arrivals without an asked line."""
    table = lines.TABLE
    found, cursor = change.histories[table.name], change.cursor.get(table.name)
    ids = changes.since(found, cursor)
    if ids is None or cursor is None:
        return None
    if not ids:
        return set()
    rows = changes.rows(change.spark, found, cursor, ["line", "label"])
    labels = [row["label"] for row in rows.select("label").distinct().collect()]
    arrivals = change.spark.table(change.histories[ARRIVALS].table)
    asked = arrivals.where(F.col("line").isNull() & F.col("label").isin(labels))
    return {row[0] for row in asked.select(F.to_date("event_ts")).distinct().collect()}


def views(change: Change, days: Days) -> None:
    """Offer the sources, pinned at the heads of the cursor, to the SELECTs: these days only."""
    window = timedelta(minutes=change.settings.wx_recent_minutes)
    runs = merge.runs(sorted(_days_with_arrivals(change) if days is None else days), "days")
    midnight = datetime.min.time()
    predicates = {
        "service_calendar": sql.any_of(
            f"day >= {sql.day(lo - 2 * _DAY)} and day <= {sql.day(hi + _DAY)}" for lo, hi in runs
        ),
        "meteorology_current": sql.any_of(
            f"obs_ts >= {sql.timestamp(datetime.combine(lo, midnight, timezone.utc) - window)} "
            f"and obs_ts <= {sql.timestamp(datetime.combine(hi, midnight, timezone.utc) + window)}"
            for lo, hi in runs
        ),
    }
    if days is not None:
        table = arrivals_predictions.TABLE
        predicates[ARRIVALS] = merge.bounds(table, {"event_ts": sorted(days)}).format(t="")
    for name, head in change.heads.items():
        reader = change.spark.read.option("snapshot-id", str(head))
        frame = reader.table(change.histories[name].table).where(predicates.get(name, "true"))
        frame.createOrReplaceTempView(name)
