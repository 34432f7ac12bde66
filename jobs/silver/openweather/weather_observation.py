"""openweather_silver.weather_observation: the weather of one asked city at one instant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.silver.openweather import formulas
from lakehouse import quality, values
from lakehouse.job import Silver
from lakehouse.table import Check, Column, Table
from lakehouse.upkeep import Upkeep

if TYPE_CHECKING:
    from pyspark.sql import Column as Expression
    from pyspark.sql import DataFrame

    from lakehouse.settings import Settings

# column: (field of a reply, column of the history file, type)
_NUMBERS: dict[str, tuple[str, str, str]] = {
    "temp_c": ("main.temp", "temp", "double"),
    "feels_like_c": ("main.feels_like", "feels_like", "double"),
    "temp_min_c": ("main.temp_min", "temp_min", "double"),
    "temp_max_c": ("main.temp_max", "temp_max", "double"),
    "humidity": ("main.humidity", "humidity", "int"),
    "pressure_hpa": ("main.pressure", "pressure", "double"),
    "ground_pressure_hpa": ("main.grnd_level", "grnd_level", "double"),
    "wind_speed_ms": ("wind.speed", "wind_speed", "double"),
    "wind_deg": ("wind.deg", "wind_deg", "int"),
    "wind_gust_ms": ("wind.gust", "wind_gust", "double"),
    "cloud_cover": ("clouds.all", "clouds_all", "int"),
    "rain_1h_mm": ("rain.1h", "rain_1h", "double"),
    "snow_1h_mm": ("snow.1h", "snow_1h", "double"),
    "visibility_m": ("visibility", "visibility", "int"),
}
_TEMPERATURES = ("temp_c", "feels_like_c", "temp_min_c", "temp_max_c")
_TURN = 360

TABLE = Table(
    database="openweather_silver",
    name="weather_observation",
    doc="One row for the weather of one asked city at one instant; asking again changes nothing.",
    owner="weather",
    key=("city", "event_ts"),
    latest_by="answered_ts",
    ignored=("answered_ts", "source"),
    partition=("months(event_ts)",),
    sort=("city", "event_ts"),
    upkeep=Upkeep(fresh_hours=26),
    checks=(
        # The service's history begins in 1979.
        Check("a time before 1979", "event_ts >= timestamp'1979-01-01 00:00:00 UTC'"),
        # Bounds are the extremes ever measured on Earth: WMO World Weather & Climate Extremes
        # Archive. A temperature in another unit than the declared one is outside of them.
        Check("a temperature that no place on Earth has", "temp_c is null or temp_c between -95 "
              "and 60"),
        Check("an air pressure that no place on Earth has", "pressure_hpa is null or pressure_hpa "
              "between 850 and 1090"),
        Check("a wind faster than any measured", "wind_speed_ms is null or wind_speed_ms between "
              "0 and 113.3"),
        Check("gusts faster than any measured", "wind_gust_ms is null or wind_gust_ms between "
              "0 and 113.3"),
        Check("humidity is no percentage", "humidity is null or humidity between 0 and 100"),
        Check("cloud cover is no percentage", "cloud_cover is null or cloud_cover between 0 and "
              "100"),
        Check("less than no rain or snow", "coalesce(rain_1h_mm, 0) >= 0 and "
              "coalesce(snow_1h_mm, 0) >= 0"),
        Check("no place on Earth", "coalesce(lat, 0) between -90 and 90 and coalesce(lon, 0) "
              "between -180 and 180"),
    ),
    columns=(
        Column("city", "string", "The city as asked: its name in the lake, never the answer's.",
               required=True),
        Column("event_ts", "timestamp", "The instant of the observation, UTC.", required=True),
        Column("local_ts", "string", "The same on the city's clocks, yyyy-MM-dd HH:mm:ss; null "
               "where neither answer nor asking tells the offset."),
        Column("local_date", "date", "The day on the city's calendar."),
        Column("local_hour", "int", "The hour on the city's clocks, 0 to 23."),
        Column("is_daylight", "boolean", "Between the answered sunrise and sunset, else whether "
               "the sun is above the horizon by computation."),
        Column("lat", "double", "Latitude as answered, else as asked, degrees."),
        Column("lon", "double", "Longitude as answered, else as asked, degrees."),
        Column("country", "string", "ISO code of the country, as answered."),
        Column("temp_c", "double", "Air temperature, °C."),
        Column("feels_like_c", "double", "Felt temperature, °C."),
        Column("temp_min_c", "double", "Lowest of the city at that time, °C."),
        Column("temp_max_c", "double", "Highest of the city at that time, °C."),
        Column("humidity", "int", "Relative humidity, %."),
        Column("pressure_hpa", "double", "Air pressure reduced to sea level, hPa."),
        Column("ground_pressure_hpa", "double", "Air pressure at the ground, hPa; older answers "
               "have none."),
        Column("wind_speed_ms", "double", "Wind speed, m/s."),
        Column("wind_deg", "int", "Where the wind comes from, degrees, 0 to 359."),
        Column("wind_gust_ms", "double", "Gusts, m/s."),
        Column("cloud_cover", "int", "Covered part of the sky, %."),
        Column("rain_1h_mm", "double", "Rain of the last hour, mm; null where none was told."),
        Column("snow_1h_mm", "double", "Snow of the last hour, mm; null where none was told."),
        Column("visibility_m", "int", "Visibility, m; 10,000 is the most."),
        Column("weather_id", "int", "The provider's code of the main condition."),
        Column("weather_main", "string", "Its group, such as Clear, Clouds or Rain."),
        Column("weather_desc", "string", "Its words, in the language asked for."),
        Column("air_density_kg_m3", "double", "Density of the humid air, kg/m³, at the ground's "
               "pressure where answered, else at sea level's."),
        Column("wind_power_density_w_m2", "double", "Half the density times wind speed cubed, "
               "W/m²."),
        Column("solar_potential", "double", "Irradiance on level ground by the sun's elevation "
               "and the clouds, W/m², 0 to 1000; 0 at night."),
        Column("temp_bin", "string", "freezing, cold (0 °C), mild (10), warm (20), hot (30)."),
        Column("wind_bin", "string", "Beaufort class: 00 calm to 12 hurricane."),
        Column("source", "string", "How it came: api, airbyte, manual or history."),
        Column("answered_ts", "timestamp", "When the source answered this version, UTC; null for "
               "history."),
    ),
)  # fmt: skip

# The 1h and 3h of a reply are _1h in Airbyte's Parquet: a field there begins with no digit.
_WATER = "struct<`1h`: string, `_1h`: string>"
_REPLY: dict[str, str] = {
    "dt": "string",
    "timezone": "string",
    "coord": "struct<lon: string, lat: string>",
    "weather": "array<struct<id: string, main: string, description: string>>",
    "main": "struct<temp: string, feels_like: string, temp_min: string, temp_max: string, "
    "pressure: string, grnd_level: string, humidity: string>",
    "visibility": "string",
    "wind": "struct<speed: string, deg: string, gust: string>",
    "rain": _WATER,
    "snow": _WATER,
    "clouds": "struct<all: string>",
    "sys": "struct<country: string, sunrise: string, sunset: string>",
}
_ROW = (
    *("time", "lat", "lon", "weather_id", "weather_main", "weather_description"),
    *sorted({flat for _, flat, _ in _NUMBERS.values()} - set(_REPLY)),
)
_REPLY_FIELDS = ", ".join(f"{name}: {kind}" for name, kind in _REPLY.items())
# A reply, alone or delivered by Airbyte; a history reply, which has a list of them; and the row of
# a history file.
PAYLOAD = (
    f"struct<{_REPLY_FIELDS}, list: array<struct<{_REPLY_FIELDS}>>, "
    f"{', '.join(f'{name}: string' for name in _ROW)}, "
    "_airbyte_emitted_at: string, _airbyte_extracted_at: string>"
)
_OFFSET = r"([+-])(\d\d):?(\d\d)\z"
_INSTANT = r"(Z|[+-]\d\d:?\d\d)\z"
# Farther from 1970 than any observation or offset: Spark would fail on what is farther still.
_MOST_SECONDS = 10**11
_MOST_OFFSET_SEC = 14 * 3600
_UNITS = ("metric", "standard")
STREAMS = (
    "openweather/current",
    "openweather/airbyte",
    "openweather/manual",
    "openweather/history",
)


def _path(name: str) -> Expression:
    return F.col(".".join(["o", *(f"`{part}`" for part in name.split("."))]))


def _raw(name: str) -> Expression:
    """The text answered for a column: in a reply, in Airbyte's spelling of it, or in a row."""
    nested, flat, _ = _NUMBERS[name]
    ways = [_path(nested)]
    if nested.endswith(".1h"):
        ways.append(_path(nested.replace(".1h", "._1h")))
    if flat not in _REPLY:
        ways.append(F.col(f"payload.{flat}"))
    return values.text(F.coalesce(*ways))


