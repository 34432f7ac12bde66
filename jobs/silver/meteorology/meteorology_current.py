"""meteorology_silver.meteorology_current: one row for one observation of one asked place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from lakehouse import quality, values
from lakehouse.job import Silver
from lakehouse.table import Check, Column, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from lakehouse.settings import Settings

# column: (field of the reply, type, meaning)
_CURRENT: dict[str, tuple[str, str, str]] = {
    "temp_c": ("temp_c", "double", "Air temperature, °C."),
    "feelslike_c": ("feelslike_c", "double", "Felt temperature, °C."),
    "humidity": ("humidity", "int", "Relative humidity, %."),
    "pressure_mb": ("pressure_mb", "double", "Air pressure, hPa."),
    "precip_mm": ("precip_mm", "double", "Precipitation of the last hour, mm."),
    "wind_kph": ("wind_kph", "double", "Wind speed, km/h."),
    "gust_kph": ("gust_kph", "double", "Gusts, km/h."),
    "wind_degree": ("wind_degree", "int", "Where the wind comes from, degrees."),
    "wind_dir": ("wind_dir", "string", "Where the wind comes from, 16 points."),
    "cloud": ("cloud", "int", "Cloud cover, %."),
    "vis_km": ("vis_km", "double", "Visibility, km."),
    "uv": ("uv", "double", "UV index."),
    "is_day": ("is_day", "int", "1 by day, 0 by night."),
    "condition_code": ("condition.code", "int", "The provider's code of the condition."),
    "condition_text": ("condition.text", "string", "The condition in words."),
    "air_co": ("air_quality.co", "double", "Carbon monoxide, µg/m³."),
    "air_no2": ("air_quality.no2", "double", "Nitrogen dioxide, µg/m³."),
    "air_o3": ("air_quality.o3", "double", "Ozone, µg/m³."),
    "air_so2": ("air_quality.so2", "double", "Sulphur dioxide, µg/m³."),
    "air_pm2_5": ("air_quality.pm2_5", "double", "Particles up to 2.5 µm, µg/m³."),
    "air_pm10": ("air_quality.pm10", "double", "Particles up to 10 µm, µg/m³."),
    "air_us_epa_index": ("air_quality.us-epa-index", "int", "US EPA index, 1 good to 6."),
    "air_gb_defra_index": ("air_quality.gb-defra-index", "int", "UK DEFRA index, 1 to 10."),
    "temp_f": ("temp_f", "double", "Air temperature, °F."),
    "feelslike_f": ("feelslike_f", "double", "Felt temperature, °F."),
    "windchill_c": ("windchill_c", "double", "Wind chill, °C."),
    "windchill_f": ("windchill_f", "double", "Wind chill, °F."),
    "heatindex_c": ("heatindex_c", "double", "Heat index, °C."),
    "heatindex_f": ("heatindex_f", "double", "Heat index, °F."),
    "dewpoint_c": ("dewpoint_c", "double", "Dew point, °C."),
    "dewpoint_f": ("dewpoint_f", "double", "Dew point, °F."),
    "wind_mph": ("wind_mph", "double", "Wind speed, mph."),
    "gust_mph": ("gust_mph", "double", "Gusts, mph."),
    "pressure_in": ("pressure_in", "double", "Air pressure, inHg."),
    "precip_in": ("precip_in", "double", "Precipitation of the last hour, inches."),
    "vis_miles": ("vis_miles", "double", "Visibility, miles."),
    "condition_icon": ("condition.icon", "string", "The provider's picture of the condition."),
}
_PLACE: dict[str, tuple[str, str, str]] = {
    "location_name": ("name", "string", "The place as answered."),
    "region": ("region", "string", "Its region."),
    "country": ("country", "string", "Its country."),
    "lat": ("lat", "double", "Its latitude, degrees."),
    "lon": ("lon", "double", "Its longitude, degrees."),
    "tz_id": ("tz_id", "string", "Its time zone."),
}

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
    checks=(Check("a time before 2010", "obs_ts >= timestamp'2010-01-01 00:00:00 UTC'"),),
    columns=(
        Column("location", "string", "The place as asked.", required=True),
        *(Column(name, kind, doc) for name, (_, kind, doc) in _PLACE.items()),
        Column("obs_ts", "timestamp", "The instant of the observation, UTC.", required=True),
        *(Column(name, kind, doc) for name, (_, kind, doc) in _CURRENT.items()),
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


_OBSERVED = _fields(_CURRENT, "last_updated_epoch", "time_epoch")
_REPLY = (
    f"location: {_fields(_PLACE, 'localtime_epoch')}, current: {_OBSERVED}, "
    f"forecast: struct<forecastday: array<struct<hour: array<{_OBSERVED}>>>>"
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
        for name, (source, kind, _) in _CURRENT.items()
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
        *_columns("location", _PLACE),
        observed.alias("obs_ts"),
        *_columns("o", _CURRENT),
        F.coalesce(answered, "fetched_at").alias("answered_ts"),
        "source_uri",
        "source_row",
        "item",
        reject.alias("reject"),
        F.to_json(F.struct("asked", "location", "o")).alias("row_json"),
    )


JOB = Silver(TABLE, ("weatherapi/current", "weatherapi/history"), PAYLOAD, transform)
