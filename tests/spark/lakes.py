"""A lake to test on: make tables, land payloads, run groups, read rows as plain Python."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F

from console import tables
from ingestion.bronze import Bronze, Origin, Record, Stream, dumps
from lakehouse import catalog, ledger, merge, quality, settings
from lakehouse.iceberg import history
from lakehouse.run import read_batch, run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from lakehouse.job import Group, Silver
    from lakehouse.ledger import Outcome
    from lakehouse.settings import Settings
    from lakehouse.snapshots import History
    from lakehouse.table import Table

Row = dict[str, Any]
UTC = timezone.utc
LANDED = datetime(2025, 9, 1, 8, 0, tzinfo=UTC)
AUDIT = ("ingest_ts", "run_id", "source_uri", "source_row")


def plain(value: Any) -> Any:
    """A value of Spark as an aware, comparable one: naive times are the process's local ones."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value


class Lake:
    """Tables under a prefix of their own, files in a folder of their own."""

    def __init__(self, spark: SparkSession, catalog_home: Path, home: Path, prefix: str) -> None:
        self.spark = spark
        # Spark's catalog lies in the session's home; bronze and leases in this lake's own.
        shared = settings.load({}, home=str(catalog_home), prefix=prefix, lease_wait_sec=1)
        self.catalog_settings: Settings = shared
        self.settings: Settings = replace(shared, home=str(home))
        self.bronze = Bronze(self.settings.root)

    def make(self, *made: Table) -> Lake:
        """Create the tables and those of the ledger."""
        tables.apply(self.catalog_settings, (*made, *ledger.TABLES))
        return self

    def load(self, table: Table, rows: list[Row]) -> None:
        """Append rows without Spark, for a quick start."""
        start = {"ingest_ts": LANDED, "run_id": "start", "source_uri": "made-up", "source_row": 1}
        opened = tables.open_catalog(self.catalog_settings)
        found = opened.load_table(tables.identifier(self.catalog_settings, table.full_name))
        schema = found.schema().as_arrow()
        full = [{name: {**start, **row}.get(name) for name in schema.names} for row in rows]
        found.append(pa.Table.from_pylist(full, schema=schema))

    def make_for(self, *groups: Group) -> Lake:
        """Create every table the groups read or write."""
        jobs = [job.table for group in groups for job in group.jobs]
        sources = [table for group in groups for table in getattr(group, "sources", ())]
        delivered = [
            table
            for group in groups
            for job in group.jobs
            for table in getattr(job, "stream_tables", ())
        ]
        return self.make(*dict.fromkeys((*sources, *delivered, *jobs)))

    def name(self, table: Table) -> str:
        """The table's name in Spark."""
        return catalog.identifier(self.settings, table.full_name)

    def history(self, table: Table) -> History:
        """The table's metadata."""
        return history(self.spark, self.name(table))

    def head(self, table: Table) -> int:
        """The snapshot main points at."""
        return self.history(table).refs["main"]

    def heads(self, *of: Table) -> dict[str, int]:
        """Main of each table, the ledger's included."""
        return {table.full_name: self.head(table) for table in (*of, *ledger.TABLES)}

    def rollback(self, table: Table, snapshot_id: int) -> None:
        """Set main back, as an operator does."""
        name = self.name(table).partition(".")[2]
        call = f"call {catalog.NAME}.system.set_current_snapshot('{name}', {snapshot_id})"
        self.spark.sql(call).collect()

    def land(
        self,
        stream: str,
        *payloads: Any,
        at: datetime = LANDED,
        request: dict[str, Any] | None = None,
    ) -> str:
        """Land payloads as one dropped file, rows from 1; returns the bronze file's name."""
        content = dumps([list(payloads), request, at.isoformat()])
        sha256 = hashlib.sha256(content.encode()).hexdigest()
        records = [
            Record(payload, request or {}, Origin(f"originals/{sha256}/made-up", sha256, row))
            for row, payload in enumerate(payloads, start=1)
        ]
        path = self.bronze.write_file(Stream.parse(stream), records, sha256=sha256, fetched_at=at)
        return str(path.relative_to(self.settings.root))

    def run(self, *groups: Group, **options: Any) -> list[Outcome]:
        """Run the groups."""
        return run(self.spark, self.settings, groups, **options)

    def judged(self, job: Silver, *files: str) -> list[Row]:
        """What a silver job's transform and contract make of bronze files, before the merge."""
        frame, _ = read_batch(self.spark, self.settings, job, list(files))
        found = collect(frame.orderBy("source_uri", "source_row", "item"))
        self.spark.catalog.clearCache()
        return found

    def rows(self, table: Table, *, at: int | None = None) -> list[Row]:
        """All rows of main, or of a snapshot."""
        reader = self.spark.read if at is None else self.spark.read.option("snapshot-id", str(at))
        return collect(reader.table(self.name(table)))

    def frame(self, table: Table, rows: Iterable[Row]) -> DataFrame:
        """Rows as a batch: what a transform would give, judged by the contract."""
        extra = "source_uri string, source_row bigint, item int, reject string, row_json string"
        kinds = ", ".join(f"{c.name} {c.kind}" for c in table.columns)
        names = [*table.names, "source_uri", "source_row", "item", "reject", "row_json"]
        start = {"source_uri": "made-up", "item": 0}
        values = [
            tuple({**start, "source_row": number, **row}.get(name) for name in names)
            for number, row in enumerate(rows, start=1)
        ]
        frame = self.spark.createDataFrame(values, f"{kinds}, {extra}").coalesce(1)
        return quality.judge(frame, table)

    def stage(self, table: Table, rows: Iterable[Row], *, replace: bool = False) -> merge.Staged:
        """Stage rows against the table."""
        batch = self.frame(table, rows)
        return merge.stage(self.spark, table, self.name(table), batch, replace=replace)

    def commit(self, table: Table, staged: merge.Staged, run_id: str = "run") -> int:
        """Commit staged rows, stamped by a run."""
        stamped = staged.rows.withColumn("ingest_ts", F.lit(LANDED)).withColumn(
            "run_id", F.lit(run_id)
        )
        ready = replace(staged, rows=stamped)
        return merge.commit(self.spark, table, self.name(table), ready, {"run": run_id})

    def put(
        self, table: Table, rows: Iterable[Row], *, replace: bool = False, run_id: str = "run"
    ) -> merge.Counts:
        """Merge rows as a silver job does: nothing to write commits nothing."""
        staged = self.stage(table, rows, replace=replace)
        staged.counts.check(table)
        if staged.counts.written:
            self.commit(table, staged, run_id)
        return staged.counts

    def delete(self, table: Table, where: str) -> None:
        """Delete rows, as a person with SQL might."""
        self.spark.sql(f"delete from {self.name(table)} where {where}")


def collect(frame: DataFrame) -> list[Row]:
    """Rows as dicts with aware times."""
    return [{k: plain(v) for k, v in row.asDict().items()} for row in frame.collect()]


def utc(text: str) -> datetime:
    """`2025-08-26 10:00` as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def day(text: str) -> date:
    """`2025-08-26` as a date."""
    return date.fromisoformat(text)
