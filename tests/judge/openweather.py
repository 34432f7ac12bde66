"""OpenWeather's history file read in plain Python, and physics by other formulas than the lake's.

Where the lake computes, this computes the same quantity another way, so that the two agree only if
both are right: the sun by the Astronomical Almanac's low-precision series, vapour by Buck's
equation, humid air by its virtual temperature.
"""

from __future__ import annotations

import csv
import gzip
import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .days import UTC

if TYPE_CHECKING:
    from pathlib import Path

    from .reading import Row

FASTEST_WIND_MS = 113.3
_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC).timestamp()
_SCALE = (
    "calm", "light air", "light breeze", "gentle breeze", "moderate breeze", "fresh breeze",
    "strong breeze", "near gale", "gale", "strong gale", "storm", "violent storm", "hurricane",
)  # fmt: skip


def rows(path: Path) -> list[dict[str, str]]:
    """Every hour of the file, as its texts."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def possible(hour: dict[str, str]) -> bool:
    """Whether the hour can be true: one has a wind of 133 m/s and is the only one refused."""
    return float(hour["wind_speed"]) <= FASTEST_WIND_MS


def exact(hour: dict[str, str]) -> Row:
    """What an hour says, without physics; its local time is the text's own."""
    speed = float(hour["wind_speed"])
    return {
        "event_ts": datetime.fromisoformat(hour["time"]).astimezone(UTC),
        "local_ts": hour["time"][:19],
        "local_date": datetime.fromisoformat(hour["time"]).date(),
        "local_hour": int(hour["time"][11:13]),
        **{
            f"{name}_c": round(float(hour[name]) - 273.15, 4)
            for name in ("temp", "temp_min", "temp_max")
        },
        "humidity": int(hour["humidity"]),
        "pressure_hpa": float(hour["pressure"]),
        "wind_speed_ms": speed,
        "wind_deg": 0 if hour["wind_deg"] == "360" else int(hour["wind_deg"]),
        "cloud_cover": int(hour["clouds_all"]),
        "rain_1h_mm": float(hour["rain_1h"]),
        "weather_id": int(hour["weather_id"]),
        "weather_main": hour["weather_main"].capitalize(),
        "weather_desc": hour["weather_description"],
        "wind_bin": beaufort(speed),
    }


def beaufort(speed_ms: float) -> str:
    """The class by the scale's own law, v = 0.836 B^1.5, to the nearest class."""
    force = min(12, round((speed_ms / 0.836) ** (2 / 3)))
    return f"{force:02d} {_SCALE[force]}"


def density(temp_c: float, humidity: float, pressure_hpa: float) -> float:
    """kg/m³ by the virtual temperature, with vapour by Buck (1981)."""
    vapour = humidity / 100 * 6.1121 * math.exp(17.502 * temp_c / (240.97 + temp_c))
    virtual = (temp_c + 273.15) / (1 - vapour / pressure_hpa * (1 - 0.622))
    return pressure_hpa * 100 / (287.05 * virtual)


def elevation(at: datetime, lat: float, lon: float) -> float:
    """Degrees of the sun above the horizon: Michalsky, Solar Energy 40 (1988), 227-235."""
    days = (at.timestamp() - _J2000) / 86_400
    mean = math.radians(357.528 + 0.9856003 * days)
    longitude = 280.460 + 0.9856474 * days + 1.915 * math.sin(mean) + 0.020 * math.sin(2 * mean)
    ecliptic, tilt = math.radians(longitude), math.radians(23.439 - 4e-7 * days)
    ascension = math.atan2(math.cos(tilt) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(tilt) * math.sin(ecliptic))
    hours = at.hour + at.minute / 60 + at.second / 3600
    sidereal = 6.697375 + 0.0657098242 * days + hours + lon / 15
    angle = math.radians(sidereal * 15) - ascension
    place = math.radians(lat)
    return math.degrees(
        math.asin(
            math.sin(declination) * math.sin(place)
            + math.cos(declination) * math.cos(place) * math.cos(angle)
        )
    )


def irradiance(height_deg: float, cloud_cover: float) -> float:
    """W/m² on level ground: Kasten & Czeplak (1980), whose clouds count in eighths."""
    eighths = cloud_cover * 8 / 100
    clear = 910 * math.sin(math.radians(height_deg)) - 30
    return max(0.0, clear) * (1 - 0.75 * (eighths / 8) ** 3.4)


def near(found: Any, expected: float, *, relative: float, absolute: float = 0.0) -> bool:
    """Whether a figure is the expected one within a tolerance."""
    return found is not None and math.isclose(found, expected, rel_tol=relative, abs_tol=absolute)
