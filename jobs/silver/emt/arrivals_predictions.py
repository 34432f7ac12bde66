"""emt_silver.arrivals_predictions: one row for one predicted arrival as answered in one poll."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from lakehouse import quality, values
from lakehouse.job import Silver
from lakehouse.table import Check, Column, Table
from lakehouse.upkeep import Upkeep

if TYPE_CHECKING:
    from pyspark.sql import Column as Expression
    from pyspark.sql import DataFrame

    from lakehouse.settings import Settings

TABLE = Table(
    database="emt_silver",
    name="arrivals_predictions",
    doc="One row for one predicted arrival of a bus at a stop, as answered in one poll.",
    owner="mobility",
    key=("id",),
    derived=("event_ts",),
    partition=("days(event_ts)",),
    sort=("line", "stop_id"),
    upkeep=Upkeep(fresh_hours=26),
    checks=(
        Check("a time before 2010", "event_ts >= timestamp'2010-01-01 00:00:00 UTC'"),
        Check("a negative estimate", "estimate_arrive_sec is null or estimate_arrive_sec >= 0"),
    ),
    columns=(
        Column("id", "string", "SHA-256 of event_ts and every answered field.", required=True),
        Column("event_ts", "timestamp", "The instant of the poll, UTC.", required=True),
        Column("line", "string", "The asked line: EMT's 3-digit code; null if none was asked."),
        Column("label", "string", "The public name of the line, as answered.", required=True),
        Column("stop_id", "string", "The stop.", required=True),
        Column("destination", "string", "Where the bus goes."),
        Column("is_head", "boolean", "Whether the bus stands at the head of its line."),
        Column("deviation", "int", "EMT's deviation flag; 0 is none."),
        Column("bus", "string", "The vehicle's number."),
        Column("estimate_arrive_sec", "int", "Seconds to arrival; null for more than 45 minutes."),
        Column("distance_bus_m", "int", "Metres to the stop; negative just past it."),
        Column("position_type_bus", "string", "EMT's code of how the position was found."),
        Column("lon", "double", "Longitude of the bus, degrees; null where unknown."),
        Column("lat", "double", "Latitude of the bus, degrees; null where unknown."),
    ),
)

# More than 45 minutes, 90 on night lines: EMT's way of giving no estimate.
NO_ESTIMATE = 999_999

_ARRIVE = (
    "array<struct<line: string, stop: string, isHead: string, destination: string, "
    "deviation: string, bus: string, geometry: struct<coordinates: array<decimal(38, 18)>>, "
    "estimateArrive: string, DistanceBus: string, positionTypeBus: string>>"
)
# Three shapes: the live reply (data), the recorded poll (polled_at_local, data) and the row of a
# recorded workbook (timestamp, Arrive).
PAYLOAD = (
    f"struct<code: string, data: array<struct<Arrive: {_ARRIVE}>>, Arrive: {_ARRIVE}, "
    "polled_at_local: string, timestamp: string, req_line: string, line: string>"
)


def _identity(event: Expression) -> Expression:
    """The id: hash of the JSON array of the texts answered, in this order, before conversion.

    Coordinates count as decimals of 18 digits, so that no library's way of writing a double
    decides what is the same arrival.
    """
    answered = [
        F.date_format(event, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'"),
        *(F.col(f"a.{name}") for name in ("line", "stop", "isHead", "destination", "deviation")),
        F.col("a.bus"),
        *(F.format_number(F.col("a.geometry.coordinates")[n], 18) for n in (0, 1)),
        *(F.col(f"a.{name}") for name in ("estimateArrive", "DistanceBus", "positionTypeBus")),
    ]
    return F.sha2(F.to_json(F.array(*answered)), 256)


def _answered(records: DataFrame, settings: Settings) -> DataFrame:
    """One row for each answered arrival, with the poll's instant and what was asked."""
    local = F.coalesce("payload.polled_at_local", "payload.timestamp")
    zone = settings.time_zone
    replies = "transform(payload.data, d -> d.Arrive)"
    arrivals = F.expr(
        f"flatten(filter(concat(coalesce({replies}, array()), array(payload.Arrive)), "
        "x -> x is not null))"
    )
    polls = records.select(
        # Only a live reply happened when it was fetched; a recorded poll says its time or has none.
        F.when(local.isNotNull(), values.instant(local, zone))
        .when(F.col("payload.code").isNotNull(), F.col("fetched_at"))
        .alias("event_ts"),
        (local.isNotNull() & values.in_gap(local, zone)).alias("in_gap"),
        values.code(F.coalesce(F.col("request")["line"], "payload.req_line", "payload.line")).alias(
            "asked_line"
        ),
        "fetched_at",
        "source_uri",
        "source_row",
        arrivals.alias("arrivals"),
    )
    return polls.select("*", F.posexplode("arrivals").alias("item", "a")).drop("arrivals")


def transform(records: DataFrame, settings: Settings) -> DataFrame:
    """Polls → arrivals, by the contract."""
    lon, lat = (F.col("a.geometry.coordinates")[n].cast("double") for n in (0, 1))
    nowhere = (lon == 0) & (lat == 0)
    estimate = values.number(F.col("a.estimateArrive"), "int")
    numbers = [
        (quality.not_a_number(values.text(F.col(f"a.{name}")), "int"), f"{name} is not a number")
        for name in ("deviation", "estimateArrive", "DistanceBus")
    ]
    reject = quality.first_reason(
        (F.col("in_gap"), "a local time that the spring change of clocks skips"),
        (values.too_late(F.col("event_ts"), F.col("fetched_at")), "a time a day after landing"),
        *numbers,
    )
    head = F.lower(values.text(F.col("a.isHead")))
    return _answered(records, settings).select(
        _identity(F.col("event_ts")).alias("id"),
        "event_ts",
        F.col("asked_line").alias("line"),
        values.text(F.col("a.line")).alias("label"),
        values.text(F.col("a.stop")).alias("stop_id"),
        values.text(F.col("a.destination")).alias("destination"),
        F.when(head.isin("true", "false"), head == "true").alias("is_head"),
        values.number(F.col("a.deviation"), "int").alias("deviation"),
        values.text(F.col("a.bus")).alias("bus"),
        F.when(estimate != NO_ESTIMATE, estimate).alias("estimate_arrive_sec"),
        values.number(F.col("a.DistanceBus"), "int").alias("distance_bus_m"),
        values.text(F.col("a.positionTypeBus")).alias("position_type_bus"),
        F.when(~nowhere, lon).alias("lon"),
        F.when(~nowhere, lat).alias("lat"),
        "source_uri",
        "source_row",
        "item",
        reject.alias("reject"),
        F.to_json(F.struct("event_ts", "asked_line", "a")).alias("row_json"),
    )


JOB = Silver(TABLE, ("emt/arrivals",), PAYLOAD, transform)
