"""A job: which table it makes, from what, by which pure transform; a group runs together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Union

from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import DataFrame, SparkSession

    from lakehouse.settings import Settings
    from lakehouse.snapshots import History
    from lakehouse.table import Table

    Transform = Callable[[DataFrame, Settings], DataFrame]


@dataclass(frozen=True)
class Silver:
    """Bronze streams → one silver table.

    `payload` is the Spark type of the answered payload, all recorded shapes in one. `transform`
    takes the records of `lakehouse.records.read` and gives the contract's columns, source_uri,
    source_row, item (the place within the record, from 0), reject (why not, or null), row_json.
    `stream_tables` hold records of the same payload that a stream delivered, see
    `lakehouse.streams`.
    """

    table: Table
    streams: tuple[str, ...]
    payload: str
    transform: Transform
    stream_tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Gold:
    """One SELECT of `sql/gold` → one gold table. `checks_rows` of its group run on the branch.

    `behind` is for audits: tables that a row is made of, each with the condition under which a row
    `b` of it may be behind a gold row `g`; in SQL that Spark and DuckDB both read, parameters of
    the group as `:name`.
    """

    table: Table
    select: str
    behind: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class SilverGroup:
    """Silver tables that one run fills one after the other, each in a commit of its own."""

    name: str
    jobs: tuple[Silver, ...]


@dataclass(frozen=True)
class Change:
    """What moved in the sources of a gold group: pinned heads, and the cursor's snapshots."""

    spark: SparkSession
    settings: Settings
    cursor: dict[str, int]
    heads: dict[str, int]
    histories: dict[str, History]


@dataclass(frozen=True)
class GoldGroup:
    """Gold tables that are published together; the last one is the commit record.

    `sources` are the tables the SELECTs read, by the name they read them by (the table's own).
    `changed_days` tells which UTC days a change of the sources touches, None meaning all.
    `day_columns` names each source's own day column, for reading the changed days only.
    `parameters` are the settings a SELECT may use as `:name`.
    """

    name: str
    jobs: tuple[Gold, ...]
    sources: tuple[Table, ...]
    changed_days: Callable[[Change], Union[set[date], None]]
    views: Callable[[Change, Union[set[date], None]], None]
    parameters: tuple[str, ...]


Group = Union[SilverGroup, GoldGroup]


def find(groups: tuple[Group, ...], names: list[str]) -> list[Group]:
    """The named groups in the pipeline's order; all for no names. Raises UsageError."""
    known = {group.name for group in groups}
    for name in names:
        if name not in known:
            raise UsageError(f"no job {name!r}; there are {', '.join(sorted(known))}")
    return [group for group in groups if not names or group.name in names]