def _number(name: str) -> Expression:
    value = _raw(name).cast("double")
    if _NUMBERS[name][2] == "int":
        return F.round(value).cast("int")
    return value


def _epoch(text: Expression) -> Expression:
    """Whole seconds; null for what is no number, or of another order."""
    seconds = values.number(text, "double").cast("bigint")
    return F.when(F.abs(seconds) < _MOST_SECONDS, seconds)


def _odd(text: Expression) -> Expression:
    """Whether a text that is there is no finite number."""
    number = text.cast("double")
    finite = ~F.isnan(number) & (F.abs(number) < float("inf"))
    return text.isNotNull() & ~F.coalesce(finite, F.lit(False))


def _place(name: str) -> Expression:
    """The text of `lat` or `lon`: as answered, else as asked."""
    ways = (F.col(f"o.coord.{name}"), F.col(f"payload.{name}"), F.col("request")[name])
    return values.text(F.coalesce(*ways))


def _condition(name: str) -> Expression:
    """Of the main condition, which is the first answered."""
    return values.text(F.coalesce(F.col("o.weather")[0][name], f"payload.weather_{name}"))


def _answered(stream: Expression) -> Expression:
    """When the source answered: Airbyte's time, a person's day, or the call's; history has none."""
    told = values.text(F.coalesce("payload._airbyte_extracted_at", "payload._airbyte_emitted_at"))
    millis = F.timestamp_seconds(_epoch(told.cast("double") / 1000))
    day = F.col("request")["ingest_date"].cast("timestamp")
    called = F.when(stream == "openweather/current", F.col("fetched_at"))
    return F.coalesce(millis, told.cast("timestamp"), day, called)


