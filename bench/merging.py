"""MERGE of a change into a large and a small table, and files written by an append.

The contract is the real one, whose rows never change by themselves (the id hashes the content):
the merge is the one of `lake run --replace`, which writes every row that differs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from bench import data
from bench.lake import ARRIVALS
from bench.measure import Work
from lakehouse import merge
from lakehouse.errors import DataQualityError

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame

    from bench.lake import Lake
    from bench.measure import Meter
    from bench.report import Report


def write_change(lake: Lake, folder: Path) -> Path:
    """The change as Parquet, read by every merge; returns its path."""
    path = folder / f"change-{lake.size.change}"
    data.change(lake.spark, lake.size).repartition(2).write.mode("overwrite").parquet(str(path))
    return path


def merge_in(lake: Lake, rows: DataFrame) -> merge.Counts:
    """Stage and commit rows as a silver job does."""
    batch = rows.select(
        "*",
        F.lit(0).alias("item"),
        F.lit(None).cast("string").alias("reject"),
        F.lit("{}").alias("row_json"),
    )
    target = lake.name(ARRIVALS)
    staged = merge.stage(lake.spark, ARRIVALS, target, batch, replace=True)
    staged.counts.check(ARRIVALS)
    stamped = staged.rows.withColumn("ingest_ts", F.lit(data.FIRST)).withColumn(
        "run_id", F.lit("bench")
    )
    ready = replace(staged, rows=stamped)
    merge.commit(lake.spark, ARRIVALS, target, ready, {"run": "bench", "job": ARRIVALS.full_name})
    return staged.counts


def merge_change(lake: Lake, change: Path) -> None:
    """Merge the change. Raises DataQualityError unless half was new and half changed."""
    counts = merge_in(lake, lake.spark.read.parquet(str(change)))
    half = lake.size.change // 2
    if (counts.inserted, counts.updated) != (half, half):
        raise DataQualityError(f"{half} new and {half} changed rows became {counts}")


def measure_merge(
    meter: Meter, report: Report, large: Lake, small: Lake, change: Path, *, judged: bool
) -> None:
    """Bytes and CPU of the same change merged into both."""
    works = {}
    for lake in (small, large):
        head = lake.head(ARRIVALS).id
        works[f"merge into {lake.rows:,} rows"] = Work(
            lambda lake=lake: merge_change(lake, change),  # type: ignore[misc]
            lambda lake=lake, head=head: lake.roll_back(ARRIVALS, head),  # type: ignore[misc]
        )
    report.costs.update(meter.alternate(works, large.size))
    below, above = works
    report.ratio("merge, large / small: bytes", above, below, "read_bytes", 1.1, judged=judged)
    report.ratio("merge, large / small: CPU", above, below, "cpu_sec", 1.5, judged=judged)


def measure_append(meter: Meter, report: Report, lake: Lake) -> None:
    """Files that new rows of one day become."""
    head = lake.head(ARRIVALS).id
    cost = meter.measure(lambda: merge_in(lake, data.new_rows(lake.spark, lake.size)))
    summary = lake.head(ARRIVALS).summary
    lake.roll_back(ARRIVALS, head)
    report.costs[f"append of {lake.size.append:,} rows"] = [cost]
    report.facts["append"] = summary
    report.count("append to one day: files", int(summary["added-data-files"]), 2)
