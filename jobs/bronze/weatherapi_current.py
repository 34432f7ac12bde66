"""bronze.weatherapi_current: one row for each answer about the weather now that was delivered.

Firehose alone writes it: appended, at least once, in any order. Python's own library is enough
here: the Lambda function that makes its rows has no Spark.
"""

from __future__ import annotations

from lakehouse.table import Column, Table
from lakehouse.upkeep import Upkeep

STREAM = "weatherapi/current"
# column: (field of the answer, type, meaning)
OBSERVED: dict[str, tuple[str, str, str]] = {
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
PLACE: dict[str, tuple[str, str, str]] = {
    "location_name": ("name", "string", "The place as answered."),
    "region": ("region", "string", "Its region."),
    "country": ("country", "string", "Its country."),
    "lat": ("lat", "double", "Its latitude, degrees."),
    "lon": ("lon", "double", "Its longitude, degrees."),
    "tz_id": ("tz_id", "string", "Its time zone."),
}
# column: (path in the answer, type, meaning); the times are epoch seconds there.
_TIMES: dict[str, tuple[str, str, str]] = {
    "obs_ts": ("current.last_updated_epoch", "timestamp", "The instant of the observation, UTC."),
    "obs_local": ("current.last_updated", "string", "The same as local time, as answered."),
    "answered_ts": ("location.localtime_epoch", "timestamp", "When the source answered, UTC."),
    "answered_local": ("location.localtime", "string", "The same as local time, as answered."),
}
FIELDS: dict[str, tuple[str, str, str]] = {
    **{name: (f"location.{path}", kind, doc) for name, (path, kind, doc) in PLACE.items()},
    **_TIMES,
    **{name: (f"current.{path}", kind, doc) for name, (path, kind, doc) in OBSERVED.items()},
}

TABLE = Table(
    database="bronze",
    name="weatherapi_current",
    doc="One row for each delivered answer about the weather now; an answer may be there twice.",
    owner="weather",
    key=(),
    partition=("months(fetched_at)",),
    upkeep=Upkeep(fresh_hours=2),
    audited=False,
    columns=(
        Column("event_id", "string", "SHA-256 of what was asked, answered and when; a repeated "
               "delivery has the same.", required=True),
        Column("stream", "string", "source/stream of the record.", required=True),
        Column("fetched_at", "timestamp", "When the answer was there, UTC.", required=True),
        Column("location", "string", "The place as asked.", required=True),
        *(Column(name, kind, doc) for name, (_, kind, doc) in FIELDS.items()),
        Column("unfit", "string", "Columns that are null here because the answer has something "
               "else there; silver refuses the row."),
        Column("envelope", "string", "The whole record as JSON, as in a bronze file: what silver "
               "reads, and every field the provider adds.", required=True),
    ),
)  # fmt: skip