def _observations(records: DataFrame) -> DataFrame:
    """One row for each observation of a record, with its instant, offset and place."""
    reply = F.struct(*(F.col(f"payload.{name}") for name in _REPLY))
    each = records.select(
        "stream", "request", "fetched_at", "payload", "source_uri", "source_row",
        F.posexplode(F.coalesce("payload.list", F.array(reply))).alias("item", "o"),
    )  # fmt: skip
    local = values.text(F.col("payload.time"))
    zone = F.col("request")["zone"]
    clock = local.cast("timestamp")
    zoned = F.to_utc_timestamp(clock, zone)
    told = F.when(local.rlike(_INSTANT), clock).otherwise(zoned)
    skipped = ~local.rlike(_INSTANT) & (F.from_utc_timestamp(zoned, zone) != clock)
    event = F.coalesce(F.timestamp_seconds(_epoch(F.col("o.dt"))), told)
    hours, minutes = (F.regexp_extract(local, _OFFSET, n).cast("int") for n in (2, 3))
    sign = F.when(F.regexp_extract(local, _OFFSET, 1) == "-", -1).otherwise(1)
    written = F.when(local.rlike(_OFFSET), sign * (hours * 3600 + minutes * 60))
    by_zone = F.unix_timestamp(F.from_utc_timestamp(event, zone)) - F.unix_timestamp(event)
    return each.select(
        "*",
        event.alias("event_ts"),
        skipped.alias("skipped"),
        F.coalesce(_epoch(F.col("o.timezone")), written, by_zone).alias("offset_sec"),
        *(_place(name).cast("double").alias(name) for name in ("lat", "lon")),
        F.coalesce(
            F.col("request")["units"],
            F.when(F.col("stream") == "openweather/history", "standard").otherwise("metric"),
        ).alias("units"),
    )


