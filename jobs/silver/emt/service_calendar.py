"""emt_silver.service_calendar: the day type of each day, EMT's own where it said one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from lakehouse import values
from lakehouse.job import Silver
from lakehouse.table import Check, Column, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from lakehouse.settings import Settings

TABLE = Table(
    database="emt_silver",
    name="service_calendar",
    doc="The day type of each day: EMT's own, otherwise from weekday and public holidays.",
    owner="mobility",
    key=("day",),
    latest_by="updated_ts",
    ignored=("updated_ts",),
    checks=(Check("an unknown day type", "day_type in ('LA', 'VI', 'SA', 'FE')"),),
    columns=(
        Column("day", "date", "The local date.", required=True),
        Column(
            "day_type", "string", "LA workday, VI Friday, SA Saturday, FE holiday.", required=True
        ),
        Column("origin", "string", "emt, or derived from weekday and holidays."),
        Column(
            "updated_ts",
            "timestamp",
            "When EMT first said so, UTC; a derived day: its making, a century back.",
        ),
    ),
)

PAYLOAD = (
    "struct<data: array<struct<date: string, dayType: string>>, date: string, dayType: string, "
    "day: string, day_type: string>"
)


def transform(records: DataFrame, settings: Settings) -> DataFrame:
    """EMT's calendar and the derived one, by the contract."""
    del settings
    derived = F.col("payload.day").isNotNull()
    each = (
        F.when(F.col("payload.data").isNotNull(), F.col("payload.data"))
        .when(derived, F.array(F.struct(
            F.col("payload.day").alias("date"), F.col("payload.day_type").alias("dayType"))))
        .otherwise(F.array(F.struct("payload.date", "payload.dayType")))
    )  # fmt: skip
    found = records.select(
        "fetched_at", "source_uri", "source_row", derived.alias("derived"),
        F.posexplode(each).alias("item", "c"),
    )  # fmt: skip
    spanish = F.to_date(F.regexp_extract("c.date", r"^\d{1,2}/\d{1,2}/\d{4}", 0), "d/M/yyyy")
    # EMT's word wins whenever it comes, so a derived day counts as said a century before.
    long_ago = F.col("fetched_at") - F.expr("interval 100 years")
    return found.select(
        F.coalesce(spanish, F.to_date(F.substring("c.date", 1, 10), "yyyy-MM-dd")).alias("day"),
        values.text(F.col("c.dayType")).alias("day_type"),
        F.when(F.col("derived"), "derived").otherwise("emt").alias("origin"),
        F.when(F.col("derived"), long_ago).otherwise(F.col("fetched_at")).alias("updated_ts"),
        "source_uri",
        "source_row",
        "item",
        F.lit(None).cast("string").alias("reject"),
        F.to_json("c").alias("row_json"),
    )


JOB = Silver(TABLE, ("emt/calendar", "calendar/derived"), PAYLOAD, transform)
