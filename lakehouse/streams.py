"""Stream tables as input of silver: append-only, delivered at least once, one record a row.

What a run takes of such a table has a name like a bronze file's, so that pending, rollback and
receipts need nothing of their own: `stream:<table>@<after>..<head>` are the rows appended after
one snapshot up to another, `stream:<table>@..<head>` all rows of a snapshot, and
`stream:<table>/<event id>` one event. The newest head that a target has taken is its cursor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from pyspark.sql import functions as F

from lakehouse import catalog, log
from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql import DataFrame, SparkSession

    from lakehouse.settings import Settings
    from lakehouse.snapshots import History, Snapshot
    from lakehouse.table import Table

SCHEME = "stream:"
_NAME = re.compile(
    SCHEME + r"(?P<table>\w+\.\w+)(@(?P<after>\d*)\.\.(?P<head>\d+)|/(?P<event>\w+))\Z"
)


@dataclass(frozen=True)
class Part:
    """A part of a stream table: what its name says."""

    table: str
    head: Optional[int] = None
    after: Optional[int] = None
    event: str = ""

    @classmethod
    def parse(cls, name: str) -> Part:
        """The part of that name. Raises UsageError for anything else."""
        found = _NAME.match(name)
        if not found:
            raise UsageError(f"{name!r} names no part of a stream table")
        head, after = found["head"], found["after"]
        return cls(
            found["table"],
            int(head) if head else None,
            int(after) if after else None,
            found["event"] or "",
        )

    def __str__(self) -> str:
        if self.event:
            return f"{SCHEME}{self.table}/{self.event}"
        after = "" if self.after is None else self.after
        return f"{SCHEME}{self.table}@{after}..{self.head}"


def is_name(name: str) -> bool:
    """Whether it names a part of a stream table, and no file."""
    return name.startswith(SCHEME)


def whole(table: Table, found: History) -> list[str]:
    """The name of all rows of main; none for an empty table."""
    head = found.head()
    if head is None or found.snapshots[head].summary.get("total-records") == "0":
        return []
    return [str(Part(table.full_name, head))]


def pending(table: Table, found: History, taken: Iterable[str]) -> list[str]:
    """The name of what a target has not taken yet; none where nothing was appended since.

    Only appends add rows; `replace` (compaction) changes none. Where the cursor is gone (expired,
    or main of the stream was set back), and across any other change, the whole table is read: the
    MERGE by key leaves what is there already.
    """
    known = cursors(table, taken)
    new: list[Snapshot] = []
    for snapshot in found.lineage():
        if snapshot.id in known:
            return _since(table, found, snapshot.id, new)
        new.append(snapshot)
    everything = whole(table, found)
    if known and everything:
        _say(table, "the snapshot read last is no longer in its history")
    return everything


def _since(table: Table, found: History, cursor: int, new: list[Snapshot]) -> list[str]:
    foreign = sorted({s.operation for s in new} - {"append", "replace"})
    if foreign:
        _say(table, f"rows were changed since it was read last: {', '.join(foreign)}")
        return whole(table, found)
    if all(_is_empty(s) for s in new):
        return []
    return [str(Part(table.full_name, found.head(), cursor))]


def _is_empty(snapshot: Snapshot) -> bool:
    return snapshot.operation == "replace" or snapshot.summary.get("added-records", "0") == "0"


def cursors(table: Table, taken: Iterable[str]) -> set[int]:
    """The snapshots of a stream table up to which these names reach."""
    parts = [Part.parse(name) for name in taken if is_name(name)]
    return {p.head for p in parts if p.table == table.full_name and p.head is not None}


def _say(table: Table, why: str) -> None:
    log.warn("stream_read_whole", table=table.full_name, why=why)


def heads(names: Iterable[str]) -> dict[str, int]:
    """How far these names reach in each stream table."""
    parts = [Part.parse(name) for name in names if is_name(name)]
    return {part.table: part.head for part in parts if part.head is not None}


def count(found: History, name: str) -> int:
    """How many rows a part has, by metadata alone; deleted ones count where they were appended."""
    part = Part.parse(name)
    if part.event:
        return 1
    if part.after is None:
        return int(found.snapshots[part.head or 0].summary.get("total-records", "0"))
    rows = 0
    for snapshot in found.lineage(part.head):
        if snapshot.id == part.after:
            break
        rows += 0 if _is_empty(snapshot) else int(snapshot.summary["added-records"])
    return rows


def read(spark: SparkSession, settings: Settings, names: list[str]) -> list[DataFrame]:
    """The records of these parts as `value` (the envelope's JSON), `_file` and `_row`.

    `_file` is the event's own name, the same however often and in whatever part it is read.
    """
    parts = [Part.parse(name) for name in names]
    frames = [_rows(spark, settings, part) for part in parts if not part.event]
    for table in sorted({part.table for part in parts if part.event}):
        events = [part.event for part in parts if part.event and part.table == table]
        frames.append(_rows(spark, settings, Part(table)).where(F.col("event_id").isin(events)))
    return [frame.select("value", "_file", "_row") for frame in frames]


def _rows(spark: SparkSession, settings: Settings, part: Part) -> DataFrame:
    reader = spark.read
    if part.after is not None:
        reader = reader.option("start-snapshot-id", str(part.after))
        reader = reader.option("end-snapshot-id", str(part.head))
    elif part.head is not None:
        reader = reader.option("snapshot-id", str(part.head))
    return reader.table(catalog.identifier(settings, part.table)).select(
        "event_id",
        F.col("envelope").alias("value"),
        F.concat(F.lit(f"{SCHEME}{part.table}/"), "event_id").alias("_file"),
        F.lit(1).cast("bigint").alias("_row"),
    )
