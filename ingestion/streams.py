"""The streams that can be landed, and the shapes a payload of each may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ingestion.bronze import Stream

_SHOWN_NAMES = 12
_SHOWN_CHARS = 40


@dataclass(frozen=True)
class Kind:
    """What a payload of one stream looks like: the fields of any one of `shapes` are there.

    `optional` are the other fields a payload is known to have; any further one is kept too, but
    for the `foreign` ones, by which another stream's payload is told from this one's.
    `asked_by` is the field of the request that says whose answer it is, where the answer does not:
    `q` for a place, `city` for a city of the lake (`ingestion.cities`), whose numbers are in
    `units`. Its files may be dropped below `folder` of raw, too.
    """

    shapes: tuple[tuple[str, ...], ...]
    optional: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    asked_by: str = ""
    units: str = ""
    folder: str = ""

    def problem(self, fields: Collection[str]) -> str:
        """Why a payload with these fields is none of this stream; empty if it is one."""
        foreign = [name for name in self.foreign if name in fields]
        if foreign:
            return f"another stream's columns: {', '.join(foreign)}"
        if any(all(name in fields for name in shape) for shape in self.shapes):
            return ""
        # Of equally near ones the last: rows, where people mistype columns, stand after replies.
        nearest = max(
            reversed(self.shapes), key=lambda shape: sum(n in fields for n in shape) / len(shape)
        )
        known = {name for shape in self.shapes for name in shape} | set(self.optional)
        facts = {
            "expected": " or ".join("+".join(shape) for shape in self.shapes),
            "found": _shown(fields),
            "missing": _shown(name for name in nearest if name not in fields),
            "unknown": _shown(name for name in fields if name not in known),
        }
        return "other columns: " + "; ".join(f"{key} {text}" for key, text in facts.items())


_REPLY = ("code", "data")
_REPLY_FIELDS = ("description", "datetime")
_LINE_FIELDS = (
    "nameA", "nameB", "group", "startDate", "endDate", "longLine1", "longLine2", "order",
    "color", "forecolor",
)  # fmt: skip

_WEATHER = ("dt", "main")
_WEATHER_FIELDS = (
    "coord", "weather", "base", "visibility", "wind", "rain", "snow", "clouds", "sys", "timezone",
    "id", "name", "cod",
)  # fmt: skip
_HOUR = ("temp", "humidity", "weather_id")
_HOUR_FIELDS = (
    "dt_iso", "city_name", "lat", "lon", "visibility", "dew_point", "feels_like", "temp_min",
    "temp_max", "pressure", "sea_level", "grnd_level", "wind_speed", "wind_deg", "wind_gust",
    "rain_1h", "rain_3h", "snow_1h", "snow_3h", "clouds_all", "weather_main",
    "weather_description", "weather_icon",
)  # fmt: skip

KINDS: dict[str, Kind] = {
    "emt/arrivals": Kind(
        shapes=(_REPLY, ("polled_at_local", "data"), ("timestamp", "Arrive")),
        optional=(
            *_REPLY_FIELDS, "req_stop", "req_line", "n_incidents",
            "StopInfo", "ExtraInfo", "Incident", "stopId", "line",
        ),
    ),
    "emt/lines": Kind(
        shapes=(_REPLY, ("line", "label")),
        optional=(*_REPLY_FIELDS, *_LINE_FIELDS),
        foreign=("stops", "timeTable"),
    ),
    "emt/timetables": Kind(
        shapes=(_REPLY, ("line", "stops"), ("line", "timeTable")),
        optional=(*_REPLY_FIELDS, "label", "stop_id"),
    ),
    "emt/stops": Kind(
        shapes=(_REPLY, ("node", "name")),
        optional=(*_REPLY_FIELDS, "wifi", "lines", "geometry"),
    ),
    "emt/incidents": Kind(
        shapes=(("guid",),),
        optional=(
            "title", "description", "pubDate", "rssFrom", "rssTo", "cause", "effect", "moreInfo",
        ),
    ),
    "emt/calendar": Kind(
        shapes=(_REPLY, ("date", "dayType")), optional=(*_REPLY_FIELDS, "strike")
    ),
    "weatherapi/current": Kind(
        shapes=(("location", "current"), ("run_ts_utc", "response")), asked_by="q"
    ),
    "weatherapi/history": Kind(shapes=(("location", "forecast"),), asked_by="q"),
    "openweather/current": Kind(
        shapes=(_WEATHER,), optional=_WEATHER_FIELDS, asked_by="city", units="metric"
    ),
    "openweather/airbyte": Kind(
        shapes=(
            ("_airbyte_ab_id", "_airbyte_emitted_at", *_WEATHER),
            ("_airbyte_raw_id", "_airbyte_extracted_at", *_WEATHER),
        ),
        optional=(
            *_WEATHER_FIELDS,
            "_airbyte_additional_properties", "_airbyte_generation_id", "_airbyte_meta",
        ),
        asked_by="city", units="metric", folder="airbyte/openweather",
    ),
    "openweather/manual": Kind(
        shapes=(("list",), _WEATHER),
        optional=(*_WEATHER_FIELDS, "city_id", "calctime", "cnt", "message"),
        asked_by="city", units="metric", folder="manual",
    ),
    "openweather/history": Kind(
        shapes=(("dt", "timezone", *_HOUR), ("time", *_HOUR)),
        optional=_HOUR_FIELDS,
        # A bulk file is in the provider's standard units, kelvin, whoever buys it.
        asked_by="city", units="standard",
    ),
    "calendar/derived": Kind(shapes=(("day", "day_type"),)),
}  # fmt: skip


def kind(stream: Stream) -> Kind:
    """What the stream's payloads look like. Raises UsageError for an unknown stream."""
    found = KINDS.get(str(stream))
    if found is None:
        raise UsageError(f"unknown stream {stream}; known: {', '.join(sorted(KINDS))}")
    return found


def _shown(names: Iterable[str]) -> str:
    """Names as one short line: they come from files, and may be anything."""
    listed = list(names)
    texts = [name if name.isprintable() else ascii(name)[1:-1] for name in listed[:_SHOWN_NAMES]]
    cut = [text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…" for text in texts]
    more = f", and {len(listed) - _SHOWN_NAMES} more" if len(listed) > _SHOWN_NAMES else ""
    return (", ".join(cut) or "none") + more
