"""The one entry point of what ships: `python -m jobs silver.emt gold.emt`, or `maintenance`."""

from __future__ import annotations

import argparse
import sys

from pyspark.sql import SparkSession

from jobs.maintenance.run import maintain
from jobs.maintenance.work import Work
from jobs.pipeline import GROUPS
from lakehouse import log, settings
from lakehouse.errors import LakeError
from lakehouse.job import find
from lakehouse.run import run

_MAINTENANCE = "maintenance"
_GROUPS = f"{', '.join(g.name for g in GROUPS)}; or {_MAINTENANCE} and tables, all for none"


def main(arguments: list[str]) -> int:
    """Run the named groups (all for none), or maintenance, in the session the place has set up."""
    parser = argparse.ArgumentParser(prog="jobs", description=__doc__)
    parser.add_argument("groups", nargs="*", help=_GROUPS)
    parser.add_argument("--full", action="store_true", help="recompute gold whole")
    parser.add_argument("--replace", action="store_true", help="silver overwrites newer versions")
    options = parser.parse_args(arguments)
    log.configure()
    try:
        if options.groups[:1] == [_MAINTENANCE]:
            return _maintenance(options.groups[1:])
        groups = find(GROUPS, options.groups)
        spark = SparkSession.builder.getOrCreate()
        outcomes = run(spark, settings.load(), groups, full=options.full, replace=options.replace)
    except LakeError as error:
        log.warn("failed", error=type(error).__name__, reason=str(error))
        # EMR looks in the log for lines of exceptions, and tells the last ones as the run's reason.
        sys.stderr.write(f"{type(error).__name__}: {log.redact(str(error))}\n")
        return error.exit_code
    for outcome in outcomes:
        log.event("done", **outcome.row())
    return 0


def _maintenance(tables: list[str]) -> int:
    spark = SparkSession.builder.getOrCreate()
    for action in maintain(Work(spark, settings.load(), GROUPS), tables):
        log.event("maintained", **action._asdict())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