def _measured(seen: DataFrame) -> DataFrame:
    """With the numbers in the contract's units, and the sun's elevation in degrees."""
    shift = F.when(F.col("units") == "standard", F.lit(formulas.KELVIN)).otherwise(F.lit(0.0))
    numbers = {name: _number(name) for name in _NUMBERS}
    for name in _TEMPERATURES:
        numbers[name] = F.round(numbers[name] - shift, 4)
    numbers["wind_deg"] = F.pmod(numbers["wind_deg"], F.lit(_TURN))
    epoch = F.unix_timestamp("event_ts")
    return seen.select(
        "*",
        *(value.alias(name) for name, value in numbers.items()),
        formulas.solar_elevation(epoch, F.col("lat"), F.col("lon")).alias("elevation"),
        F.timestamp_seconds(epoch + F.col("offset_sec")).alias("local"),
    )


def _reject() -> Expression:
    """Why an observation can't be kept as it was answered; null where it can."""
    texts = {
        "dt": values.text(F.col("o.dt")),
        "timezone": values.text(F.col("o.timezone")),
        **{name: _place(name) for name in ("lat", "lon")},
        **{name: _raw(name) for name in _NUMBERS},
    }
    numeric = [(_odd(text), f"{name} is no number") for name, text in texts.items()]
    degrees = _raw("wind_deg").cast("double")
    return quality.first_reason(
        *numeric,
        (F.col("skipped"), "a local time that the spring change of clocks skips"),
        (F.abs("offset_sec") > _MOST_OFFSET_SEC, "an offset from UTC that no place has"),
        (values.too_late(F.col("event_ts"), F.col("fetched_at")), "a time a day after landing"),
        (~F.col("units").isin(*_UNITS), "units that are neither metric nor standard"),
        (quality.not_a_number(_condition("id"), "int"), "weather_id is no number"),
        ((degrees < 0) | (degrees > _TURN), "wind_deg is no direction"),
    )


def _daylight() -> Expression:
    rise, fall = (_epoch(F.col(f"o.sys.{name}")) for name in ("sunrise", "sunset"))
    now = F.unix_timestamp("event_ts")
    # Where the sun does not rise or set that day both are 0.
    told = (rise > 0) & (fall > 0)
    return F.when(told, (now >= rise) & (now < fall)).otherwise(F.col("elevation") > 0)


def transform(records: DataFrame, settings: Settings) -> DataFrame:  # noqa: ARG001
    """Replies and rows of history files → observations, by the contract."""
    density = formulas.air_density(
        F.col("temp_c"), F.col("humidity"), F.coalesce("ground_pressure_hpa", "pressure_hpa")
    )
    made = {
        "city": values.text(F.col("request")["city"]),
        "local_ts": F.date_format("local", "yyyy-MM-dd HH:mm:ss"),
        "local_date": F.to_date("local"),
        "local_hour": F.hour("local"),
        "is_daylight": _daylight(),
        "country": values.text(F.col("o.sys.country")),
        "weather_id": _condition("id").cast("int"),
        "weather_main": F.initcap(_condition("main")),
        "weather_desc": _condition("description"),
        "air_density_kg_m3": density,
        "wind_power_density_w_m2": formulas.wind_power(density, F.col("wind_speed_ms")),
        "solar_potential": formulas.solar_potential(F.col("elevation"), F.col("cloud_cover")),
        "temp_bin": formulas.step(F.col("temp_c"), formulas.TEMPERATURES, formulas.FREEZING),
        "wind_bin": formulas.step(F.col("wind_speed_ms"), formulas.BEAUFORT),
        "source": F.regexp_replace(F.element_at(F.split("stream", "/"), 2), "current", "api"),
        "answered_ts": _answered(F.col("stream")),
    }
    return _measured(_observations(records)).select(
        *(made[name].alias(name) if name in made else F.col(name) for name in TABLE.names),
        "source_uri",
        "source_row",
        "item",
        _reject().alias("reject"),
        F.to_json(F.struct("request", "o", "payload")).alias("row_json"),
    )


JOB = Silver(TABLE, STREAMS, PAYLOAD, transform)
