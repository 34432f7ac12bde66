"""OpenWeather's answers about made-up weather of real places, in its shapes and with its quirks."""

from __future__ import annotations

import math
import zlib
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# An answer is renewed every ten minutes.
RENEWED_SEC = 600
_PLACES: dict[str, tuple[float, float, str, str, int]] = {
    "riohacha,co": (11.5444, -72.9072, "Riohacha", "CO", 3_670_745),
    "valencia,es": (39.4698, -0.3774, "Valencia", "ES", 2_509_954),
    "madrid,es": (40.4165, -3.7026, "Madrid", "ES", 3_117_735),
}
_NEAR_DEG = 0.5
_UNKNOWN: tuple[str, str, int] = ("", "", 0)
_WORDS = {
    800: ("Clear", "cielo claro", "01"), 801: ("Clouds", "algo de nubes", "02"),
    803: ("Clouds", "muy nuboso", "04"), 804: ("Clouds", "nubes", "04"),
    500: ("Rain", "lluvia ligera", "10"),
}  # fmt: skip
_COVERED = ((85, 804), (50, 803), (11, 801), (0, 800))
_WET, _DRIZZLE = 0.82, 701
_KELVIN = 273.15


def answer(
    query: Mapping[str, str], now: datetime, seed: int, key: str
) -> tuple[int, dict[str, Any]]:
    """Status and body; `cod` of a refusal is a text where OpenWeather's own is."""
    if not query.get("appid") or (key and query["appid"] != key):
        said = "Invalid API key. Please see https://openweathermap.org/faq#error401 for more info."
        return 401, {"cod": 401, "message": said}
    if "q" not in query and not {"lat", "lon"} <= query.keys():
        return 400, {"cod": "400", "message": "Nothing to geocode"}
    if "q" in query:
        known = _PLACES.get(query["q"].lower())
        return (200, _weather(*known, query, now, seed)) if known else _NOT_FOUND
    try:
        lat, lon = float(query["lat"]), float(query["lon"])
    except ValueError:
        return 400, {"cod": "400", "message": "wrong latitude"}
    return 200, _weather(lat, lon, *_nearest(lat, lon), query, now, seed)


_NOT_FOUND = (404, {"cod": "404", "message": "city not found"})


def _nearest(lat: float, lon: float) -> tuple[str, str, int]:
    """The place there; far from all of them an answer has no name and the number 0."""
    for there, east, name, country, number in _PLACES.values():
        if abs(there - lat) < _NEAR_DEG and abs(east - lon) < _NEAR_DEG:
            return name, country, number
    return _UNKNOWN


def _weather(
    lat: float, lon: float, name: str, country: str, number: int,
    query: Mapping[str, str], now: datetime, seed: int,
) -> dict[str, Any]:  # fmt: skip
    at = int(now.timestamp() // RENEWED_SEC * RENEWED_SEC)
    chance = [zlib.crc32(f"{seed}/{lat}/{lon}/{at}/{n}".encode()) / 2**32 for n in range(4)]
    rise, fall = _sun(lat, lon, at)
    height = math.sin(math.pi * (at - rise) / max(fall - rise, 1)) if rise <= at < fall else -0.4
    celsius = 27 - 0.35 * abs(lat) + 5 * height + 2 * chance[0]
    shift = 0 if query.get("units") == "metric" else _KELVIN
    cover, speed = int(100 * chance[1]), round(1 + 9 * chance[2] ** 2, 2)
    rain = round(6 * (chance[1] - _WET), 2) if chance[1] > _WET else 0
    code = 500 if rain else next(code for least, code in _COVERED if cover >= least)
    main, words, icon = _WORDS[code]
    letter = "d" if rise <= at < fall else "n"
    reply: dict[str, Any] = {
        "coord": {"lon": round(lon, 4), "lat": round(lat, 4)},
        "weather": [{"id": code, "main": main, "description": words, "icon": icon + letter}],
        "base": "stations",
        "main": {
            "temp": _short(celsius + shift),
            "feels_like": _short(celsius + shift - speed / 5),
            "temp_min": _short(celsius + shift - chance[3]),
            "temp_max": _short(celsius + shift + chance[3]),
            "pressure": 1008 + int(12 * chance[3]),
            "humidity": 40 + int(50 * chance[1]),
        },
        "visibility": 10_000 if not rain else 7_000,
        "wind": {"speed": _short(speed), "deg": int(361 * chance[0])},
        "clouds": {"all": cover},
        "dt": at,
        "sys": {"type": 1, "id": 6443, "country": country, "sunrise": rise, "sunset": fall},
        "timezone": round(lon / 15) * 3600,
        "id": number,
        "name": name,
        "cod": 200,
    }
    if rain:
        reply["rain"] = {"1h": rain}
        # A second condition: the first one is the main one.
        reply["weather"].append({"id": _DRIZZLE, "main": "Mist", "description": "niebla",
                                 "icon": f"50{letter}"})  # fmt: skip
    return reply


def _sun(lat: float, lon: float, epoch: int) -> tuple[int, int]:
    """Sunrise and sunset of the solar day, to some minutes; without polar days."""
    solar = datetime.fromtimestamp(epoch, timezone.utc) + timedelta(hours=lon / 15)
    tilt = -23.44 * math.cos(2 * math.pi * (solar.timetuple().tm_yday + 10) / 365)
    cosine = -math.tan(math.radians(lat)) * math.tan(math.radians(tilt))
    half = math.degrees(math.acos(max(-1.0, min(1.0, cosine)))) * 240
    midnight = datetime(solar.year, solar.month, solar.day, tzinfo=timezone.utc).timestamp()
    noon = midnight + 43_200 - lon * 240
    return int(noon - half), int(noon + half)


def _short(value: float) -> float:
    """With two decimals; a whole number is answered without a point, as OpenWeather does."""
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded
