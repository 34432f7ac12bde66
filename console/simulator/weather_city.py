"""WeatherAPI's answers about the made-up weather, in its shapes and with its quirks."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from console.simulator import weather

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from console.simulator.weather import Sky

_DRY, _WET = 0.1, 2.0


class WeatherCity:
    """What WeatherAPI answers at an instant."""

    def __init__(self, seed: int, zone: ZoneInfo) -> None:
        self._seed, self._zone = seed, zone

    def current(self, now: datetime, *, air: bool) -> dict[str, Any]:
        """The latest observation."""
        sky = weather.sky(now.timestamp(), self._zone, self._seed)
        local = sky.at.astimezone(self._zone)
        seen = {
            "last_updated_epoch": int(sky.at.timestamp()),
            "last_updated": f"{local:%Y-%m-%d %H:%M}",
            **_observed(sky),
        }
        if air:
            seen["air_quality"] = _air(sky)
        return {"location": self._location(now), "current": seen}

    def history(self, now: datetime, day: date) -> dict[str, Any]:
        """The hours of a local day: 23 or 25 of them where the clocks change."""
        start = datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp()
        after = day + timedelta(days=1)
        end = datetime(after.year, after.month, after.day, tzinfo=self._zone).timestamp()
        hours = [self._hour(start + 3600 * n) for n in range(round((end - start) / 3600))]
        utc_midnight = int((day - date(1970, 1, 1)).total_seconds())
        found = {
            "date": day.isoformat(),
            "date_epoch": utc_midnight,
            "day": _totals(hours),
            "astro": {"sunrise": "07:30 AM", "sunset": "07:30 PM", "moon_illumination": "50"},
            "hour": hours,
        }
        return {"location": self._location(now), "forecast": {"forecastday": [found]}}

    def _hour(self, epoch: float) -> dict[str, Any]:
        sky = weather.sky(epoch, self._zone, self._seed)
        local = sky.at.astimezone(self._zone)
        wet = int(sky.precip_mm >= _DRY)
        return {
            "time_epoch": int(sky.at.timestamp()),
            "time": f"{local:%Y-%m-%d %H:%M}",
            **_observed(sky),
            "will_it_rain": wet,
            "chance_of_rain": 90 * wet,
        }

    def _location(self, now: datetime) -> dict[str, Any]:
        local = now.astimezone(self._zone)
        return {
            "name": "Villa del Olmo",
            "region": "Madrid",
            "country": "Spain",
            "lat": 40.42,
            "lon": -3.7,
            "tz_id": str(self._zone),
            "localtime_epoch": int(now.timestamp()),
            "localtime": f"{local:%Y-%m-%d} {local.hour}:{local.minute:02d}",
        }


def _observed(sky: Sky) -> dict[str, Any]:
    """The fields of an observation, also in the units nobody here uses."""
    words, code, picture = sky.condition
    gust = sky.wind_kph * 1.4
    felt = sky.temp_c - sky.wind_kph / 20
    when = "day" if sky.is_day else "night"
    numbers = {
        "temp_c": sky.temp_c, "temp_f": _fahrenheit(sky.temp_c), "is_day": sky.is_day,
        "wind_mph": sky.wind_kph / 1.609, "wind_kph": sky.wind_kph,
        "wind_degree": sky.wind_degree, "pressure_mb": sky.pressure_mb,
        "pressure_in": sky.pressure_mb * 0.02953, "precip_mm": sky.precip_mm,
        "precip_in": sky.precip_mm / 25.4, "humidity": sky.humidity, "cloud": sky.cloud,
        "feelslike_c": felt, "feelslike_f": _fahrenheit(felt),
        "windchill_c": felt, "windchill_f": _fahrenheit(felt),
        "heatindex_c": sky.temp_c, "heatindex_f": _fahrenheit(sky.temp_c),
        "dewpoint_c": sky.temp_c - (100 - sky.humidity) / 5,
        "dewpoint_f": _fahrenheit(sky.temp_c - (100 - sky.humidity) / 5),
        "vis_km": sky.vis_km, "vis_miles": sky.vis_km / 1.609, "uv": 4 * sky.is_day,
        "gust_mph": gust / 1.609, "gust_kph": gust,
    }  # fmt: skip
    icon = f"//cdn.weatherapi.com/weather/64x64/{when}/{picture}.png"
    return {
        **{name: _number(value) for name, value in numbers.items()},
        "wind_dir": sky.wind_dir,
        "condition": {"text": words, "icon": icon, "code": code},
    }


def _air(sky: Sky) -> dict[str, Any]:
    """Air quality: rain washes it."""
    dirt = 1 - 0.7 * min(1.0, sky.precip_mm / _WET)
    numbers = {"co": 280 * dirt, "no2": 41.3 * dirt, "o3": 35 + sky.temp_c, "so2": 4.81 * dirt,
               "pm2_5": 22.4 * dirt, "pm10": 42.7 * dirt}  # fmt: skip
    index = 2 if dirt > _DRY * 5 else 1
    found = {name: _number(value) for name, value in numbers.items()}
    return {**found, "us-epa-index": index, "gb-defra-index": index}


def _totals(hours: list[dict[str, Any]]) -> dict[str, Any]:
    """A day's summary; some of its numbers are texts."""
    temps = [hour["temp_c"] for hour in hours]
    rain = sum(hour["precip_mm"] for hour in hours)
    return {
        "maxtemp_c": max(temps),
        "mintemp_c": min(temps),
        "avgtemp_c": _number(sum(temps) / len(temps)),
        "maxwind_kph": max(hour["wind_kph"] for hour in hours),
        "totalprecip_mm": _number(rain),
        "totalsnow_cm": 0,
        "avgvis_km": _number(sum(hour["vis_km"] for hour in hours) / len(hours)),
        "avghumidity": round(sum(hour["humidity"] for hour in hours) / len(hours)),
        "daily_will_it_rain": int(rain > _DRY),
        "daily_chance_of_rain": str(90 * int(rain > _DRY)),
        "condition": hours[12]["condition"],
        "uv": 4,
    }


def _fahrenheit(celsius: float) -> float:
    return celsius * 9 / 5 + 32


def _number(value: float) -> float:
    """With two decimals; a whole number is answered without a point, as WeatherAPI does."""
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded
