"""The made-up weather in the shapes of WeatherAPI's replies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from console.simulator import weather
from console.simulator.sessions import KEY
from console.simulator.weather import MADRID, Sky

_WINDS = (
    "N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW",
    "NNW",
)  # fmt: skip
_MILES, _INCHES = 0.621371, 0.0393701


@dataclass(frozen=True)
class Refusal:
    """An error object and its HTTP status."""

    status: int
    code: int
    message: str


def refusal(query: dict[str, str], places: tuple[str, ...]) -> Refusal | None:
    """Why a call is refused, if it is, in the order WeatherAPI looks."""
    if "key" not in query:
        return Refusal(401, 1002, "API key is invalid or not provided.")
    if query["key"] != KEY:
        return Refusal(401, 2006, "API key is invalid.")
    if not query.get("q"):
        return Refusal(400, 1003, "Parameter q is missing.")
    if query["q"].lower() not in places:
        return Refusal(400, 1006, "No matching location found.")
    return None


def current(now: datetime, *, air: bool) -> dict[str, Any]:
    """What current.json answers."""
    return {"location": _location(now), "current": _observation(weather.observed_at(now), air=air)}


def history(now: datetime, day: date) -> dict[str, Any]:
    """What history.json answers for one day: its hours, by the local clock."""
    start = datetime.combine(day, time(), MADRID).astimezone(timezone.utc)
    end = datetime.combine(day + timedelta(days=1), time(), MADRID).astimezone(timezone.utc)
    hours = int((end - start) / timedelta(hours=1))  # 23 or 25 when the clocks change
    skies = [weather.sky(start + timedelta(hours=n)) for n in range(hours)]
    whole = {
        "date": day.isoformat(),
        "date_epoch": int(datetime.combine(day, time(), timezone.utc).timestamp()),
        "day": _day(skies),
        "astro": {"sunrise": "07:00 AM", "sunset": "07:00 PM", "moon_illumination": "50"},
        "hour": [_hour(start + timedelta(hours=n)) for n in range(hours)],
    }
    return {"location": _location(now), "forecast": {"forecastday": [whole]}}


def _location(now: datetime) -> dict[str, Any]:
    return {
        "name": "Madrid",
        "region": "Madrid",
        "country": "Spain",
        "lat": 40.4,
        "lon": -3.6833,
        "tz_id": "Europe/Madrid",
        "localtime_epoch": int(now.timestamp()),
        "localtime": f"{now.astimezone(MADRID):%Y-%m-%d %H:%M}",
    }


def _observation(seen: datetime, *, air: bool) -> dict[str, Any]:
    """An observation; air quality only where asked for."""
    known = {
        "last_updated_epoch": int(seen.timestamp()),
        "last_updated": f"{seen.astimezone(MADRID):%Y-%m-%d %H:%M}",
        **_measures(weather.sky(seen)),
    }
    return {**known, "air_quality": _air(weather.sky(seen))} if air else known


def _hour(start: datetime) -> dict[str, Any]:
    sky = weather.sky(start)
    return {
        "time_epoch": int(start.timestamp()),
        "time": f"{start.astimezone(MADRID):%Y-%m-%d %H:%M}",
        **_measures(sky),
        "will_it_rain": int(sky.precip_mm > 0),
        "chance_of_rain": min(round(100 * sky.storm), 100),
    }


def _day(skies: list[Sky]) -> dict[str, Any]:
    temps = [sky.temp_c for sky in skies]
    rain = sum(sky.precip_mm for sky in skies)
    text, code = max(skies, key=lambda sky: sky.storm).condition
    return {
        "maxtemp_c": _plain(max(temps)),
        "mintemp_c": _plain(min(temps)),
        "avgtemp_c": _plain(round(sum(temps) / len(temps), 1)),
        "maxwind_kph": _plain(max(sky.wind_kph for sky in skies)),
        "totalprecip_mm": _plain(round(rain, 2)),
        "avghumidity": round(sum(sky.humidity for sky in skies) / len(skies)),
        "daily_will_it_rain": int(rain > 0),
        "daily_chance_of_rain": "82" if rain else "0",  # a text, as older replies have it
        "condition": {"text": text, "icon": _icon(code, night=False), "code": code},
    }


def _measures(sky: Sky) -> dict[str, Any]:
    text, code = sky.condition
    feels = round(sky.temp_c - sky.wind_kph / 12, 1)
    uv = max(0.0, 5 - 4 * sky.storm) if sky.daylight else 0
    return {
        **_degrees("temp", sky.temp_c),
        "is_day": int(sky.daylight),
        "condition": {"text": text, "icon": _icon(code, night=not sky.daylight), "code": code},
        "wind_mph": _plain(round(sky.wind_kph * _MILES, 1)),
        "wind_kph": _plain(sky.wind_kph),
        "wind_degree": sky.wind_degree,
        "wind_dir": _WINDS[round(sky.wind_degree / 22.5) % len(_WINDS)],
        "pressure_mb": _plain(sky.pressure_mb),
        "pressure_in": _plain(round(sky.pressure_mb * 0.02953, 2)),
        "precip_mm": _plain(sky.precip_mm),
        "precip_in": _plain(round(sky.precip_mm * _INCHES, 2)),
        "humidity": sky.humidity,
        "cloud": min(max(sky.cloud, 0), 100),
        **_degrees("feelslike", feels),
        **_degrees("windchill", feels),
        **_degrees("heatindex", sky.temp_c),
        **_degrees("dewpoint", round(sky.temp_c - (100 - sky.humidity) / 5, 1)),
        "vis_km": _plain(sky.vis_km),
        "vis_miles": round(sky.vis_km * _MILES),
        "uv": _plain(round(uv, 1)),
        "gust_mph": _plain(round(1.5 * sky.wind_kph * _MILES, 1)),
        "gust_kph": _plain(round(1.5 * sky.wind_kph, 1)),
    }


def _air(sky: Sky) -> dict[str, Any]:
    washed = 1 - 0.7 * sky.storm
    return {
        "co": _plain(round(260 * washed, 2)),
        "no2": _plain(round(34 * washed, 3)),
        "o3": _plain(round(60 * washed)),
        "so2": _plain(round(4.2 * washed, 2)),
        "pm2_5": _plain(round(14.6 * washed, 3)),
        "pm10": _plain(round(24.9 * washed, 3)),
        "us-epa-index": 1,
        "gb-defra-index": 2 if washed > 0.8 else 1,  # noqa: PLR2004
    }


def _degrees(name: str, celsius: float) -> dict[str, Any]:
    fahrenheit = _plain(round(celsius * 9 / 5 + 32, 1))
    return {f"{name}_c": _plain(celsius), f"{name}_f": fahrenheit}


def _icon(code: int, *, night: bool) -> str:
    number = {1000: 113, 1003: 116, 1153: 266, 1189: 302, 1276: 389}[code]
    return f"//cdn.weatherapi.com/weather/64x64/{'night' if night else 'day'}/{number}.png"


def _plain(value: float) -> float:
    """23 where it is whole, 23.4 where it is not: the type flips from value to value."""
    return int(value) if value == int(value) else value
