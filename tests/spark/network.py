"""A small made-up network of buses in late August 2025, as silver rows, drawn from a generator.

Madrid is two hours ahead of UTC. 29 August is a Friday, 31 August a Sunday.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.spark.lakes import UTC, Row, day, utc

if TYPE_CHECKING:
    from random import Random

FIRST = day("2025-08-28")
DAYS = [FIRST + timedelta(days=n) for n in range(4)]
KINDS = dict(zip(DAYS, ("LA", "VI", "SA", "FE"), strict=True))
# 9 is the name of two lines: without an asked line it says nothing.
LINES = {"027": "27", "361": "001", "501": "N1", "009": "9", "109": "9"}
EARLY, LATER = date(2025, 8, 1), date(2025, 8, 30)
MADE = utc("2025-08-27 00:00")
WINDOWS: list[tuple[Any, ...]] = [
    ("06:00", "23:30", 10, 20),
    ("07:00", "00:45", 8, 15),
    ("23:30", "05:30", 20, 35),
    ("00:00", "05:45", 15, 15),
    ("20:00", "02:00", 30, None),
    ("05:59", "23:00", 0, 0),
    ("22:00", "01:30", None, 40),
    (None, None, None, None),
]
# Each on the edge of a class, or just beside it.
PRECIPITATION = [None, 0.0, 0.1, 0.4, 0.5, 1.9, 2.0, 7.5]
WIND = [None, 3.6, 19.9, 20.0, 29.9, 30.0, 45.0, 61.2]
SIGHT = [None, 2.9, 3.0, 5.9, 6.0, 10.0]


def arrival(number: int, random: Random, *, on: date | None = None) -> Row:
    """One arrival on a UTC day, often around midnight; `number` makes its id."""
    hour = random.choice([0, 1, 3, 6, 12, 18, 21, 22, 23])
    minute = random.choice([0, 29, 30, 31, 45, 59])
    chosen = on or random.choice(DAYS)
    start = datetime(chosen.year, chosen.month, chosen.day, hour, minute, tzinfo=UTC)
    line = random.choice(list(LINES))
    return {
        "id": f"id{number:04}",
        "event_ts": start + timedelta(seconds=random.choice([0, 0, 59])),
        "line": random.choice([line, line, None]),
        "label": random.choice([LINES[line], LINES[line], "X"]),
        "stop_id": random.choice(["1", "2"]),
        "destination": random.choice([None, "ATOCHA"]),
        "is_head": random.choice([None, True, False]),
        "deviation": 0,
        "bus": random.choice([None, "1", "2"]),
        "estimate_arrive_sec": random.choice([None, 0, 240, 779, 780, 781, 1200, 2700]),
        "distance_bus_m": random.choice([None, -3, 900]),
        "position_type_bus": "0",
        "lon": -3.7,
        "lat": 40.4,
    }


def follower(number: int, first: Row, random: Random) -> Row:
    """Another bus of the same reply: a rank to be given."""
    estimate = random.choice([None, first["estimate_arrive_sec"], 60])
    return {**first, "id": f"id{number:04}", "estimate_arrive_sec": estimate, "bus": "9"}


def window(number: int, chosen: tuple[Any, ...]) -> Row:
    """The columns of one direction."""
    names = ("start_time", "stop_time", "min_freq", "max_freq")
    return {f"d{number}_{name}": value for name, value in zip(names, chosen, strict=True)}


def timetable(line: str, kind: str, start: date, random: Random, version: int = 1) -> Row:
    """A row of a timetable; the night line's two directions belong to one service day."""
    one, other = random.choice(WINDOWS), random.choice(WINDOWS)
    if line == "501":
        one, other = WINDOWS[2], WINDOWS[3]
    ends = {"label": LINES[line], "name_a": "A", "name_b": "B"}
    key = {"line": line, "day_type": kind, "valid_from": start}
    stamp = {"updated_ts": MADE + timedelta(hours=version)}
    return {**key, **ends, **window(1, one), **window(2, other), **stamp}


def observation(at: datetime, random: Random, version: int = 0, **changes: Any) -> Row:
    """What WeatherAPI said of an instant."""
    return {
        "location": "madrid",
        "obs_ts": at,
        "temp_c": random.choice([None, 19.1, 26.3, 30.7]),
        "precip_mm": random.choice(PRECIPITATION),
        "wind_kph": random.choice(WIND),
        "vis_km": random.choice(SIGHT),
        "humidity": random.choice([None, 40]),
        "uv": 1.0,
        "air_pm10": 12.3,
        "air_pm2_5": None,
        "condition_text": "Sunny",
        "answered_ts": at + timedelta(minutes=version),
        **changes,
    }


def observations(random: Random) -> list[Row]:
    """Observations with gaps, equal distances, a storm, nothing known, and another place."""
    start = utc("2025-08-27 21:00")
    steps = [0, 45, 60, 105, 120, 240, 300, 360]
    times = [start + timedelta(days=d, minutes=3 * m) for d in range(4) for m in steps]
    found = [observation(at, random) for at in times]
    found[3] |= {"precip_mm": 8.0, "wind_kph": 70.0, "vis_km": 1.0}
    found[5] |= {"precip_mm": None, "wind_kph": None, "vis_km": None}
    elsewhere = [{**row, "location": "valencia", "temp_c": -99.0} for row in found[:4]]
    return found + elsewhere


def calendar() -> list[Row]:
    """Day types from the month's first day on."""
    days = [date(2025, 8, 20) + timedelta(days=n) for n in range(20)]
    return [
        {"day": d, "day_type": KINDS.get(d, "LA"), "origin": "derived", "updated_ts": MADE}
        for d in days
    ]


def lines() -> list[Row]:
    """The lines by their public names."""
    return [
        {"line": line, "label": label, "name_a": None, "name_b": None, "updated_ts": MADE}
        for line, label in LINES.items()
    ]


def silver(random: Random, count: int = 60) -> dict[str, list[Row]]:
    """Rows of the five silver tables that gold reads."""
    arrivals: list[Row] = []
    for number in range(count):
        alone = number % 4 or not arrivals
        made = arrival(number, random) if alone else follower(number, arrivals[-1], random)
        arrivals.append(made)
    night = {"event_ts": utc("2025-08-29 22:10"), "line": "501", "label": "N1"}
    arrivals.append({**arrival(count, random), **night, "estimate_arrive_sec": 5000})
    unasked = {"event_ts": utc("2025-08-28 00:30"), "line": None, "label": "001"}
    arrivals.append({**arrival(count + 1, random), **unasked, "estimate_arrive_sec": 5000})
    unknown = {"event_ts": utc("2025-08-28 09:10"), "line": "027", "label": "27"}
    arrivals.append({**arrival(count + 2, random), **unknown})
    return {
        "arrivals_predictions": arrivals,
        "lines": lines(),
        "lines_timetable": [
            timetable(line, kind, EARLY, random)
            for line in LINES
            for kind in ("LA", "VI", "SA", "FE")
            if (line, kind) != ("027", "VI")
        ],
        "service_calendar": calendar(),
        "meteorology_current": observations(random),
    }
