"""What EMT answers about a stop: buses on their way, the stop itself, incidents, and oddities.

The oddities are those of recorded replies, about as often; which reply has them follows from the
seed, the stop and the second.
"""

from __future__ import annotations

import uuid
import zlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from console.simulator import weather
from console.simulator.timetables import Window
from console.simulator.traffic import NIGHT_STARTS_MIN, Traffic

if TYPE_CHECKING:
    from console.simulator.city import City, Route, Stop
    from console.simulator.traffic import Approach

NO_ESTIMATE = 999_999
_FARTHEST_SEC, _FARTHEST_AT_NIGHT_SEC = 2_700, 5_400
_NEXT_LAP_SEC = 399
_AT_STOP_SEC = 25
_PER_MYRIAD = 10_000
_NAMESPACE = uuid.UUID(int=11)
_STORM_LINES = ("1", "C1", "27", "N1")


class Board:
    """The display of every stop."""

    def __init__(self, seed: int, city: City, traffic: Traffic) -> None:
        self._seed = seed
        self._city = city
        self._traffic = traffic

    def answer(self, stop_id: str, line: str, moment: datetime) -> dict[str, Any]:
        """The one element of an arrives reply's data; only one line's buses if it is named."""
        stop = self._city.stops[stop_id]
        calls = [(r, n) for r, n in self._city.calls(stop_id) if line in ("", r.line.code)]
        coming = [
            arrival
            for route, place in calls
            for approach in self._traffic.approaching(route, place, moment)
            for arrival in self._announced(approach, stop_id, moment, at_head=place == 0)
        ]
        coming.sort(key=lambda arrival: (arrival["estimateArrive"], arrival["bus"]))
        return {
            "Arrive": coming,
            "StopInfo": [_stop_info(stop, calls)],
            "ExtraInfo": [],
            "Incident": {"ListaIncident": {"data": incidents(self._city, calls, moment)}},
        }

    def _announced(
        self, approach: Approach, stop_id: str, moment: datetime, *, at_head: bool
    ) -> list[dict[str, Any]]:
        """Nothing for a bus too far to speak of; twice for some, as recorded replies have it."""
        most = _farthest(approach.route)
        if approach.seconds > 2 * most:
            return []
        arrival = _arrival(approach, stop_id, most)
        odd = self._chance(f"{stop_id}/{approach.bus}/{int(moment.timestamp())}")
        if odd < 15:  # noqa: PLR2004  per ten thousand, as the other ones
            arrival["geometry"] = {"type": "Point", "coordinates": [0.0, 0.0]}
        elif odd < 70:  # noqa: PLR2004
            arrival["deviation"] = 1
        elif odd < 80:  # noqa: PLR2004
            arrival["positionTypeBus"] = "2"
        elif odd < 230:  # noqa: PLR2004
            return [arrival, dict(arrival)]
        if at_head and approach.seconds < _AT_STOP_SEC:
            return [arrival, {**arrival, "estimateArrive": _NEXT_LAP_SEC}]
        return [arrival]

    def _chance(self, text: str) -> int:
        return zlib.crc32(f"{self._seed}/{text}".encode()) % _PER_MYRIAD


def _farthest(route: Route) -> int:
    """Beyond that EMT gives no estimate."""
    windows = [w for pair in route.line.timetable.values() for w in pair if isinstance(w, Window)]
    night = any(window.start_min >= NIGHT_STARTS_MIN for window in windows)
    return _FARTHEST_AT_NIGHT_SEC if night else _FARTHEST_SEC


def _arrival(approach: Approach, stop_id: str, most: int) -> dict[str, Any]:
    seconds = int(approach.seconds)
    return {
        "line": approach.route.line.label,
        "stop": stop_id,
        "isHead": "False",
        "destination": approach.route.destination,
        "deviation": 0,
        "bus": approach.bus,
        "geometry": {"type": "Point", "coordinates": [approach.lon, approach.lat]},
        "estimateArrive": seconds if seconds <= most else NO_ESTIMATE,
        "DistanceBus": round(approach.meters),
        "positionTypeBus": "0",
    }


def _stop_info(stop: Stop, calls: list[tuple[Route, int]]) -> dict[str, Any]:
    lines = [
        {
            "label": route.line.label,
            "line": route.line.code,
            "nameA": route.line.names[0],
            "nameB": route.line.names[1],
            "metersFromHeader": round(route.meters[place]),
            "to": "A" if route.direction == 1 else "B",
        }
        for route, place in calls
    ]
    return {
        "lines": lines,
        "stopId": stop.id,
        "stopName": stop.name,
        "geometry": stop.geometry,
        "Direction": f"{stop.street:<40}",
    }


def incidents(city: City, calls: list[tuple[Route, int]], moment: datetime) -> list[dict[str, Any]]:
    """What is announced for these lines: works all day long, and a flood when it storms."""
    labels = {route.line.label for route, _ in calls}
    local = moment.astimezone(weather.MADRID)
    works = city.lines["014"].label, city.lines["361"].label
    found = []
    if labels & set(works) and 9 <= local.hour < 20:  # noqa: PLR2004
        title = f"Obras en Plaza del Pingüino. Afectadas las líneas {' y '.join(works)}."
        found.append(_incident(title, local, (9, 20), "02 - Obras", "03 - Retenciones"))
    if labels & set(_STORM_LINES) and weather.storm(moment) > 0.5:  # noqa: PLR2004
        named = f"{', '.join(_STORM_LINES[:-1])} y {_STORM_LINES[-1]}"
        title = f"Balsa de agua en Paseo del Olmo. Afectadas las líneas {named}."
        cause = "07 - Causas meteorológicas"
        found.append(_incident(title, local, (13, 21), cause, "05 - Desvío programado"))
    return found


def _incident(
    title: str, local: datetime, hours: tuple[int, int], cause: str, effect: str
) -> dict[str, Any]:
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    start, end = (day + timedelta(hours=hour) for hour in hours)
    guid = str(uuid.uuid5(_NAMESPACE, f"{title}/{day:%Y-%m-%d}")).upper()
    page = f"{day:%Y%m%d}-{guid[:4]}"
    return {
        "title": title,
        "guid": guid,
        "description": f"{title} Retenciones y cambios de itinerario.<p><img src='logo.png'/></p>",
        "pubDate": f"{start - timedelta(hours=3):%a, %d %b %Y %H:%M:%S} GMT",
        "rssFrom": f"{start:%d/%m/%Y} {start.hour}:00:00",  # hours are not padded
        "rssTo": f"{end:%d/%m/%Y} {end.hour}:00:00",
        "cause": cause,
        "effect": effect,
        "moreInfo": {
            "@url": f"https://example.org/avisos/{page}.pdf",
            "@type": "application/pdf",
            "@length": "72956",
        },
    }
