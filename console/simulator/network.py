"""The made-up city: its stops, its lines and their timetables, the same for the same seed."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Optional

LON, LAT = -3.70, 40.42
KM_PER_LON, KM_PER_LAT = 84.8, 111.2
_COLUMNS, _ROWS = 7, 5
_LON_STEP, _LAT_STEP = 0.0142, 0.0165
_BAND_KM = 0.95
_RING_PLACES = 5
# The far side of the street.
_ACROSS_LON = 0.00025

_STREETS = ("Plaza", "Paseo", "Glorieta", "Cuesta", "Puente", "Jardín", "Calle")
_NAMES = (
    "del Almendro Viejo", "de la Cigüeña", "del Ñandú", "de los Señores Tejón", "de la Niña Añil",
    "del Olmo Partido", "de Santa Piña", "del Pingüino", "de los Ocho Caños", "de la Araña",
    "del Búho Gris", "de la Montaña Rusa", "del Camaleón", "de las Tres Cañas", "del Año Nuevo",
    "de la Cantera Honda", "del Sueño", "de los Ruiseñores", "de la Viña Larga", "del Otoño",
    "de la Peña Azul", "del Jabalí", "de Doña Urraca", "del Águila", "de la Leña Seca",
    "del Buñuelo", "de los Castaños", "del Reloj Parado", "de la Muñeca", "del Río Pequeño",
    "del Telégrafo Óptico", "de la Cabaña", "del Ratón", "de las Señales", "del Último Tranvía",
)  # fmt: skip
# Kept in the list of stops, but closed: arrivals there answer code 80.
_DISABLED_PLACE = 30


@dataclass(frozen=True)
class Stop:
    """One side of a street; `pmv` are the numbers of its display panels."""

    stop_id: str
    name: str
    address: str
    lon: float
    lat: float
    pmv: tuple[str, ...]
    disabled: bool = False


@dataclass(frozen=True)
class Window:
    """When a direction runs on a day type, local HH:MM, and how often, in minutes."""

    start: str
    stop: str
    min_freq: int
    max_freq: int


Windows = Optional[tuple[Window, Window]]


@dataclass(frozen=True)
class Plan:
    """A line as planned: its axis through the city (degrees, km off the centre) and its hours.

    `shape` is how its timetable is answered: days, object, or none.
    """

    code: str
    label: str
    name_a: str
    name_b: str | None
    angle: float
    off_km: float
    workday: tuple[Window, Window]
    shape: str = "days"
    friday: bool = False
    weekend: bool = True
    one_bus: bool = False


@dataclass(frozen=True)
class Line:
    """A line with the stops of both directions and its windows by day type.

    A day type that maps to None is listed without directions; one that is missing is not listed.
    """

    plan: Plan
    number: int
    routes: tuple[tuple[Stop, ...], tuple[Stop, ...]]
    windows: dict[str, Windows]

    @property
    def label(self) -> str:
        """Its public name."""
        return self.plan.label

    @property
    def runs_at_night(self) -> bool:
        """Whether its day starts in the evening and ends in the morning."""
        return self.plan.workday[0].start >= "20:00"


def _hours(
    first: str, last: str, freq: tuple[int, int], back: tuple[str, str] | None = None
) -> tuple[Window, Window]:
    there = Window(first, last, *freq)
    return there, (Window(*back, *freq) if back else there)


_DAY = ("06:00", "23:30")
PLANS = (
    Plan("001", "1", "GLORIETA DEL OLMO", "PARQUE DE LA CIGÜEÑA", 8, 0, _hours(*_DAY, (6, 8))),
    Plan("005", "5", "PLAZA DEL ÑANDU", "CUESTA DEL BUHO", 52, 0, _hours(*_DAY, (8, 11))),
    Plan("014", "14", "PUENTE LARGO", "AVENIDA DEL OTOÑO", 97, -1.5, _hours(*_DAY, (7, 10))),
    Plan("027", "27", "PLAZA MENOR", "GLORIETA DE LA ARAÑA", 84, 0.3,
         _hours("05:45", "00:15", (4, 6)), friday=True),
    Plan("034", "34", "BARRIO DE LA VIÑA", "LA CABAÑA", 141, 0, _hours(*_DAY, (6, 9))),
    Plan("045", "45", "ESTACION VIEJA", "LOS CASTAÑOS", 66, 2.2, _hours(*_DAY, (9, 12)),
         friday=True),
    Plan("146", "146", "PLAZA MENOR", "LOS RUISEÑORES", 165, -2.4,
         _hours("06:15", "00:05", (10, 14), ("06:40", "00:30"))),
    Plan("361", "001", "ESTACION VIEJA", "EL TELEGRAFO", 30, -0.4,
         _hours("07:00", "23:00", (9, 13))),
    Plan("068", "C1", "CIRCULAR 1", None, 0, 0, _hours("06:30", "23:00", (30, 36)),
         one_bus=True),
    Plan("172", "172", "LAS SEÑALES", "POLIGONO DEL TEJON", 12, 2.9,
         _hours("06:10", "22:50", (16, 22)), weekend=False),
    Plan("501", "N1", "PLAZA MENOR", "LA MONTAÑA", 75, 0.8,
         _hours("23:40", "05:45", (20, 32), ("00:05", "05:15")), friday=True),
    Plan("525", "N25", "PLAZA MENOR", "EL RIO PEQUEÑO", 120, -0.9,
         _hours("23:45", "05:30", (35, 48), ("00:00", "05:50"))),
    Plan("897", "SE1", "ESTACION VIEJA", "LA CANTERA", 150, 1.8,
         _hours("06:00", "23:10", (18, 25), ("06:20", "23:30")), shape="object"),
    Plan("721", "SE721", "PUENTE LARGO", "CAMPO DE FERIAS", 175, 0.9,
         _hours("07:00", "22:00", (20, 25)), shape="none"),
)  # fmt: skip


@dataclass(frozen=True)
class Network:
    """All stops and lines."""

    stops: dict[str, Stop]
    lines: dict[str, Line]

    def serving(self, stop_id: str) -> list[tuple[Line, int]]:
        """The lines, each with its direction 1 or 2, that call at a stop."""
        return [
            (line, direction)
            for line in self.lines.values()
            for direction in (1, 2)
            if any(stop.stop_id == stop_id for stop in line.routes[direction - 1])
        ]


def build(seed: int) -> Network:
    """The city of a seed."""
    places = _places(random.Random(f"places/{seed}"))  # noqa: S311 - a game, no cryptography
    lines = {
        plan.code: Line(plan, number, _routes(plan, places), _windows(plan))
        for number, plan in enumerate(PLANS)
    }
    return Network({stop.stop_id: stop for pair in places for stop in pair}, lines)


def _places(rng: random.Random) -> list[tuple[Stop, Stop]]:
    """Crossings on a crooked grid, each with a stop on either side of the street."""
    names = list(_NAMES)
    rng.shuffle(names)
    places = []
    for number, name in enumerate(names):
        column, row = number % _COLUMNS, number // _COLUMNS
        lon = LON + (column - _COLUMNS // 2) * _LON_STEP + rng.uniform(-0.003, 0.003)
        lat = LAT + (row - _ROWS // 2) * _LAT_STEP + rng.uniform(-0.003, 0.003)
        street = f"{rng.choice(_STREETS)} {name}"
        places.append((_stop(number, 0, street, lon, lat), _stop(number, 1, street, lon, lat)))
    return places


def _stop(number: int, side: int, street: str, lon: float, lat: float) -> Stop:
    stop_id = 41 + 53 * number + side
    panels = {0: (f"60{stop_id}",), 3: (f"61{stop_id}", f"60{stop_id}")}.get(number % 7, ())
    address = f"{street}, {2 * number + side + 1}".ljust(55)
    lon, lat = round(lon + side * _ACROSS_LON, 14), round(lat, 14)
    disabled = number == _DISABLED_PLACE and side == 1
    return Stop(str(stop_id), street, address, lon, lat, panels, disabled)


def _routes(
    plan: Plan, places: list[tuple[Stop, Stop]]
) -> tuple[tuple[Stop, ...], tuple[Stop, ...]]:
    """There by one side of the street and back by the other."""
    order = _ring(places) if plan.one_bus else _band(places, plan)
    return tuple(there for there, _ in order), tuple(back for _, back in reversed(order))


def _band(places: list[tuple[Stop, Stop]], plan: Plan) -> list[tuple[Stop, Stop]]:
    """The crossings near the line's axis, in its order."""
    cos, sin = math.cos(math.radians(plan.angle)), math.sin(math.radians(plan.angle))

    def along(place: tuple[Stop, Stop]) -> tuple[float, float]:
        x, y = _km(place[0])
        return x * cos + y * sin, y * cos - x * sin - plan.off_km

    near = [place for place in places if abs(along(place)[1]) <= _BAND_KM]
    return sorted(near, key=lambda place: along(place)[0])


