"""emt_silver.lines_timetable: service windows and headways of a line by day type.

A reply lists every line that shares a stop; only the asked line's own entries count. A cell cut
by the spreadsheet does not parse: its line's entry is taken from another line's whole cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window as W
from pyspark.sql import functions as F

from lakehouse import quality, values
from lakehouse.job import Silver
from lakehouse.table import Column, Table

if TYPE_CHECKING:
    from pyspark.sql import Column as Expression
    from pyspark.sql import DataFrame

    from lakehouse.settings import Settings


def _direction(number: int) -> tuple[Column, ...]:
    name, which = f"d{number}", f"direction {number}"
    return (
        Column(f"{name}_start_time", "string", f"First departure of {which}, local HH:MM."),
        Column(f"{name}_stop_time", "string", f"Last departure of {which}, local HH:MM."),
        Column(f"{name}_min_freq", "int", f"Shortest headway of {which}, minutes."),
        Column(f"{name}_max_freq", "int", f"Longest headway of {which}, minutes."),
        Column(f"{name}_freq", "int", f"Headway of {which} where one is said, minutes."),
    )


TABLE = Table(
    database="emt_silver",
    name="lines_timetable",
    doc="Service windows and headways of a line by day type, as fetched on a day.",
    owner="mobility",
    key=("line", "day_type", "valid_from"),
    latest_by="updated_ts",
    ignored=("updated_ts",),
    columns=(
        Column("line", "string", "EMT's 3-digit code.", required=True),
        Column("label", "string", "The public name of the line."),
        Column("name_a", "string", "One end."),
        Column("name_b", "string", "The other end."),
        Column(
            "day_type", "string", "LA workday, VI Friday, SA Saturday, FE holiday.", required=True
        ),
        Column("valid_from", "date", "The local date of fetching.", required=True),
        *_direction(1),
        *_direction(2),
        Column("updated_ts", "timestamp", "When the source first gave this version, UTC."),
    ),
)

_REPLY = "line: string, label: string, timeTable: string"
PAYLOAD = f"struct<data: array<struct<{_REPLY}>>, {_REPLY}>"
_ENTRY = (
    "struct<IdLine: string, Label: string, nameA: string, nameB: string, HeaderA: string, "
    "HeaderB: string, typeOfDays: string, DayType: string>"
)
_WINDOW = (
    "struct<StartTime: string, StopTime: string, MinimunFrequency: string, "
    "MaximumFrequency: string, Frequency: string>"
)
_DAY = f"struct<DayType: string, idDayType: string, Direction1: {_WINDOW}, Direction2: {_WINDOW}>"
# No entry lists so many day types: the place of a day within its cell stays unique.
_MOST_DAYS = 100
_LONG_NAMES = {"LABORABLE": "LA", "VIERNES": "VI", "SABADO": "SA", "FESTIVO": "FE"}


def _cells(records: DataFrame, zone: str) -> DataFrame:
    """One row for each answered cell: the asked line and the text of its timetable."""
    alone = F.struct("payload.line", "payload.label", "payload.timeTable")
    each = F.when(F.col("payload.data").isNotNull(), F.col("payload.data")).otherwise(
        F.array(alone)
    )
    replies = records.select("fetched_at", "source_uri", "source_row", F.explode(each).alias("r"))
    return replies.select(
        values.code(F.col("r.line")).alias("asked"),
        values.label(F.col("r.label")).alias("asked_label"),
        F.to_date(F.from_utc_timestamp("fetched_at", zone)).alias("valid_from"),
        F.col("fetched_at").alias("updated_ts"),
        "source_uri",
        "source_row",
        values.items(F.col("r.timeTable"), _ENTRY).alias("entries"),
    )


def _chosen(cells: DataFrame) -> DataFrame:
    """Each asked line's entries: its own cells', or where all are cut, other cells' copies."""
    entries = cells.where(F.col("entries").isNotNull()).select(
        "asked", "valid_from", "updated_ts", "source_uri", "source_row",
        F.posexplode("entries").alias("place", "e"),
    )  # fmt: skip
    named = entries.withColumn("line", values.code(F.col("e.IdLine")))
    asked = cells.select(F.col("asked").alias("line"), "valid_from").distinct()
    wanted = named.join(F.broadcast(asked), on=["line", "valid_from"], how="left_semi")
    own = F.col("asked") == F.col("line")
    has_own = F.max(own).over(W.partitionBy("line", "valid_from"))
    return wanted.withColumn("chosen", own | ~has_own).where("chosen")


