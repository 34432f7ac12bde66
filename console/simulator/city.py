"""The made-up city: its stops, its lines and where each line stops; nothing in it is by chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from console.simulator.timetables import TIMETABLES, Timetable

COLUMNS = 6
WEST, SOUTH = -3.742, 40.386
STEP_LON, STEP_LAT = 0.0164, 0.0132
_METERS_PER_DEG = 111_195.0
DISABLED_STOP = "999"
"""In the list of stops, but out of service: EMT answers code 80 for its arrivals."""

# Six rows from south to north, each from west to east.
_PLACES = (
    "Plaza de la Cigüeña", "Fuente del Añil", "Cuesta del Buñuelo", "Glorieta del Ñandú",
    "Molino de Íñigo", "Puente del Alcázar Chico", "Paseo de los Almendros", "Corral de Muñoz",
    "Jardín del Búho", "Arco de la Niña", "Mercado de la Piña", "Camino del Castañar",
    "Huerta del Órgano", "Plaza del Pingüino", "Cruz de la Peña", "Rincón del Poeta",
    "Estación de Levante", "Venta del Ruiseñor", "Ermita de San Telmo", "Calle de los Álamos",
    "Glorieta del Reloj", "Plaza Mayor Nueva", "Paseo del Olmo", "Torre del Cóndor",
    "Alto de la Viña", "Hospital de la Luz", "Biblioteca de Otoño", "Teatro del Ángel",
    "Puerta de la Montaña", "Colonia del Jazmín", "Campus del Águila", "Parque del Castaño",
    "Pozo de la Sirena", "Vega del Cigoñal", "Mirador del Sueño", "Barrio de la Cañada",
)  # fmt: skip


@dataclass(frozen=True)
class Stop:
    """A stop on one side of a place."""

    id: str
    name: str
    street: str
    lon: float
    lat: float

    @property
    def geometry(self) -> dict[str, object]:
        """As the API writes it."""
        return {"type": "Point", "coordinates": [self.lon, self.lat]}


@dataclass(frozen=True)
class Line:
    """A line: EMT's 3-digit code, the public label, and the places it passes."""

    code: str
    label: str
    path: tuple[int, ...]
    circular: bool = False
    odd_shape: bool = False
    """Its timetable is answered as one object, with long names of the day types."""

    @property
    def timetable(self) -> Timetable:
        """When it runs."""
        return TIMETABLES[self.code]

    @property
    def names(self) -> tuple[str, str]:
        """Both ends, in capitals; a circular line has one."""
        ends = (_PLACES[self.path[0]].upper(), _PLACES[self.path[-1]].upper())
        return (ends[0], "") if self.circular else ends

    @property
    def directions(self) -> tuple[int, ...]:
        """1, and 2 for a line that comes back."""
        return (1,) if self.circular else (1, 2)


@dataclass(frozen=True)
class Route:
    """A line in one direction: its stops and how far each is from the first."""

    line: Line
    direction: int
    stops: tuple[Stop, ...]
    meters: tuple[float, ...]

    @property
    def destination(self) -> str:
        """What the bus shows."""
        ends = self.line.names
        return ends[0] if self.line.circular or self.direction == 2 else ends[1]  # noqa: PLR2004

    def point(self, meters: float) -> tuple[float, float]:
        """Longitude and latitude that far along."""
        along = min(max(meters, 0.0), self.meters[-1])
        for (a, b), (near, far) in zip(pairwise(self.stops), pairwise(self.meters), strict=True):
            if along <= far:
                part = (along - near) / (far - near)
                return a.lon + part * (b.lon - a.lon), a.lat + part * (b.lat - a.lat)
        return self.stops[-1].lon, self.stops[-1].lat


LINES = (
    Line("001", "1", (18, 19, 20, 21, 22, 23)),
    Line("002", "2", (6, 7, 8, 9, 10, 11)),
    Line("005", "5", (24, 25, 26, 27, 28, 29)),
    Line("014", "14", (12, 13, 14, 15, 16, 17)),
    Line("027", "27", (2, 8, 14, 20, 26, 32)),
    Line("034", "34", (0, 7, 14, 21, 28, 35)),
    Line("052", "52", (5, 10, 15, 20, 25, 30)),
    Line("068", "C1", (14, 15, 16, 22, 28, 27, 26, 20), circular=True),
    Line("138", "138", (1, 7, 13, 19, 25, 31)),
    Line("146", "146", (4, 10, 16, 22, 28, 34)),
    Line("150", "150", (5, 11, 17, 23, 29, 35)),
    Line("361", "001", (3, 9, 15, 21, 27, 33)),  # its label is no code: 001 is another line
    Line("501", "N1", (2, 9, 15, 21, 28, 34)),
    Line("721", "T21", (0, 1, 2, 3, 4)),
    Line("897", "SE1", (30, 31, 32, 33, 34, 35), odd_shape=True),
)


def _stop(place: int, direction: int) -> Stop:
    row, column = divmod(place, COLUMNS)
    side = 0.00025 if direction == 1 else -0.00025
    bend = 0.0021 * math.sin(2.4 * place), 0.0017 * math.cos(1.7 * place)
    name = _PLACES[place]
    return Stop(
        id=str(100 + 2 * place + direction),
        name=name if direction == 1 else f"{name} - Vuelta",
        street=f"{name}, {3 * place + direction}",
        lon=round(WEST + column * STEP_LON + bend[0] + side, 6),
        lat=round(SOUTH + row * STEP_LAT + bend[1] - side, 6),
    )


def _apart(a: Stop, b: Stop) -> float:
    east = (b.lon - a.lon) * math.cos(math.radians((a.lat + b.lat) / 2))
    return _METERS_PER_DEG * math.hypot(east, b.lat - a.lat)


def _route(line: Line, direction: int) -> Route:
    path = line.path if direction == 1 else line.path[::-1]
    stops = tuple(_stop(place, direction) for place in path)
    meters = [0.0]
    for a, b in pairwise(stops):
        meters.append(meters[-1] + _apart(a, b))
    return Route(line, direction, stops, tuple(meters))


class City:
    """The network, looked up by line and by stop."""

    def __init__(self) -> None:
        self.lines = {line.code: line for line in LINES}
        self.routes = {
            (line.code, direction): _route(line, direction)
            for line in LINES
            for direction in line.directions
        }
        served = {stop.id: stop for route in self.routes.values() for stop in route.stops}
        self.stops = {stop_id: served[stop_id] for stop_id in sorted(served, key=int)}
        self._calls: dict[str, list[tuple[Route, int]]] = {stop_id: [] for stop_id in self.stops}
        for route in self.routes.values():
            for place, stop in enumerate(route.stops):
                self._calls[stop.id].append((route, place))

    def calls(self, stop_id: str) -> list[tuple[Route, int]]:
        """The routes that call at a stop, each with the stop's position on it."""
        return self._calls.get(stop_id, [])

    def sharing(self, line: Line) -> list[Line]:
        """Every line that shares a stop with this one, itself too, by code."""
        codes = {
            route.line.code
            for direction in line.directions
            for stop in self.routes[line.code, direction].stops
            for route, _ in self.calls(stop.id)
        }
        return [self.lines[code] for code in sorted(codes)]
