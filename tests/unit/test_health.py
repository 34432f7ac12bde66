"""How tables are, told from their metadata: files, freshness, growth, and what to type."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from console import health, tables
from console.health import Point, examine, growth
from console.reading import Lake
from jobs.maintenance.layout import Deletes, File, Files
from jobs.silver.emt import arrivals_predictions, lines
from jobs.silver.meteorology import meteorology_current
from lakehouse import settings

if TYPE_CHECKING:
    from pathlib import Path

    from lakehouse.settings import Settings
    from lakehouse.table import Table

ARRIVALS, LINES, WEATHER = arrivals_predictions.TABLE, lines.TABLE, meteorology_current.TABLE
NOW = datetime(2026, 3, 3, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)
SAMPLE: dict[str, Any] = {
    "string": "a", "timestamp": NOW, "int": 1, "bigint": 1, "double": 1.0, "boolean": True,
    "date": NOW.date(), "array<string>": ["a"],
}  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Settings:
    """A lake with three tables."""
    made = settings.load({}, home=str(tmp_path / "lake"))
    tables.apply(made, (ARRIVALS, LINES, WEATHER))
    return made


def append(lake: Settings, table: Table, **values: Any) -> None:
    """One commit of one row."""
    opened = tables.open_catalog(lake).load_table(tables.identifier(lake, table.full_name))
    row = {c.name: SAMPLE[c.kind] for c in table.all_columns} | values
    opened.append(pa.Table.from_pylist([row], schema=opened.schema().as_arrow()))


def test_a_fragmented_table_says_what_to_type(lake: Settings) -> None:
    """Small files of a day count, and the newest row's time comes from the files' bounds."""
    for hours in (30, 3, 2, 1):
        append(lake, ARRIVALS, event_ts=NOW - timedelta(hours=hours), id=str(hours))
    found = examine(Lake(lake), ARRIVALS, NOW)
    assert (found.data_files, found.small_files, found.rows) == (4, 4, 4)
    assert found.newest == NOW - timedelta(hours=1)
    assert found.verdict == "1 partitions to be written anew, the first for 3 small files"
    assert found.next_command == "lake maintain emt_silver.arrivals_predictions"
    assert found.size_bytes // 4 == found.average_bytes > 0


def test_a_promise_that_is_not_kept_is_told(lake: Settings) -> None:
    """A table older than its promise is stale, without rows empty, and without a promise well."""
    append(lake, WEATHER, obs_ts=NOW - 2 * DAY)
    found = examine(Lake(lake), WEATHER, NOW)
    assert (found.verdict, found.next_command) == ("stale: 48 h old, promised 26 h", "lake plan")
    assert examine(Lake(lake), ARRIVALS, NOW).verdict == "empty"
    assert examine(Lake(lake), LINES, NOW).verdict == "well"


def test_partitions_are_those_of_spark(lake: Settings) -> None:
    """Days and months are read as their first day, whoever wrote the manifest."""
    append(lake, WEATHER, obs_ts=datetime(2025, 12, 31, 23, tzinfo=timezone.utc))
    append(lake, ARRIVALS, event_ts=datetime(2026, 3, 1, tzinfo=timezone.utc))
    read = Lake(lake)
    for table, expected in ((WEATHER, date(2025, 12, 1)), (ARRIVALS, date(2026, 3, 1))):
        name = table.full_name
        files, _ = health._files(read.table(name), table, read.history(name))
        assert [file.partition for file in files.data] == [expected]
    assert [(f.low, f.high) for f in files.data] == [("a", "a")]


def test_growth_is_by_the_day() -> None:
    """Of the last week: what was there before it does not count, and a day is the least."""
    points = [
        Point(NOW - 30 * DAY, 1, 0, 1_000, 100),
        Point(NOW - 10 * DAY, 2, 0, 2_000, 200),
        Point(NOW - DAY, 3, 0, 9_000, 900),
    ]
    assert growth(points, NOW) == (100.0, 1_000.0)
    assert growth(points[2:], NOW) == (0.0, 0.0)
    young = [Point(NOW - DAY / 24, 0, 0, 0, 0), Point(NOW, 1, 0, 50, 5)]
    assert growth(young, NOW) == (5.0, 50.0)
    assert growth([], NOW) == (0.0, 0.0)


def test_deletes_and_manifests_need_maintenance() -> None:
    """What a reader opens in vain is told like small files are."""
    one = File(NOW.date(), 200 * 2**20, 1_000)
    deleted = Files((one,), (Deletes(NOW.date(), 1),) * 3, 1, 5_000)
    verdict, command = health.judge(LINES, deleted, NOW, NOW)
    assert "3 delete files over 3 of 1000 rows" in verdict
    assert command == "lake maintain emt_silver.lines"
    many, _ = health.judge(LINES, Files((one,), (), 40, 40 * 5_000), NOW, NOW)
    assert many == "40 manifests of 5000 bytes"
