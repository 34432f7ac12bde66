"""`python -m bench`: measure, print figures against their bars; 1 if an exact one is missed."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data import FULL, SMALL, Size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.report import Report

PARTS = ("nearest", "append", "merge", "gold", "maintenance")


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a few thousand rows, to try it")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part (repeatable)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there too")
    parser.add_argument("--home", type=Path, help="keep the lakes there and use them again")
    return parser.parse_args(words)


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def measure(size: Size, parts: Sequence[str], home: Path) -> Report:
    """Make the lakes below `home` and measure the parts."""
    from bench import gold, maintenance, merging, nearest  # noqa: PLC0415  help starts no Spark
    from bench.lake import Lake  # noqa: PLC0415
    from bench.measure import Meter  # noqa: PLC0415
    from bench.report import Report  # noqa: PLC0415
    from console import session  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    # Thirty million rows are worth the better compiler; so the settings say too.
    chosen = {"spark_memory": "8g", "spark_java": ""} if size is FULL else {"spark_memory": "2g"}

    def place(days: int) -> settings.Settings:
        return settings.load({}, home=str(home), prefix=f"days{days}", **chosen)

    report, judged = Report(), size is FULL
    small_days, large_days = size.small_days, size.large_days
    if set(parts) == {"nearest"}:
        large_days = size.nearest_days
    # Counters of the executor are only right if each task's end is written at once.
    spark = session.start(place(large_days), **{"spark.ui.liveUpdate.period": "0"})
    small, large = (Lake(spark, place(d), size, d) for d in (small_days, large_days))
    meter = Meter(spark)
    try:
        for lake in (small, large) if set(parts) != {"maintenance"} else ():
            lake.fill(_say)
        change = merging.write_change(large, home)
        ways: dict[str, Callable[[], None]] = {
            "nearest": lambda: nearest.measure_nearest(meter, report, large, judged=judged),
            "append": lambda: merging.measure_append(meter, report, large),
            "merge": lambda: merging.measure_merge(
                meter, report, large, small, change, judged=judged
            ),
            "gold": lambda: gold.measure_gold(
                meter, report, large, small, change, _say, judged=judged
            ),
            "maintenance": lambda: maintenance.measure_maintenance(
                meter, report, small, home, _say, judged=judged
            ),
        }
        for part in (name for name in ways if name in parts):
            _say(f"measuring: {part}")
            said = len(report.figures)
            ways[part]()
            for figure in report.figures[said:]:
                _say(str(figure))
    finally:
        spark.stop()
    return report


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    asked = _arguments(words)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        home = asked.home or Path(scratch)
        report = measure(SMALL if asked.small else FULL, asked.only or PARTS, home.absolute())
    from rich.console import Console  # noqa: PLC0415

    out = Console(width=None if sys.stdout.isatty() else 160)
    for table in report.tables():
        out.print(table)
    if asked.json:
        asked.json.write_text(report.to_json() + "\n", encoding="utf-8")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