def _days(chosen: DataFrame) -> DataFrame:
    listed = F.coalesce(
        values.items(F.col("e.typeOfDays"), _DAY), values.items(F.col("e.DayType"), _DAY)
    )
    days = chosen.select("*", F.posexplode(listed).alias("day", "d"))
    return days.withColumn("item", F.col("place") * _MOST_DAYS + F.col("day"))


def _day_type(text: Expression) -> Expression:
    known = F.upper(values.text(text))
    named = [F.when(known == long, short) for long, short in _LONG_NAMES.items()]
    return F.coalesce(*named, known)


def _window(number: int) -> list[Expression]:
    field, name = f"d.Direction{number}", f"d{number}"
    times = [
        values.text(F.col(f"{field}.{source}")).alias(f"{name}_{column}")
        for source, column in (("StartTime", "start_time"), ("StopTime", "stop_time"))
    ]
    headways = [
        values.number(F.col(f"{field}.{source}"), "int").alias(f"{name}_{column}")
        for source, column in (
            ("MinimunFrequency", "min_freq"),  # EMT's spelling
            ("MaximumFrequency", "max_freq"),
            ("Frequency", "freq"),
        )
    ]
    return [*times, *headways]


def _without_days(cells: DataFrame, rows: DataFrame) -> DataFrame:
    """Asked lines that have no day at all: reported as rejected rows, one for each cell."""
    lines = rows.select(F.col("line").alias("asked"), "valid_from").distinct()
    missing = cells.join(F.broadcast(lines), on=["asked", "valid_from"], how="left_anti")
    known = ("line", "label", "valid_from", "updated_ts")
    empty = [F.lit(None).cast(c.kind).alias(c.name) for c in TABLE.columns if c.name not in known]
    return missing.select(
        F.col("asked").alias("line"),
        F.col("asked_label").alias("label"),
        "valid_from",
        "updated_ts",
        *empty,
        "source_uri",
        "source_row",
        F.lit(0).alias("item"),
        F.lit("a line without days").alias("reject"),
        F.to_json(F.struct("asked", "asked_label", "entries")).alias("row_json"),
    )


def transform(records: DataFrame, settings: Settings) -> DataFrame:
    """Timetable cells of all recorded shapes, by the contract."""
    cells = _cells(records, settings.time_zone)
    found = _days(_chosen(cells)).select(
        "line",
        values.label(F.col("e.Label")).alias("label"),
        values.text(F.coalesce("e.nameA", "e.HeaderA")).alias("name_a"),
        values.text(F.coalesce("e.nameB", "e.HeaderB")).alias("name_b"),
        _day_type(F.coalesce("d.DayType", "d.idDayType")).alias("day_type"),
        "valid_from",
        *_window(1),
        *_window(2),
        "updated_ts",
        "source_uri",
        "source_row",
        "item",
        F.to_json(F.struct("line", "e.Label", "d")).alias("row_json"),
    )
    content = F.to_json(F.struct(*TABLE.compared))
    copies = W.partitionBy("line", "day_type", "updated_ts")
    differ = F.min(content).over(copies) != F.max(content).over(copies)
    unknown = ~F.col("day_type").isin(*_LONG_NAMES.values())
    rows = found.withColumn(
        "reject",
        quality.first_reason(
            (differ, "copies of the line's timetable differ"), (unknown, "an unknown day type")
        ),
    )
    return rows.unionByName(_without_days(cells, rows)).select(
        *TABLE.names, "source_uri", "source_row", "item", "reject", "row_json"
    )


JOB = Silver(TABLE, ("emt/timetables",), PAYLOAD, transform)
