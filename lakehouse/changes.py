"""What changed in a table since a cursor: from metadata alone, compaction left out."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Optional

from lakehouse.iceberg import changed_partitions

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from lakehouse.snapshots import History


def since(found: History, cursor: Optional[int]) -> Optional[list[int]]:
    """Ids of the snapshots whose changes count between the cursor and main's head.

    Walks parent ids, never commit times. A cursor that main was rolled back behind counts both
    ways down to the common ancestor. None means the way is lost (no cursor, expired, replaced
    table): everything must be recomputed. `replace` snapshots (compaction) change no row.
    """
    if cursor is None or cursor not in found.snapshots:
        return None
    ahead = list(found.lineage())
    behind = list(found.lineage(cursor))
    there = {s.id for s in behind}
    common = next((s.id for s in ahead if s.id in there), None)
    if common is None:
        return None
    new = ahead[: [s.id for s in ahead].index(common)]
    lost = behind[: [s.id for s in behind].index(common)]
    return [s.id for s in (*new, *lost) if s.operation != "replace"]


def partition_days(paths: set[str]) -> Optional[set[date]]:
    """Days of `x_day=2026-01-03` partition paths; None if a path is of another kind."""
    found = set()
    for path in paths:
        name, _, value = path.rpartition("=")
        if not name.endswith("_day"):
            return None
        found.add(date.fromisoformat(value))
    return found


def months(paths: set[str]) -> Optional[list[tuple[date, date]]]:
    """[first day, day after) of `x_month=2026-01` paths; None if one is of another kind."""
    found = []
    for path in sorted(paths):
        name, _, value = path.rpartition("=")
        if not name.endswith("_month"):
            return None
        start = date.fromisoformat(f"{value}-01")
        found.append((start, (start + timedelta(days=32)).replace(day=1)))
    return found


def days(spark: SparkSession, found: History, cursor: Optional[int]) -> Optional[set[date]]:
    """UTC days a table partitioned by days changed in; None means unknown: all."""
    ids = since(found, cursor)
    if ids is None:
        return None
    return partition_days(changed_partitions(spark, found.table, ids)) if ids else set()


def rows(
    spark: SparkSession, found: History, cursor: int, columns: list[str], where: str = "true"
) -> DataFrame:
    """Rows of `columns` that stand at only one of cursor and head, `where` bounding both reads.

    For small tables: two reads and a comparison.
    """

    def at(snapshot_id: Optional[int]) -> DataFrame:
        reader = spark.read.option("snapshot-id", str(snapshot_id))
        return reader.table(found.table).where(where).select(*columns)

    old, new = at(cursor), at(found.head())
    return old.subtract(new).union(new.subtract(old))


def utc_days(start: datetime, end: datetime) -> set[date]:
    """Every UTC day from start to end, both inclusive."""
    first = start.astimezone(timezone.utc).date()
    last = end.astimezone(timezone.utc).date()
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}
