"""emt_silver.lines_stops: which stops a line serves in each direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window as W
from pyspark.sql import functions as F

from lakehouse import quality, values
from lakehouse.job import Silver
from lakehouse.table import Column, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from lakehouse.settings import Settings

TABLE = Table(
    database="emt_silver",
    name="lines_stops",
    doc="Which stops a line serves in each direction.",
    owner="mobility",
    key=("line", "direction", "stop_id"),
    latest_by="updated_ts",
    ignored=("updated_ts",),
    columns=(
        Column("line", "string", "EMT's 3-digit code.", required=True),
        Column("label", "string", "The public name of the line."),
        Column("direction", "int", "1 or 2, as asked.", required=True),
        Column("stop_id", "string", "The stop.", required=True),
        Column("stop_name", "string", "The stop's name."),
        Column("postal_address", "string", "The stop's address."),
        Column("lon", "double", "Longitude, degrees."),
        Column("lat", "double", "Latitude, degrees."),
        Column("pmv", "string", "Number of the display panel; of several, the smallest."),
        Column("data_lines", "array<string>", "Codes of the lines that serve the stop."),
        Column("updated_ts", "timestamp", "When the source first gave this version, UTC."),
    ),
)

_REPLY = "line: string, label: string, stops: string"
PAYLOAD = f"struct<data: array<struct<{_REPLY}>>, stop_id: string, {_REPLY}>"
_STOP = (
    "struct<stop: string, name: string, postalAddress: string, "
    "geometry: struct<coordinates: array<double>>, pmv: string, dataLine: string>"
)


def transform(records: DataFrame, settings: Settings) -> DataFrame:
    """Replies and workbook rows of a line's stops, by the contract."""
    del settings
    alone = F.struct("payload.line", "payload.label", "payload.stops")
    each = F.when(F.col("payload.data").isNotNull(), F.col("payload.data")).otherwise(
        F.array(alone)
    )
    asked = F.coalesce(F.col("request")["direction"], "payload.stop_id")
    replies = records.select(
        "fetched_at",
        "source_uri",
        "source_row",
        values.number(asked, "int").alias("direction"),
        F.explode(each).alias("r"),
    )
    stops = replies.withColumn("list", values.items(F.col("r.stops"), _STOP))
    found = stops.select("*", F.posexplode_outer("list").alias("item", "s"))
    one_panel = W.partitionBy("r.line", "direction", "s.stop", "source_uri")
    pmv = values.text(F.col("s.pmv"))
    number = F.coalesce(pmv.cast("int"), F.lit(-1))
    panel = F.when(pmv.isNotNull(), F.struct(number.alias("number"), pmv.alias("pmv")))
    unreadable = F.col("r.stops").isNotNull() & F.col("list").isNull()
    return found.where(F.col("s").isNotNull() | unreadable).select(
        values.code(F.col("r.line")).alias("line"),
        values.label(F.col("r.label")).alias("label"),
        "direction",
        values.text(F.col("s.stop")).alias("stop_id"),
        values.text(F.col("s.name")).alias("stop_name"),
        values.text(F.col("s.postalAddress")).alias("postal_address"),
        F.col("s.geometry.coordinates")[0].alias("lon"),
        F.col("s.geometry.coordinates")[1].alias("lat"),
        F.min(panel).over(one_panel)["pmv"].alias("pmv"),
        values.texts(F.col("s.dataLine")).alias("data_lines"),
        F.col("fetched_at").alias("updated_ts"),
        "source_uri",
        "source_row",
        F.coalesce("item", F.lit(0)).alias("item"),
        quality.first_reason((unreadable, "the list of stops cannot be read")).alias("reject"),
        F.to_json(F.struct("r.line", "direction", "s")).alias("row_json"),
    )


JOB = Silver(TABLE, ("emt/timetables",), PAYLOAD, transform)
