"""The made-up weather: a pure function of the instant, with a storm every third day."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

MADRID = ZoneInfo("Europe/Madrid")
EVERY_MIN = 15
"""A new observation comes every quarter of an hour."""

_STORM_DAY = datetime(2026, 3, 3, tzinfo=timezone.utc).toordinal() % 3
_STORM_PEAK_HOUR = 16.5
_STORM_WIDTH_HOURS = 2.1
_BREEZE_KPH = 7.0


@dataclass(frozen=True)
class Sky:
    """What the weather is at an instant; `storm` is 0 for none, 1 for its height."""

    storm: float
    temp_c: float
    precip_mm: float
    wind_kph: float
    wind_degree: int
    vis_km: float
    humidity: int
    cloud: int
    pressure_mb: float
    daylight: bool

    @property
    def condition(self) -> tuple[str, int]:
        """WeatherAPI's words and code."""
        if self.precip_mm >= 4:  # noqa: PLR2004
            return "Moderate or heavy rain with thunder", 1276
        if self.precip_mm >= 0.5:  # noqa: PLR2004
            return "Moderate rain", 1189
        if self.precip_mm > 0:
            return "Light drizzle", 1153
        if self.cloud >= 60:  # noqa: PLR2004
            return "Partly cloudy", 1003
        return ("Sunny", 1000) if self.daylight else ("Clear", 1000)


def observed_at(moment: datetime) -> datetime:
    """The instant of the newest observation, UTC."""
    known = moment.astimezone(timezone.utc).replace(second=0, microsecond=0)
    return known - timedelta(minutes=known.minute % EVERY_MIN)


def storm(moment: datetime) -> float:
    """How heavy the storm is, 0 to 1."""
    local = moment.astimezone(MADRID)
    if local.toordinal() % 3 != _STORM_DAY:
        return 0.0
    hour = local.hour + local.minute / 60 + local.second / 3600
    height = math.exp(-(((hour - _STORM_PEAK_HOUR) / _STORM_WIDTH_HOURS) ** 2))
    return height if height > 0.08 else 0.0  # noqa: PLR2004  a storm has an end


def sky(moment: datetime) -> Sky:
    """The weather at an instant."""
    local = moment.astimezone(MADRID)
    hour = local.hour + local.minute / 60
    day = local.toordinal()
    heavy = storm(moment)
    warmth = math.cos((hour - 15.5) / 12 * math.pi)
    season = 15 - 9 * math.cos((local.timetuple().tm_yday - 20) / 365 * 2 * math.pi)
    gusty = max(0.0, math.sin((hour - 8) / 12 * math.pi)) * (10 + 4 * math.sin(day))
    return Sky(
        storm=heavy,
        temp_c=round(season + 6 * warmth + 1.5 * math.sin(day) - 5 * heavy, 1),
        precip_mm=round(6.5 * heavy**2, 2),
        wind_kph=round(_BREEZE_KPH + gusty + 32 * heavy, 1),
        wind_degree=int(200 + 70 * math.sin(day + hour / 5)) % 360,
        vis_km=round(10 - 7.5 * heavy, 1),
        humidity=round(58 - 18 * warmth + 24 * heavy),
        cloud=round(25 + 20 * math.sin(day * 1.3) + 55 * heavy),
        pressure_mb=round(1018 - 9 * heavy + 2 * math.sin(day)),
        daylight=7 <= hour < 19,  # noqa: PLR2004
    )
