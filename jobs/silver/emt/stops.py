"""emt_silver.stops: every stop of the network, from EMT's list of stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from lakehouse import values
from lakehouse.job import Silver
from lakehouse.table import Column, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from lakehouse.settings import Settings

TABLE = Table(
    database="emt_silver",
    name="stops",
    doc="Every stop of the network, from EMT's list of stops.",
    owner="mobility",
    key=("stop_id",),
    latest_by="updated_ts",
    ignored=("updated_ts",),
    columns=(
        Column("stop_id", "string", "EMT's number of the stop.", required=True),
        Column("stop_name", "string", "The stop's name."),
        Column("lon", "double", "Longitude, degrees."),
        Column("lat", "double", "Latitude, degrees."),
        Column(
            "direction", "string", "The street; null where the source, like the list, has none."
        ),
        Column("lines", "array<string>", "Line and direction, as answered: 161/1."),
        Column("updated_ts", "timestamp", "When the source first gave this version, UTC."),
    ),
)

_STOP = (
    "node: string, name: string, lines: string, Direction: string, "
    "geometry: struct<coordinates: array<double>>"
)
PAYLOAD = f"struct<data: array<struct<{_STOP}>>, {_STOP}>"


def transform(records: DataFrame, settings: Settings) -> DataFrame:
    """The list of stops, or rows of it, by the contract."""
    del settings
    names = ("node", "name", "lines", "Direction", "geometry")
    alone = F.struct(*[f"payload.{name}" for name in names])
    each = F.when(F.col("payload.data").isNotNull(), F.col("payload.data")).otherwise(
        F.array(alone)
    )
    found = records.select(
        "fetched_at", "source_uri", "source_row", F.posexplode(each).alias("item", "s")
    )
    return found.select(
        values.text(F.col("s.node")).alias("stop_id"),
        values.text(F.col("s.name")).alias("stop_name"),
        F.col("s.geometry.coordinates")[0].alias("lon"),
        F.col("s.geometry.coordinates")[1].alias("lat"),
        values.text(F.col("s.Direction")).alias("direction"),
        values.texts(F.col("s.lines")).alias("lines"),
        F.col("fetched_at").alias("updated_ts"),
        "source_uri",
        "source_row",
        "item",
        F.lit(None).cast("string").alias("reject"),
        F.to_json("s").alias("row_json"),
    )


JOB = Silver(TABLE, ("emt/stops",), PAYLOAD, transform)
