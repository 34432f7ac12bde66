"""A program: the city's batches landed in the lake of the environment, each taken by our own jobs.

It runs apart from the tests, because a process has one Spark session and that one's is local.
"""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING, Any

from pyspark.sql import SparkSession

from console import tables
from ingestion import places
from ingestion.bronze import Bronze, Origin, Record, Stream, dumps
from jobs.pipeline import GROUPS, TABLES
from lakehouse import settings
from lakehouse.run import run
from tests.athena import city

if TYPE_CHECKING:
    from datetime import datetime

    from lakehouse.settings import Settings

_PLACE = {"q": "madrid"}


def land(loaded: Settings, batch: int) -> None:
    """Everything that a batch brings, as dropped files, rows from 1."""
    bronze, at = Bronze(places.root(loaded)), city.FETCHED[batch]
    timetables = [(row, {"line": row["line"]}) for row in city.timetables(batch)]
    if batch == 0:
        _land(bronze, "emt/lines", [(row, {}) for row in city.lines()], at)
        _land(bronze, "calendar/derived", [(row, {}) for row in city.calendar()], at)
        timetables += city.stops_of_lines()
    _land(bronze, "emt/stops", [(row, {}) for row in city.stops(batch)], at)
    _land(bronze, "emt/timetables", timetables, at)
    polls = [(p.payload, {"line": p.line} if p.line else {}) for p in city.polls(batch)]
    _land(bronze, "emt/arrivals", polls, city.POLLED)
    _land(bronze, "weatherapi/current", [(r, _PLACE) for r in city.weather(batch)], city.POLLED)


def _land(bronze: Bronze, stream: str, said: list[tuple[Any, Any]], at: datetime) -> None:
    content = dumps([stream, said, at.isoformat()])
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    uri = f"originals/{sha256}/made-up"
    records = [
        Record(payload, request, Origin(uri, sha256, row))
        for row, (payload, request) in enumerate(said, start=1)
    ]
    bronze.write_file(Stream.parse(stream), records, sha256=sha256, fetched_at=at)


def main() -> int:
    """Tables, then batch after batch, each with a run of everything."""
    loaded = settings.load()
    tables.apply(loaded, TABLES)
    spark = SparkSession.builder.getOrCreate()
    for batch in range(2):
        land(loaded, batch)
        run(spark, loaded, GROUPS)
    spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
