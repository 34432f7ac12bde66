"""Compaction: write the partitions that need it anew, and prove that no row changed.

The newest receipt goes along with every commit: a table's next run finds its cursor at the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from pyspark.sql import functions as F

from lakehouse import catalog, merge
from lakehouse.errors import DataQualityError
from lakehouse.iceberg import conflicts, history, receipt
from lakehouse.snapshots import RECEIPT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.maintenance.layout import Need
    from lakehouse.snapshots import History, Snapshot
    from lakehouse.table import Table

VIA = "maintenance"


class Checksum(NamedTuple):
    """Of all rows, whatever their order: how many, the sum and the exclusive or of their hashes."""

    rows: int
    total: int
    mixed: int


@dataclass(frozen=True)
class Target:
    """The table to be written, and what proves that its rows stayed the same."""

    spark: SparkSession
    table: Table
    name: str
    check: Callable[[SparkSession, Table, str, int], Checksum]

    def history(self) -> History:
        """Its metadata as it is now."""
        return history(self.spark, self.name)

    def call(self, procedure: str, *arguments: str) -> None:
        """Call one of Iceberg's procedures on the table, under its newest receipt.

        Raises ConflictError if another commit came between.
        """
        given = ", ".join((f"table => '{self.name.split('.', 1)[1]}'", *arguments))
        with receipt(self.spark, carried(self.history())), conflicts(self.name):
            self.spark.sql(f"call {catalog.NAME}.system.{procedure}({given})").collect()


def checksum(spark: SparkSession, table: Table, name: str, snapshot_id: int) -> Checksum:
    """The checksum of a snapshot's rows, in the contract's columns and types."""
    rows = spark.read.option("snapshot-id", str(snapshot_id)).table(name)
    there = set(rows.columns)
    columns = [
        (F.col(c.name) if c.name in there else F.lit(None)).cast(c.kind) for c in table.all_columns
    ]
    # The hash passes over nulls: whether a value is one is hashed besides.
    hashed = F.xxhash64(*columns, *[c.isNull() for c in columns]).alias("h")
    found = rows.select(hashed).agg(
        F.count(F.lit(1)).alias("rows"),
        F.coalesce(F.sum(F.col("h").cast("decimal(28,0)")), F.lit(0)).alias("total"),
        F.coalesce(F.bit_xor("h"), F.lit(0)).alias("mixed"),
    )
    return Checksum(*(int(value) for value in found.collect()[0]))


def carried(found: History) -> dict[str, Any]:
    """The newest receipt, to be carried forward, and that maintenance did it."""
    newest = found.newest_receipt()
    return {**(newest[1] if newest else {}), "via": VIA}


def compact(target: Target, needs: list[Need]) -> None:
    """Write the partitions anew, then prove that no row changed.

    Raises ConflictError if another commit came between, DataQualityError if a row changed: main
    is then back where it was.
    """
    before = target.history().head()
    for whole in (False, True):
        chosen = [need for need in needs if need.sort is whole]
        if chosen:
            _rewrite(target, chosen, whole=whole)
    prove(target, before)


def _rewrite(target: Target, needs: list[Need], *, whole: bool) -> None:
    table = target.table
    # Receipts are proven below, and there are no equality deletes: new files may get a new
    # sequence number, by which the deletes they took in are known to be done with.
    options = {
        "min-input-files": "2",
        "delete-file-threshold": "1",
        "remove-dangling-deletes": "true",
        "use-starting-sequence-number": "false",
        "target-file-size-bytes": str(table.upkeep.target_bytes),
        "rewrite-all": "true" if whole else "false",
    }
    given = ", ".join(f"'{name}', '{value}'" for name, value in options.items())
    order = ", ".join(f"{column} asc nulls first" for column in table.sort)
    ways = ["strategy => 'sort'", f"sort_order => '{order}'"] if order else []
    where = _where(table, needs)
    within = [f'where => "{where}"'] if where != "true" else []
    target.call("rewrite_data_files", *ways, *within, f"options => map({given})")


def _where(table: Table, needs: list[Need]) -> str:
    """The partitions as a predicate; all, where a file lies in none of today's layout."""
    starts = [need.partition for need in needs if need.partition is not None]
    if len(starts) < len(needs) or len(table.partition_fields) != 1:
        return "true"
    return merge.bounds(table, {table.partition_columns[0]: starts}).format(t="")


def rewrite_manifests(target: Target) -> None:
    """Gather the manifests. Raises ConflictError if another commit came between."""
    before = target.history().head()
    target.call("rewrite_manifests", "use_caching => false")
    _receipts(target, _since(target.history(), before))


def _since(found: History, before: int | None) -> list[Snapshot]:
    """The commits after that one, newest first."""
    new = []
    for snapshot in found.lineage():
        if snapshot.id == before:
            break
        new.append(snapshot)
    return new


def _ours(snapshot: Snapshot) -> bool:
    return snapshot.operation == "replace" and snapshot.summary.get(RECEIPT + "via") == VIA


def _receipts(target: Target, new: list[Snapshot]) -> None:
    """Every way of losing a receipt is silent: look for it."""
    lost = [s.id for s in new if s.operation == "replace" and not _ours(s)]
    if lost:
        raise DataQualityError(
            f"{target.table.full_name}: commit {lost[0]} lost its receipt",
            next_command=f"lake history {target.table.full_name}",
        )


def prove(target: Target, before: int | None) -> None:
    """Compare the rows before and after each of our commits, others' commits left out.

    Raises DataQualityError if they differ; main goes back, unless others built on it.
    """
    new = _since(target.history(), before)
    _receipts(target, new)
    for first, last in stretches(new):
        if first.parent is None:
            continue
        old, now = (
            target.check(target.spark, target.table, target.name, at)
            for at in (first.parent, last.id)
        )
        if old != now:
            _undo(target, before, new, f"{old} before and {now} after commit {last.id}")


def stretches(new: list[Snapshot]) -> list[tuple[Snapshot, Snapshot]]:
    """(first, last) of our commits that follow each other directly, of commits newest first."""
    found: list[tuple[Snapshot, Snapshot]] = []
    for snapshot in reversed(new):
        if not _ours(snapshot):
            continue
        if found and found[-1][1].id == snapshot.parent:
            found[-1] = (found[-1][0], snapshot)
        else:
            found.append((snapshot, snapshot))
    return found


def _undo(target: Target, before: int | None, new: list[Snapshot], what: str) -> None:
    full_name = target.table.full_name
    where = "others committed since, so it stands"
    if before is not None and all(_ours(s) for s in new):
        name = target.name.split(".", 1)[1]
        target.spark.sql(
            f"call {catalog.NAME}.system.rollback_to_snapshot('{name}', {before})"
        ).collect()
        where = f"main is back at {before}"
    raise DataQualityError(
        f"{full_name}: compaction changed rows ({what}); {where}",
        next_command=f"lake history {full_name}",
    )
