"""What maintenance decides by: a table's files, and who reads it from which snapshot."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.maintenance.expiry import Consumer
from jobs.maintenance.layout import Deletes, File, Files
from lakehouse import catalog, streams
from lakehouse.contract import partition_name
from lakehouse.iceberg import history
from lakehouse.job import GoldGroup
from lakehouse.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyspark.sql import Column, DataFrame, SparkSession

    from lakehouse.job import Group, SilverGroup
    from lakehouse.settings import Settings
    from lakehouse.snapshots import History
    from lakehouse.table import Table

Consumers = dict[str, list[Consumer]]


def files(spark: SparkSession, table: Table, name: str) -> Files:
    """The files of main's head, from its manifests alone."""
    found = spark.table(f"{name}.files")
    rows = found.select(
        "content", "record_count", "file_size_in_bytes",
        _partition(table).alias("partition"), *_bounds(table, found),
    ).collect()  # fmt: skip
    manifests = spark.table(f"{name}.manifests").select("length").collect()
    return Files(
        tuple(
            File(r["partition"], r["file_size_in_bytes"], r["record_count"], r["low"], r["high"])
            for r in rows
            if r["content"] == 0
        ),
        tuple(Deletes(r["partition"], r["record_count"]) for r in rows if r["content"]),
        len(manifests),
        sum(m["length"] for m in manifests),
    )


def _partition(table: Table) -> Column:
    """The first day of a file's partition; null where days or months do not tell it apart."""
    if len(table.partition_fields) != 1:
        return F.lit(None).cast("date")
    transform, column = table.partition_fields[0]
    value = F.col(f"partition.{partition_name(transform, column)}")
    return F.add_months(F.lit("1970-01-01").cast("date"), value) if transform == "months" else value


def _bounds(table: Table, found: DataFrame) -> tuple[Column, Column]:
    if not table.sort or table.sort[0] not in found.select("readable_metrics.*").columns:
        return F.lit(None).alias("low"), F.lit(None).alias("high")
    column = f"readable_metrics.{table.sort[0]}"
    return F.col(f"{column}.lower_bound").alias("low"), F.col(f"{column}.upper_bound").alias("high")


def consumers(spark: SparkSession, settings: Settings, groups: Iterable[Group]) -> Consumers:
    """Who stands where in which table, by the receipts and the index that say so."""
    found: Consumers = defaultdict(list)
    for group in groups:
        walk = _gold(spark, settings, group) if isinstance(group, GoldGroup) else _silver(
            spark, settings, group
        )  # fmt: skip
        for table, consumer in walk:
            found[table].append(consumer)
    return found


def _gold(
    spark: SparkSession, settings: Settings, group: GoldGroup
) -> Iterator[tuple[str, Consumer]]:
    """The cursor in the newest receipt of the commit record, also of each branch that waits."""
    by_name = {table.name: table.full_name for table in group.sources}
    record = group.jobs[-1].table.full_name
    found = history(spark, catalog.identifier(settings, record))
    for ref, head in found.refs.items():
        newest = found.newest_receipt(head)
        for source, cursor in ((newest[1].get("cursor") or {}) if newest else {}).items():
            if source in by_name:
                who = f"{group.name} ({record}, {ref})"
                yield by_name[source], Consumer(who, frozenset([int(cursor)]))


def _silver(
    spark: SparkSession, settings: Settings, group: SilverGroup
) -> Iterator[tuple[str, Consumer]]:
    """How far each table has taken its stream tables, as the index says."""
    fed = {job.table.full_name: job for job in group.jobs if job.stream_tables}
    if not fed:
        return
    targets: dict[str, History] = {
        name: history(spark, catalog.identifier(settings, name)) for name in fed
    }
    taken = Ledger(spark, settings).processed(targets)
    for name, job in fed.items():
        for stream in job.stream_tables:
            yield stream.full_name, Consumer(name, frozenset(streams.cursors(stream, taken[name])))
