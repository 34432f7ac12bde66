"""The index of runs: what ran, which file fed which table, which rows were rejected.

The truth is in the receipts of the snapshots; losing a row of the index costs a re-read, never a
row of data.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Callable, Optional

from pyspark.sql import functions as F

from lakehouse import catalog, code, lease, merge
from lakehouse.contract import differences
from lakehouse.errors import ConfigurationError
from lakehouse.iceberg import history, receipt, swap_property
from lakehouse.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame, SparkSession

    from lakehouse.settings import Settings
    from lakehouse.snapshots import History

OWNER = "platform"

# Outside the local place a run's claim is a property of ops.run, by its group's name.
LEASE = "lake.lease."

RUN = Table(
    database="ops",
    name="run",
    doc="One row for each table of each run that had something to do, also of failed ones.",
    owner=OWNER,
    key=(),
    audited=False,
    columns=(
        Column("run_id", "string", "Hash of job, code, inputs and cursors: a retry has the same."),
        Column("job_group", "string", "The group of tables that ran together."),
        Column("table_name", "string", "database.table."),
        Column("status", "string", "ok, failed, or rollback."),
        Column("reason", "string", "Why it failed, and the next command; or what maintenance did."),
        Column("started_at", "timestamp", "When the step began, UTC."),
        Column("ended_at", "timestamp", "When the step ended, UTC."),
        Column("code_version", "string", "Hash of the shipped code."),
        Column("files", "bigint", "Bronze files read."),
        Column("records", "bigint", "Records (polls, replies, rows) in those files."),
        Column("days", "bigint", "UTC days recomputed (gold); null means all."),
        Column("rows_in", "bigint", "Rows answered: accepted + rejected + collapsed."),
        Column("accepted", "bigint", "inserted + updated + unchanged + older."),
        Column("collapsed", "bigint", "Rows with the key of a newer or equal row of the batch."),
        Column("rejected", "bigint", "Rows kept in ops.rejected_row."),
        Column("inserted", "bigint", "Rows whose key was new."),
        Column("updated", "bigint", "Rows that replaced an older version."),
        Column("unchanged", "bigint", "Rows equal to what was there."),
        Column("older", "bigint", "Rows older than what was there."),
        Column("gone", "bigint", "Rows deleted because their source vanished (gold)."),
        Column("snapshot_id", "bigint", "The snapshot that holds the result."),
    ),
)

PROCESSED_FILE = Table(
    database="ops",
    name="processed_file",
    doc="Which bronze file, or part of a stream table, has been taken into which table; recorded "
    "after that table's commit.",
    owner=OWNER,
    key=(),
    audited=False,
    columns=(
        Column("table_name", "string", "database.table."),
        Column(
            "file", "string", "The bronze file, relative to the lake's root, or the part's name."
        ),
        Column("run_id", "string", "The run that took it in."),
        Column("snapshot_id", "bigint", "Main's head when its rows were in."),
        Column("sequence_number", "bigint", "That snapshot's sequence number."),
        Column("recorded_at", "timestamp", "When it was recorded, UTC."),
    ),
)

REJECTED_ROW = Table(
    database="ops",
    name="rejected_row",
    doc="Rows that were refused, with the reason; replays add none.",
    owner=OWNER,
    key=("table_name", "source_uri", "source_row", "item", "reason"),
    ignored=("run_id", "rejected_at"),
    audited=False,
    columns=(
        Column("table_name", "string", "The table that refused it.", required=True),
        Column("reason", "string", "Why.", required=True),
        Column("row_json", "string", "The row as answered.", sensitive=True),
        Column(
            "source_uri",
            "string",
            "The file or delivered event it came from.",
            required=True,
            sensitive=True,
        ),
        Column("source_row", "bigint", "The row of that file, 1-based.", required=True),
        Column("item", "int", "The place within that row's record, from 0.", required=True),
        Column("run_id", "string", "The run that refused it first."),
        Column("rejected_at", "timestamp", "When it was refused first, UTC."),
    ),
)

TABLES = (RUN, PROCESSED_FILE, REJECTED_ROW)


@dataclass(frozen=True)
class Outcome:
    """What one step did to one table."""

    run_id: str
    job_group: str
    table_name: str
    status: str
    started_at: datetime
    counts: merge.Counts = field(default_factory=merge.Counts)
    reason: Optional[str] = None
    files: int = 0
    records: int = 0
    days: Optional[int] = 0
    snapshot_id: Optional[int] = None
    committed: bool = False

    def row(self) -> dict[str, Any]:
        """As a row of ops.run, without ended_at and code_version."""
        facts = {k: v for k, v in vars(self).items() if k not in ("counts", "committed")}
        return {**facts, **asdict(self.counts), "accepted": self.counts.accepted}


@contextlib.contextmanager
def leased(
    spark: SparkSession, settings: Settings, group: str, waiting: Callable[[str], None]
) -> Iterator[Ledger]:
    """The ledger of a run that is the group's only writer; what it remembers is written at the end.

    Raises BusyError naming who holds the lease. Outside the local place the lease is a property
    of ops.run, because the catalog's commit is the one atomic thing every place has.
    """
    if settings.in_bucket:
        index = catalog.identifier(settings, RUN.full_name)

        def read(name: str) -> Optional[str]:
            found = history(spark, index).metadata.get("properties") or {}
            return found.get(LEASE + name)

        def swap(name: str, old: Optional[str], new: Optional[str]) -> bool:
            return swap_property(spark, index, LEASE + name, old, new)

        held = lease.catalog_lease(read, swap, group, settings.lease_wait_sec, waiting)
    else:
        held = lease.hold(settings.root, group, settings.lease_wait_sec, waiting)
    with held as still_held:
        ledger = Ledger(spark, settings, still_held)
        try:
            yield ledger
        finally:
            ledger.flush()


def now() -> datetime:
    """The present, aware, UTC."""
    return datetime.now(timezone.utc)


class Ledger:
    """Collects what a run did and writes it in one append a table at the run's end.

    `still_held` raises ConflictError once the run's lease is not its own any more.
    """

    def __init__(
        self,
        spark: SparkSession,
        settings: Settings,
        still_held: Callable[[], None] = lambda: None,
    ) -> None:
        self.spark = spark
        self.settings = settings
        self.still_held = still_held
        self._processed: list[dict[str, Any]] = []
        self._runs: list[dict[str, Any]] = []

    def name(self, table: Table) -> str:
        """The table's identifier in this place."""
        return catalog.identifier(self.settings, table.full_name)

    def processed(self, targets: dict[str, History]) -> dict[str, set[str]]:
        """Files whose rows are in each table's main, by table.

        A record counts only while its snapshot is in main's history: a rollback makes its files
        pending again.
        """
        rows = (
            self.spark.table(self.name(PROCESSED_FILE))
            .where(F.col("table_name").isin(*targets))
            .select("table_name", "file", "snapshot_id", "sequence_number")
            .collect()
        )
        found: dict[str, set[str]] = {name: set() for name in targets}
        known: dict[tuple[str, int], bool] = {}
        for row in rows:
            at = (row["table_name"], row["snapshot_id"])
            if at not in known:
                target = targets[row["table_name"]]
                known[at] = target.holds(row["snapshot_id"], row["sequence_number"])
            if known[at]:
                found[row["table_name"]].add(row["file"])
        for taken in self._processed:  # by this run, so that a stream goes on where it is now
            if taken["table_name"] in found:
                found[taken["table_name"]].add(taken["file"])
        return found

    def took(self, table: Table, files: list[str], run_id: str, target: History) -> None:
        """Remember that the files' rows are in main as it is now."""
        head = target.snapshots[target.refs["main"]]
        for file in files:
            self._processed.append(
                {
                    "table_name": table.full_name,
                    "file": file,
                    "run_id": run_id,
                    "snapshot_id": head.id,
                    "sequence_number": head.sequence,
                    "recorded_at": now(),
                }
            )

    def ran(self, outcome: Outcome) -> None:
        """Remember what a step did."""
        self._runs.append({**outcome.row(), "ended_at": now(), "code_version": code.version()})

    def flush(self) -> None:
        """Append what was remembered; nothing remembered commits nothing."""
        for table, rows in ((PROCESSED_FILE, self._processed), (RUN, self._runs)):
            if rows:
                self._append(table, rows)
                rows.clear()

    def _append(self, table: Table, rows: list[dict[str, Any]]) -> None:
        kind = ", ".join(f"{c.name}: {c.kind}" for c in table.columns)
        # As JSON and not as Python rows: those would start Python workers for a handful of rows.
        text = json.dumps([{name: row[name] for name in table.names} for row in rows], default=str)
        parsed = F.from_json(F.lit(text), f"array<struct<{kind}>>")
        frame = self.spark.range(1).select(F.inline(parsed))
        with receipt(self.spark, {"run": str(rows[-1]["run_id"]), "job": table.full_name}):
            frame.writeTo(self.name(table)).append()

    def reject(self, table: Table, rows: DataFrame, facts: dict[str, Any]) -> None:
        """Keep refused rows; those already kept stay as they are.

        Called before the table's own commit: a crash in between replays both.
        """
        batch = rows.select(
            F.lit(table.full_name).alias("table_name"),
            F.col("reject").alias("reason"),
            "row_json",
            "source_uri",
            "source_row",
            "item",
            F.lit(facts["run"]).alias("run_id"),
            F.lit(now()).alias("rejected_at"),
            F.lit(None).cast("string").alias("reject"),
        )
        target = self.name(REJECTED_ROW)
        staged = merge.stage(self.spark, REJECTED_ROW, target, batch)
        if staged.counts.inserted:
            only_new = replace(
                staged,
                rows=staged.rows.where("_status = 'inserted'"),
                counts=merge.Counts(inserted=staged.counts.inserted),
            )
            merge.commit(self.spark, REJECTED_ROW, target, only_new, facts)

    def absolve(
        self, table: Table, sources: set[str], still: DataFrame, facts: dict[str, Any]
    ) -> None:
        """Drop refused rows of these sources that are refused no more.

        Called after the table's own commit: a crash in between leaves them listed, not lost.
        """
        target, names = self.name(REJECTED_ROW), REJECTED_ROW.names
        refused = still.select("source_uri", "source_row", "item", F.col("reject").alias("reason"))
        mine = self.spark.table(target).where(
            (F.col("table_name") == table.full_name) & F.col("source_uri").isin(*sources)
        )
        on = ["source_uri", "source_row", "item", "reason"]
        free = mine.join(refused, on=on, how="left_anti").select(*names)
        gone = free.withColumn("_status", F.lit("gone")).localCheckpoint()
        count = gone.count()
        if count:
            staged = merge.Staged(gone, "true", merge.Counts(gone=count))
            merge.commit(self.spark, REJECTED_ROW, target, staged, facts)


def verify(spark: SparkSession, identifier: str, table: Table) -> History:
    """The table's metadata, proven to fit its contract.

    Raises ConfigurationError naming the differences and the command to type.
    """
    found = history(spark, identifier)
    wrong = differences(table, found)
    if wrong:
        raise ConfigurationError(
            f"{table.full_name} differs from its contract: {'; '.join(wrong)}",
            next_command="lake tables plan",
        )
    return found
