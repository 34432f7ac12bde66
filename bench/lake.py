"""A lake of so many days: made once, filled without bronze, put back after each measurement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable

from pyspark.sql import functions as F

from bench import data
from console import tables
from jobs.gold.emt import arrivals_weather, delay_weather_hourly
from jobs.silver.emt import arrivals_predictions, lines, lines_timetable, service_calendar
from jobs.silver.meteorology import meteorology_current
from lakehouse import catalog, iceberg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame, SparkSession

    from lakehouse.settings import Settings
    from lakehouse.snapshots import Snapshot
    from lakehouse.table import Table

ARRIVALS = arrivals_predictions.TABLE
WEATHER = meteorology_current.TABLE
GOLD = (arrivals_weather.TABLE, delay_weather_hourly.TABLE)
SOURCES = (ARRIVALS, WEATHER, lines.TABLE, lines_timetable.TABLE, service_calendar.TABLE)
# As many days go into one commit of the load.
_CHUNK = 10


@dataclass(frozen=True)
class Lake:
    """The real tables of the buses under a prefix of their own."""

    spark: SparkSession
    settings: Settings
    size: data.Size
    days: int

    @property
    def rows(self) -> int:
        """Arrivals loaded."""
        return self.days * self.size.per_day

    def name(self, table: Table) -> str:
        """The table's identifier."""
        return catalog.identifier(self.settings, table.full_name)

    def head(self, table: Table) -> Snapshot:
        """The newest snapshot of main."""
        return next(iceberg.history(self.spark, self.name(table)).lineage())

    def roll_back(self, table: Table, snapshot_id: int) -> None:
        """Main back to an ancestor; nothing where it is there already."""
        if self.head(table).id != snapshot_id:
            space, name = self.name(table).split(".", 1)
            call = f"call {space}.system.rollback_to_snapshot('{name}', {snapshot_id})"
            self.spark.sql(call).collect()

    def empty(self, table: Table) -> None:
        """Main back to the empty first commit."""
        *_, first = iceberg.history(self.spark, self.name(table)).lineage()
        self.roll_back(table, first.id)

    def fill(self, say: Callable[[str], None]) -> None:
        """Create the tables and load the sources; a kept lake of the same rows is used again."""
        tables.apply(self.settings, (*SOURCES, *GOLD))
        for table in GOLD:
            self.empty(table)
        summary = self.head(ARRIVALS).summary
        if summary.get("total-records") == str(self.rows) and not int(
            summary.get("total-delete-files", "0")
        ):
            return
        for table in SOURCES:
            self.empty(table)
        for table, frame in self._small_sources():
            self._append(table, frame)
        for first in range(0, self.days, _CHUNK):
            after = min(first + _CHUNK, self.days)
            say(f"loading days {first + 1} to {after} of {self.days}")
            self._append(ARRIVALS, data.days_of_arrivals(self.spark, self.size, first, after))

    def _small_sources(self) -> Iterator[tuple[Table, DataFrame]]:
        yield WEATHER, data.weather(self.spark, self.days).coalesce(1)
        yield lines.TABLE, data.lines(self.spark).coalesce(1)
        yield lines_timetable.TABLE, data.timetables(self.spark).coalesce(1)
        yield service_calendar.TABLE, data.calendar(self.spark).coalesce(1)

    def contract(self, frame: DataFrame, table: Table = ARRIVALS) -> DataFrame:
        """The contract's columns; those that the bench does not make are null."""
        given = {
            "ingest_ts": F.lit(data.FIRST),
            "run_id": F.lit("bench"),
            **{name: F.col(name) for name in frame.columns},
        }
        return frame.select(
            *(given.get(c.name, F.lit(None)).cast(c.kind).alias(c.name) for c in table.all_columns)
        )

    def write(self, frame: DataFrame) -> None:
        """Append arrivals as the jobs do: a file a day, sorted within."""
        days = frame.repartition(F.to_date("event_ts"))
        ordered = days.sortWithinPartitions(F.to_date("event_ts"), *ARRIVALS.sort)
        writer = ordered.writeTo(self.name(ARRIVALS))
        writer.option("use-table-distribution-and-ordering", "false").append()

    def _append(self, table: Table, frame: DataFrame) -> None:
        writer = self.contract(frame, table).writeTo(self.name(table))
        # A partition of the frame is a day already, or the whole of a small table.
        writer.option("distribution-mode", "none").append()
