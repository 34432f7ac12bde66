"""Incremental gold after a change of two days, in a large and a small lake, and the full build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.lake import ARRIVALS, GOLD
from bench.measure import Work
from bench.merging import merge_change
from jobs.pipeline import GOLD_EMT
from lakehouse.errors import DataQualityError
from lakehouse.ledger import Ledger
from lakehouse.refresh import Refresh

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Callable

    from bench.lake import Lake
    from bench.measure import Meter
    from bench.report import Report
    from lakehouse.ledger import Outcome

_CHANGED_DAYS = 2


def refresh(lake: Lake, say: Callable[[str], None]) -> list[Outcome]:
    """One run of the buses' gold group."""
    ledger = Ledger(lake.spark, lake.settings)
    return Refresh(lake.spark, lake.settings, GOLD_EMT, ledger, say).run(full=False)


def _follow(lake: Lake, say: Callable[[str], None]) -> None:
    outcomes = refresh(lake, say)
    first = outcomes[0]
    half = lake.size.change // 2
    if first.days != _CHANGED_DAYS or first.counts.inserted != half or not first.counts.updated:
        raise DataQualityError(f"a change of {_CHANGED_DAYS} days became {outcomes}")


def _put_back(lake: Lake, heads: list[int]) -> None:
    for table, head in zip(GOLD, heads):
        lake.roll_back(table, head)


def measure_gold(
    meter: Meter,
    report: Report,
    large: Lake,
    small: Lake,
    change: Path,
    say: Callable[[str], None],
    *,
    judged: bool,
) -> None:
    """Full build of both, then the change in silver, then what gold costs to follow it."""
    works, before = {}, {}
    for lake in (small, large):
        for table in GOLD:
            lake.empty(table)
        full = f"full gold of {lake.rows:,} rows"
        report.costs[full] = [meter.measure(lambda lake=lake: refresh(lake, say))]  # type: ignore[misc]
        heads = [lake.head(table).id for table in GOLD]
        before[lake.days] = lake.head(ARRIVALS).id
        merge_change(lake, change)
        works[f"incremental gold of {lake.rows:,} rows"] = Work(
            lambda lake=lake: _follow(lake, say),  # type: ignore[misc]
            lambda lake=lake, heads=heads: _put_back(lake, heads),  # type: ignore[misc]
        )
    report.costs.update(meter.alternate(works, large.size))
    for lake in (small, large):
        lake.roll_back(ARRIVALS, before[lake.days])
    below, above = works
    report.ratio("gold, large / small: bytes", above, below, "read_bytes", 1.1, judged=judged)
    report.ratio("gold, large / small: CPU", above, below, "cpu_sec", 1.5, judged=judged)
    report.ratio("gold, incremental / full: CPU", above, full, "cpu_sec", 0.1, judged=judged)
