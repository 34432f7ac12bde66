"""The made-up weather: two fair days, then a storm, over and over, by the hour of the day."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

# WeatherAPI's observations are renewed every quarter of an hour.
RENEWED_SEC = 900
STORM_DAY = date(2026, 3, 3)
EVERY_DAYS = 3
# Local minute of the day, half width in minutes, strength.
_SPELLS = ((8 * 60 + 30, 110, 0.4), (13 * 60, 60, 0.17), (18 * 60 + 30, 130, 1.0))
_WINDS = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW",
          "NW", "NNW")  # fmt: skip


@dataclass(frozen=True)
class Sky:
    """The weather at an instant; `storm` is its strength, 0 to 1."""

    at: datetime
    storm: float
    temp_c: float
    wind_kph: float
    wind_degree: int
    precip_mm: float
    vis_km: float
    cloud: int
    humidity: int
    pressure_mb: float
    is_day: int

    @property
    def wind_dir(self) -> str:
        """Where the wind comes from."""
        return _WINDS[round(self.wind_degree / 22.5) % 16]

    @property
    def condition(self) -> tuple[str, int, int]:
        """The provider's words, its code and the number of its picture."""
        day_words = (("Sunny", 1000, 113), ("Partly cloudy", 1003, 116), ("Overcast", 1009, 122))
        rain = ((2.0, "Moderate or heavy rain with thunder", 1276, 389),
                (0.5, "Moderate rain", 1189, 302), (0.1, "Light rain", 1183, 296))  # fmt: skip
        for least, words, code, picture in rain:
            if self.precip_mm >= least:
                return words, code, picture
        words, code, picture = day_words[min(self.cloud // 34, 2)]
        return ("Clear" if words == "Sunny" and not self.is_day else words), code, picture


def storm(epoch: float, zone: ZoneInfo) -> float:
    """The strength of the storm at an instant, 0 to 1."""
    local = datetime.fromtimestamp(epoch, zone)
    if (local.date() - STORM_DAY).days % EVERY_DAYS:
        return 0.0
    minute = local.hour * 60 + local.minute + local.second / 60
    return max(strength * bump(minute, centre, half) for centre, half, strength in _SPELLS)


def bump(value: float, centre: float, half: float) -> float:
    """1 at the centre, 0 from `half` away on, smooth between."""
    near = 1 - ((value - centre) / half) ** 2
    return float(near * near) if near > 0 else 0.0


def sky(epoch: float, zone: ZoneInfo, seed: int) -> Sky:
    """The weather that was observed last before an instant."""
    observed = int(epoch // RENEWED_SEC * RENEWED_SEC)
    local = datetime.fromtimestamp(observed, zone)
    strength = storm(observed, zone)
    chance = zlib.crc32(f"sky/{seed}/{observed}".encode()) / 2**32
    after_storm = (local.date() - STORM_DAY).days % EVERY_DAYS == 1
    hour = local.hour + local.minute / 60
    warmth = math.sin(math.pi * (hour - 9) / 12)
    wind = 7 + 6 * chance + 46 * strength + (13 * bump(hour, 10, 6) if after_storm else 0)
    return Sky(
        at=local.astimezone(timezone.utc),
        storm=strength,
        temp_c=round(13 + 6 * warmth - 4 * strength, 1),
        wind_kph=round(wind, 1),
        wind_degree=int(200 + 120 * chance),
        precip_mm=round(9 * strength**1.5, 2),
        vis_km=round(10 - 8 * strength),
        cloud=int(min(100, 60 * chance + 100 * strength)),
        humidity=int(45 - 12 * warmth + 45 * strength),
        pressure_mb=round(1019 - 12 * strength),
        is_day=int(timedelta(hours=7.5) <= timedelta(hours=hour) < timedelta(hours=19.5)),
    )
