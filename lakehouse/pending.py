"""What a silver group has to take: bronze files and parts of stream tables, by table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse import catalog, records, streams
from lakehouse.ledger import verify

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from lakehouse.job import SilverGroup
    from lakehouse.ledger import Ledger
    from lakehouse.settings import Settings
    from lakehouse.snapshots import History
    from lakehouse.table import Table


def all_files(spark: SparkSession, settings: Settings, group: SilverGroup) -> dict[str, list[str]]:
    """Every bronze file of each table's streams, and all of its stream tables, by table."""
    histories = _stream_histories(spark, settings, group)
    return {
        name: [*files, *(part for t in tables for part in streams.whole(t, histories[t.full_name]))]
        for name, (files, tables) in _sources(spark, settings, group).items()
    }


def pending_files(
    spark: SparkSession, settings: Settings, group: SilverGroup, ledger: Ledger
) -> dict[str, list[str]]:
    """Bronze files and parts of stream tables whose rows are not in main yet, by table."""
    targets: dict[str, History] = {
        job.table.full_name: verify(spark, ledger.name(job.table), job.table) for job in group.jobs
    }
    histories = _stream_histories(spark, settings, group)
    taken = ledger.processed(targets)
    found = {}
    for name, (files, tables) in _sources(spark, settings, group).items():
        parts = [streams.pending(t, histories[t.full_name], taken[name]) for t in tables]
        found[name] = [f for f in files if f not in taken[name]] + [p for ps in parts for p in ps]
    return found


def _sources(
    spark: SparkSession, settings: Settings, group: SilverGroup
) -> dict[str, tuple[list[str], tuple[Table, ...]]]:
    """The bronze files that there are and the stream tables, by the table they feed."""
    by_stream = {
        stream: records.files(spark, settings, [stream])
        for stream in {s for job in group.jobs for s in job.streams}
    }
    return {
        job.table.full_name: (
            sorted(f for s in job.streams for f in by_stream[s]),
            job.stream_tables,
        )
        for job in group.jobs
    }


def _stream_histories(
    spark: SparkSession, settings: Settings, group: SilverGroup
) -> dict[str, History]:
    """The metadata of the group's stream tables, proven to fit their contracts."""
    tables = dict.fromkeys(table for job in group.jobs for table in job.stream_tables)
    return {
        t.full_name: verify(spark, catalog.identifier(settings, t.full_name), t) for t in tables
    }
