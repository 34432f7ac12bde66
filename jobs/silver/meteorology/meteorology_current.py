"""meteorology_silver.meteorology_current: one row for one observation of one asked place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.bronze import weatherapi_current
from jobs.bronze.weatherapi_current import OBSERVED, PLACE
from lakehouse import quality, values
from lakehouse.job import Silver
from lakehouse.table import Check, Column, Table
from lakehouse.upkeep import Upkeep

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from lakehouse.settings import Settings

TABLE = Table(
    database="meteorology_silver",
    name="meteorology_current",
    doc="One row for one observation of one asked place; asking again changes nothing.",
    owner="weather",
    key=("location", "obs_ts"),
    latest_by="answered_ts",
    ignored=("answered_ts",),
    partition=("months(obs_ts)",),
    sort=("location", "obs_ts"),
    upkeep=Upkeep(fresh_hours=26),
    checks=(Check("a time before 2010", "obs_ts >= timestamp'2010-01-01 00:00:00 UTC'"),),
    columns=(
        Column("location", "string", "The place as asked.", required=True),
        *(Column(name, kind, doc) for name, (_, kind, doc) in PLACE.items()),
        Column("obs_ts", "timestamp", "The instant of the observation, UTC.", required=True),
        *(Column(name, kind, doc) for name, (_, kind, doc) in OBSERVED.items()),
        Column("answered_ts", "timestamp", "When the source first answered this version, UTC."),
    ),
)


def _fields(mapping: dict[str, tuple[str, str, str]], *more: str) -> str:
    """A Spark struct of texts for the reply's fields, nested ones included."""
    nested: dict[str, list[str]] = {}
    for source, _, _ in mapping.values():
        outer, _, inner = source.partition(".")
        nested.setdefault(outer, []).extend([inner] if inner else [])
    parts = [
        f"`{outer}`: " + (_struct(inner) if inner else "string") for outer, inner in nested.items()
    ]
    return f"struct<{', '.join([*parts, *(f'{name}: string' for name in more)])}>"


def _struct(names: list[str]) -> str:
    return f"struct<{', '.join(f'`{name}`: string' for name in names)}>"


_OBSERVATION = _fields(OBSERVED, "last_updated_epoch", "time_epoch")
_REPLY = (
    f"location: {_fields(PLACE, 'localtime_epoch')}, current: {_OBSERVATION}, "
    f"forecast: struct<forecastday: array<struct<hour: array<{_OBSERVATION}>>>>"
)
PAYLOAD = f"struct<{_REPLY}, response: struct<{_REPLY}>>"


def _observations(records: DataFrame) -> DataFrame:
    """One row for each current observation, and for each hour of a history reply."""
    hours = F.expr("flatten(transform(forecast.forecastday, d -> d.hour))")
    reply = F.when(F.col("payload.response").isNotNull(), F.col("payload.response")).otherwise(
        F.struct("payload.location", "payload.current", "payload.forecast")
    )
    replies = records.select(
        F.col("request")["q"].alias("asked"), "fetched_at", "source_uri", "source_row",
        reply.alias("reply"),
    ).select("*", "reply.*")  # fmt: skip
    each = F.coalesce(hours, F.array("current"))
    return replies.select("*", F.posexplode(each).alias("item", "o"))


def _path(root: str, source: str) -> str:
    return ".".join([root, *(f"`{part}`" for part in source.split("."))])


def _columns(root: str, mapping: dict[str, tuple[str, str, str]]) -> list[object]:
    found = []
    for name, (source, kind, _) in mapping.items():
        value = F.col(_path(root, source))
        known = values.text(value) if kind == "string" else values.number(value, kind)
        found.append(known.alias(name))
    return found


def transform(records: DataFrame, settings: Settings) -> DataFrame:
    """Current and historical observations, by the contract."""
    numeric = [
        (quality.not_a_number(values.text(F.col(_path("o", source))), kind), f"{name} is no number")
        for name, (source, kind, _) in OBSERVED.items()
        if kind != "string"
    ]
    epoch = F.coalesce("o.last_updated_epoch", "o.time_epoch")
    observed = F.timestamp_seconds(values.number(epoch, "double").cast("bigint"))
    answered = F.timestamp_seconds(values.number(F.col("location.localtime_epoch"), "bigint"))
    reject = quality.first_reason(
        (values.too_late(observed, F.col("fetched_at")), "a time a day after landing"), *numeric
    )
    return _observations(records).select(
        F.coalesce(values.text(F.col("asked")), F.lit(settings.weather_location)).alias("location"),
        *_columns("location", PLACE),
        observed.alias("obs_ts"),
        *_columns("o", OBSERVED),
        F.coalesce(answered, "fetched_at").alias("answered_ts"),
        "source_uri",
        "source_row",
        "item",
        reject.alias("reject"),
        F.to_json(F.struct("asked", "location", "o")).alias("row_json"),
    )


JOB = Silver(
    TABLE,
    ("weatherapi/current", "weatherapi/history"),
    PAYLOAD,
    transform,
    stream_tables=(weatherapi_current.TABLE,),
)
