"""The made-up buses: when each trip passes each stop, and where a bus is at an instant.

A trip is slowed down by rush hours and storms, which also make some trips fall out; so the
gaps between buses grow, and a first bus may be far away.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from console.simulator import weather
from console.simulator.network import metres
from ingestion.holidays_calendar import derived_days

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from console.simulator.network import Line, Network, Stop, Window

_METRES_PER_SEC = 5.5
_DWELL_SEC = 18
_TURN_SEC = 90
_FLEET = 14
# A bus that has just passed is shown for a moment, with a distance below zero.
PASSED_SEC = 12
# A trip that starts later than this is not shown yet.
_SHOWN_SEC, _SHOWN_AT_NIGHT_SEC = 3600, 6000
_DAY_MIN, _EARLY_MIN, _LATE_MIN = 1440, 360, 1200
# Local minute, half width: morning, noon and evening.
_RUSHES = ((8 * 60 + 15, 95, 1.0), (14 * 60 + 15, 80, 0.5), (18 * 60 + 40, 120, 0.9))


@dataclass(frozen=True)
class Trip:
    """One run of a bus along a direction: the instants at its stops, and metres from the first."""

    bus: int
    times: tuple[float, ...]
    metres: tuple[float, ...]
    stops: tuple[Stop, ...]

    def place(self, epoch: float) -> tuple[float, float, float]:
        """Longitude, latitude and metres from the first stop; before it starts, it stands there."""
        after = bisect_right(self.times, epoch)
        if after == 0:
            return self.stops[0].lon, self.stops[0].lat, 0.0
        if after == len(self.times):
            beyond = (epoch - self.times[-1]) * _METRES_PER_SEC / 2
            return self.stops[-1].lon, self.stops[-1].lat, self.metres[-1] + beyond
        one, other = self.stops[after - 1], self.stops[after]
        share = (epoch - self.times[after - 1]) / (self.times[after] - self.times[after - 1])
        gone = self.metres[after - 1] + share * (self.metres[after] - self.metres[after - 1])
        lon = one.lon + share * (other.lon - one.lon)
        return lon, one.lat + share * (other.lat - one.lat), gone


@dataclass(frozen=True)
class Coming:
    """A bus that is due at a stop."""

    trip: Trip
    position: int
    arrives: float


class Traffic:
    """Every trip of a network; the same for the same seed."""

    def __init__(self, network: Network, seed: int, zone: ZoneInfo) -> None:
        self._network, self._seed, self._zone = network, seed, zone
        self._trips = lru_cache(maxsize=512)(self._trips_of)
        self._board = lru_cache(maxsize=512)(self._board_of)
        self._day_types = lru_cache(maxsize=4)(_day_types)

    def day_type(self, day: date) -> str:
        """LA, VI, SA or FE."""
        return self._day_types(day.year)[day]

    def coming(self, line: Line, direction: int, stop_id: str, epoch: float) -> list[Coming]:
        """The next two buses of a line at a stop, the nearest first."""
        today = datetime.fromtimestamp(epoch, self._zone).date()
        ahead = _SHOWN_AT_NIGHT_SEC if line.runs_at_night else _SHOWN_SEC
        found = []
        for day in (today - timedelta(days=1), today):
            due = self._board(line.plan.code, direction, day).get(stop_id, [])
            first = bisect_left(due, epoch - PASSED_SEC, key=lambda coming: coming.arrives)
            found += due[first : first + 2]
        shown = [c for c in found if c.trip.times[0] <= epoch + ahead]
        return sorted(shown, key=lambda coming: coming.arrives)[:2]

    def _board_of(self, code: str, direction: int, day: date) -> dict[str, list[Coming]]:
        """The trips of a service day by stop, in the order of their arrival there."""
        board: dict[str, list[Coming]] = {}
        for trip in self._trips(code, direction, day):
            for position, (stop, at) in enumerate(zip(trip.stops, trip.times)):
                board.setdefault(stop.stop_id, []).append(Coming(trip, position, at))
        for due in board.values():
            due.sort(key=lambda coming: coming.arrives)
        return board

    def _trips_of(self, code: str, direction: int, day: date) -> list[Trip]:
        line = self._network.lines[code]
        rng = random.Random(f"{self._seed}/{code}/{direction}/{day}")  # noqa: S311 - a game
        route = line.routes[direction - 1]
        gone = (0.0, *accumulate(metres(one, other) for one, other in pairwise(route)))
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=self._zone).timestamp()
        trips: list[Trip] = []
        for number, minute in enumerate(departures(line, direction, self.day_type(day))):
            # As many draws for each trip, so that one that falls out changes no other.
            fate, late, pace = rng.random(), abs(rng.gauss(0, 1)), rng.gauss(0, 1)
            leaves = noon - 43_200 + 60 * minute
            trouble, rush = weather.storm(leaves, self._zone), self._rush(leaves)
            if fate < 0.02 + 0.05 * rush + 0.38 * trouble and not line.plan.one_bus:
                continue
            leaves += 25 * late * (1 + 2 * rush + 4 * trouble)
            if line.plan.one_bus and trips:
                leaves = max(leaves, trips[-1].times[-1] + _TURN_SEC)
            own = max(0.8, 1 + 0.06 * pace * (1 + rush + 2 * trouble))
            bus = 1000 + 40 * line.number + 2 * (0 if line.plan.one_bus else number % _FLEET)
            times = self._times(leaves, gone, own)
            trips.append(Trip(bus + direction - 1, times, gone, route))
        return trips

    def _times(self, leaves: float, gone: tuple[float, ...], own: float) -> tuple[float, ...]:
        times = [leaves]
        for before, after in pairwise(gone):
            at = times[-1]
            slow = 1 + 0.35 * self._rush(at) + 1.1 * weather.storm(at, self._zone)
            times.append(at + ((after - before) / _METRES_PER_SEC + _DWELL_SEC) * slow * own)
        return tuple(times)

    def _rush(self, epoch: float) -> float:
        local = datetime.fromtimestamp(epoch, self._zone)
        if self.day_type(local.date()) in {"SA", "FE"}:
            return 0.0
        return _demand(local.hour * 60 + local.minute)


def _demand(minute: float) -> float:
    return max(strength * weather.bump(minute, centre, half) for centre, half, strength in _RUSHES)


def departures(line: Line, direction: int, day_type: str) -> list[float]:
    """The planned departures of a day, in minutes from its midnight, which may pass 1440."""
    windows = line.windows.get(day_type, line.windows["LA"])
    if windows is None:
        return []
    start, stop = minutes(windows[direction - 1])
    other, other_stop = minutes(windows[2 - direction])
    if start < _EARLY_MIN and other >= _LATE_MIN and other_stop >= _DAY_MIN:
        start, stop = start + _DAY_MIN, stop + _DAY_MIN
    found, at = [], float(start)
    while at <= stop:
        found.append(at)
        at += _headway(windows[direction - 1], at)
    return found


def minutes(window: Window) -> tuple[int, int]:
    """Start and stop in minutes; a stop before the start is on the next day."""
    start, stop = (60 * int(text[:2]) + int(text[3:]) for text in (window.start, window.stop))
    return start, stop + (_DAY_MIN if stop < start else 0)


def _headway(window: Window, minute: float) -> float:
    """The rarest at quiet times, the most frequent in the rush."""
    return window.max_freq - (window.max_freq - window.min_freq) * _demand(minute % _DAY_MIN)


def _day_types(year: int) -> dict[date, str]:
    return {date.fromisoformat(day["day"]): day["day_type"] for day in derived_days(year - 1, year)}