def _ring(places: list[tuple[Stop, Stop]]) -> list[tuple[Stop, Stop]]:
    """The crossings round the most central one, by their angle."""
    near = sorted(places, key=lambda place: math.hypot(*_km(place[0])))[1 : 1 + _RING_PLACES]
    return sorted(near, key=lambda place: math.atan2(*_km(place[0])))


def _km(stop: Stop) -> tuple[float, float]:
    return (stop.lon - LON) * KM_PER_LON, (stop.lat - LAT) * KM_PER_LAT


def metres(one: Stop, other: Stop) -> float:
    """The distance between two stops."""
    (x, y), (u, v) = _km(one), _km(other)
    return 1000 * math.hypot(x - u, y - v)


def _windows(plan: Plan) -> dict[str, Windows]:
    """The windows by day type: fewer buses on Saturdays, fewer still on holidays."""
    by_day: dict[str, Windows] = {"LA": plan.workday}
    if plan.friday:
        by_day["VI"] = _scaled(plan.workday, 0.8)
    by_day["SA"] = _scaled(plan.workday, 1.5) if plan.weekend else None
    by_day["FE"] = _scaled(plan.workday, 1.9) if plan.weekend else None
    return by_day


def _scaled(windows: tuple[Window, Window], factor: float) -> tuple[Window, Window]:
    there, back = (
        Window(w.start, w.stop, round(w.min_freq * factor), round(w.max_freq * factor))
        for w in windows
    )
    return there, back
