"""emt_silver.lines: EMT's lines with their codes, public names and ends."""

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
    name="lines",
    doc="EMT's lines: code, public name, both ends.",
    owner="mobility",
    key=("line",),
    latest_by="updated_ts",
    ignored=("updated_ts",),
    columns=(
        Column("line", "string", "EMT's 3-digit code.", required=True),
        Column("label", "string", "The public name; zeros belong to it.", required=True),
        Column("name_a", "string", "One end."),
        Column("name_b", "string", "The other end; null for some circular lines."),
        Column("updated_ts", "timestamp", "When the source first gave this version, UTC."),
    ),
)

_LINE = "line: string, label: string, nameA: string, nameB: string"
PAYLOAD = f"struct<data: array<struct<{_LINE}>>, {_LINE}>"


def transform(records: DataFrame, settings: Settings) -> DataFrame:
    """Lists of lines and single lines, by the contract."""
    del settings
    alone = F.struct("payload.line", "payload.label", "payload.nameA", "payload.nameB")
    each = F.when(F.col("payload.data").isNotNull(), F.col("payload.data")).otherwise(
        F.array(alone)
    )
    found = records.select(
        "fetched_at", "source_uri", "source_row", F.posexplode(each).alias("item", "l")
    )
    return found.select(
        values.code(F.col("l.line")).alias("line"),
        values.label(F.col("l.label")).alias("label"),
        values.text(F.col("l.nameA")).alias("name_a"),
        values.text(F.col("l.nameB")).alias("name_b"),
        F.col("fetched_at").alias("updated_ts"),
        "source_uri",
        "source_row",
        "item",
        F.lit(None).cast("string").alias("reject"),
        F.to_json("l").alias("row_json"),
    )


JOB = Silver(TABLE, ("emt/lines",), PAYLOAD, transform)
