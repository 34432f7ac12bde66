"""Where every bus is and when it comes: a pure function of the seed and the instant.

A trip is decided when it is looked at, from seed, route and service day; nothing is remembered
but as a cache. Rush hours and storms slow buses down, bunch them and cancel some.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from console.simulator import weather
from console.simulator.city import LINES
from console.simulator.timetables import Window
from console.simulator.weather import MADRID

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.simulator.city import Line, Route

_METERS_PER_SEC = 5.2
_RUSH_HOURS = (8.3, 18.4)
_PASSED_SEC = 6.0
"""So long is a bus still announced, at 0 seconds and a negative distance, after it has left."""
_SHOWN = 2
_HIRED = Window("08:30", "20:00", 30, 30)  # of lines that publish no timetable
NIGHT_STARTS_MIN = 20 * 60
DAY_STARTS_MIN = 6 * 60


@dataclass(frozen=True)
class Pressure:
    """What a moment does to traffic."""

    slowness: float
    spread: float
    """Standard deviation of a departure, as a part of the headway."""
    missing: float
    """The part of departures that does not take place."""


@dataclass(frozen=True)
class Trip:
    """One run of a bus: when it is at each stop of its route, in epoch seconds."""

    bus: int
    times: tuple[float, ...]


@dataclass(frozen=True)
class Approach:
    """A bus on its way to a stop, seen at an instant."""

    route: Route
    bus: int
    seconds: float
    meters: float
    lon: float
    lat: float


def pressure(at: float) -> Pressure:
    """Rush hours on any day, storms when there are any."""
    return _pressure(int(at // 60))


@lru_cache(maxsize=50_000)
def _pressure(minute: int) -> Pressure:
    local = datetime.fromtimestamp(60 * minute, tz=MADRID)
    hour = local.hour + local.minute / 60
    rush = max(math.exp(-(((hour - peak) / 1.1) ** 2)) for peak in _RUSH_HOURS)
    heavy = weather.storm(local)
    return Pressure(
        slowness=1 + 0.3 * rush + 0.6 * heavy,
        spread=0.18 + 0.26 * rush + 0.45 * heavy,
        missing=0.02 + 0.07 * rush + 0.25 * heavy,
    )


class Traffic:
    """The buses of a city with a seed; `day_type` tells which timetable a day has."""

    def __init__(self, seed: int, day_type: Callable[[date], str]) -> None:
        self._seed = seed
        self._day_type = day_type
        self._trips: dict[tuple[str, int, date], list[Trip]] = {}
        self._times: dict[tuple[str, int, int, date], list[tuple[float, Trip]]] = {}

    def approaching(self, route: Route, place: int, moment: datetime) -> list[Approach]:
        """The next buses of a route at one of its stops, nearest first."""
        now = moment.timestamp()
        today = moment.astimezone(MADRID).date()
        found: list[tuple[float, Trip]] = []
        for day in (today - timedelta(days=1), today):
            times = self._at_stop(route, place, day)
            start = bisect_left(times, now - _PASSED_SEC, key=lambda entry: entry[0])
            found.extend(times[start : start + _SHOWN])
        found.sort(key=lambda entry: (entry[0], entry[1].bus))
        return [_seen(route, place, trip, now) for _, trip in found[:_SHOWN]]

    def _at_stop(self, route: Route, place: int, day: date) -> list[tuple[float, Trip]]:
        key = (route.line.code, route.direction, place, day)
        if key not in self._times:
            trips = self._day(route, day)
            times = [(trip.times[place], trip) for trip in trips]
            self._times[key] = sorted(times, key=lambda entry: (entry[0], entry[1].bus))
        return self._times[key]

    def _day(self, route: Route, day: date) -> list[Trip]:
        key = (route.line.code, route.direction, day)
        if key not in self._trips:
            self._trips[key] = self._made(route, day)
        return self._trips[key]

    def _made(self, route: Route, day: date) -> list[Trip]:
        window, later = self._window(route.line, route.direction, day)
        if window is None:
            return []
        chance = random.Random(  # noqa: S311  a simulation
            f"{self._seed}/{route.line.code}/{route.direction}/{day.isoformat()}"
        )
        midnight = datetime.combine(day, time(), MADRID).timestamp() + 60 * later
        trips, due, number = [], float(window.start_min), 0
        while due <= window.stop_min:
            planned = midnight + 60 * due
            felt, headway = pressure(planned), _headway(window, due)
            late, luck, pace = chance.gauss(0, felt.spread), chance.random(), chance.gauss(1, 0.06)
            if luck >= felt.missing:
                departs = planned + 60 * headway * late
                trips.append(Trip(_bus(route, number), _times(route, departs, pace)))
            due += headway
            number += 1
        return trips

    def _window(self, line: Line, direction: int, day: date) -> tuple[Window | None, int]:
        """The window of a service day, and the minutes that its way back is later."""
        if not line.timetable:
            return _HIRED, 0
        pair = line.timetable[self._kind(line, day)]
        window, other = pair[direction - 1], pair[2 - direction]
        back = (
            window is not None
            and other is not None
            and window.start_min < DAY_STARTS_MIN
            and other.start_min >= NIGHT_STARTS_MIN
        )
        return window, 1440 if back else 0

    def _kind(self, line: Line, day: date) -> str:
        kind = self._day_type(day)
        return "LA" if kind == "VI" and kind not in line.timetable else kind


def _headway(window: Window, due: float) -> float:
    """Near the shortest by day, towards the longest in the evening."""
    hour = due / 60 % 24
    evening = min(max((hour - 20) / 4, 0.0), 1.0)
    early = 0.2 if hour < 7 else 0.0  # noqa: PLR2004
    night = window.start_min >= NIGHT_STARTS_MIN
    part = 0.1 if night else max(0.5 * evening, early, 0.05)
    return window.shortest + part * (window.longest - window.shortest)


def _bus(route: Route, number: int) -> int:
    """Each line has buses of its own, and each direction half of them."""
    return 1000 + 80 * LINES.index(route.line) + 40 * (route.direction - 1) + number % 40


def _times(route: Route, departs: float, pace: float) -> tuple[float, ...]:
    times = [departs]
    for near, far in pairwise(route.meters):
        slowness = max(pace, 0.7) * pressure(times[-1]).slowness
        times.append(times[-1] + (far - near) / _METERS_PER_SEC * slowness)
    return tuple(times)


def _seen(route: Route, place: int, trip: Trip, now: float) -> Approach:
    """The bus between the stops where its times put it; before its departure at the head."""
    leg = min(max(bisect_right(trip.times, now) - 1, 0), len(trip.times) - 2)
    since, until = trip.times[leg], trip.times[leg + 1]
    part = min(max((now - since) / (until - since), 0.0), 1.0)
    along = route.meters[leg] + part * (route.meters[leg + 1] - route.meters[leg])
    lon, lat = route.point(along)
    return Approach(
        route=route,
        bus=trip.bus,
        seconds=max(trip.times[place] - now, 0.0),
        meters=route.meters[place] - along,
        lon=round(lon, 12),
        lat=round(lat, 12),
    )
