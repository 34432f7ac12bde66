"""Many small commits, maintained, against the same rows written at once: files, CPU, time.

Most commits append rows of all days, as another program would; six times a MERGE corrects some,
which leaves delete files behind.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from bench import data
from bench.lake import ARRIVALS, Lake
from bench.measure import Work
from bench.merging import merge_in
from console import tables
from jobs.maintenance import facts
from jobs.maintenance.run import maintain
from jobs.maintenance.work import Work as Maintenance
from jobs.silver.emt import arrivals_predictions
from lakehouse import ledger
from lakehouse.errors import DataQualityError
from lakehouse.job import SilverGroup

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Callable

    from pyspark.sql import SparkSession

    from bench.measure import Meter
    from bench.report import Report
    from lakehouse.settings import Settings

_DAYS = 3
_MERGES = 6
_GROUP = SilverGroup("silver.bench", (arrivals_predictions.JOB,))
_WORN, _KEPT, _FRESH = "ask: many small commits", "ask: maintained", "ask: written at once"


def _make(spark: SparkSession, settings: Settings, size: data.Size, prefix: str) -> Lake:
    lake = Lake(spark, replace(settings, prefix=prefix), size, _DAYS)
    tables.apply(lake.settings, (ARRIVALS, *ledger.TABLES))
    lake.empty(ARRIVALS)
    return lake


def measure_maintenance(
    meter: Meter, report: Report, model: Lake, home: Path, say: Callable[[str], None], *,
    judged: bool,
) -> None:  # fmt: skip
    """The cost of a question of the table before and after maintenance, and of a fresh one."""
    size = model.size
    worn = _make(model.spark, model.settings, size, "worn")
    fresh = _make(model.spark, model.settings, size, "fresh")
    _wear(worn, home, say)
    before = worn.head(ARRIVALS).id
    work = Maintenance(worn.spark, worn.settings, (_GROUP,), progress=say)
    report.costs["maintenance"] = [meter.measure(lambda: maintain(work, [ARRIVALS.full_name]))]
    after = worn.head(ARRIVALS).id
    fresh.write(worn.spark.table(worn.name(ARRIVALS)))
    states = {_WORN: (worn, before), _KEPT: (worn, after), _FRESH: (fresh, None)}
    answers = {name: _ask(*state) for name, state in states.items()}
    if len(set(answers.values())) > 1:
        raise DataQualityError(f"the answers differ: {answers}")
    works = {
        name: Work(lambda state=state: _ask(*state))  # type: ignore[misc]
        for name, state in states.items()
    }
    report.costs.update(meter.alternate(works, size))
    _judge(report, worn, judged=judged)


def _judge(report: Report, worn: Lake, *, judged: bool) -> None:
    files = facts.files(worn.spark, ARRIVALS, worn.name(ARRIVALS))
    by_day = [
        sum(f.partition == day for f in files.data) for day in {f.partition for f in files.data}
    ]
    report.facts["maintenance"] = {"files by day": by_day, "delete files": len(files.deletes)}
    report.count("maintained: most files of a day", max(by_day), 2)
    report.count("maintained: delete files", len(files.deletes), 0)
    for of, name in (("cpu_sec", "CPU"), ("wall_sec", "time")):
        title = f"maintained / fresh: {name}"
        report.ratio(title, _KEPT, _FRESH, of, 1.3, judged=judged)


def _wear(lake: Lake, home: Path, say: Callable[[str], None]) -> None:
    """So many commits, each of rows of all days."""
    from pyarrow import parquet  # noqa: PLC0415

    path = home / "worn-rows"
    rows = lake.contract(data.days_of_arrivals(lake.spark, lake.size, 0, _DAYS))
    rows.orderBy(F.xxhash64("id")).coalesce(1).write.mode("overwrite").parquet(str(path))
    whole = parquet.read_table(path)
    opened = tables.open_catalog(lake.settings)
    commits = lake.size.commits
    step = -(-whole.num_rows // commits)
    for commit in range(commits):
        if commit % (commits // _MERGES) == commits // _MERGES - 1:
            _correct(lake, commit)
            say(f"{commit + 1} of {commits} commits")
        table = opened.load_table(tables.identifier(lake.settings, ARRIVALS.full_name))
        part = whole.slice(commit * step, step)
        table.append(part.cast(table.schema().as_arrow()))


def _correct(lake: Lake, commit: int) -> None:
    """A MERGE of some rows that are there, later by a minute."""
    drawn = F.pmod(F.xxhash64("id"), F.lit(97)) == commit % 97
    there = lake.spark.table(lake.name(ARRIVALS)).where(drawn)
    some = there.limit(30 * _DAYS).withColumn(
        "estimate_arrive_sec", F.coalesce("estimate_arrive_sec", F.lit(0)) + 60
    )
    merge_in(lake, some.drop("ingest_ts", "run_id").localCheckpoint())


def _ask(lake: Lake, at: int | None) -> tuple[tuple[object, ...], ...]:
    """How many buses of each line were announced, and how far away, at a snapshot or now."""
    reader = lake.spark.read
    if at is not None:
        reader = reader.option("snapshot-id", str(at))
    found = reader.table(lake.name(ARRIVALS)).groupBy("line").agg(
        F.count(F.lit(1)), F.sum("estimate_arrive_sec"), F.sum("distance_bus_m"),
        F.count_if("is_head"), F.max("stop_id"),
    )  # fmt: skip
    return tuple(sorted(tuple(row) for row in found.collect()))
