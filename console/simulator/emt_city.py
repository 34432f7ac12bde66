"""EMT MobilityLabs' answers about the made-up city, in its shapes and with its quirks."""

from __future__ import annotations

import zlib
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from console.simulator.incidents import announced
from console.simulator.network import metres
from console.simulator.shapes import LONG_NAMES, detailed, point, timetable

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from console.simulator.network import Line, Network, Stop
    from console.simulator.traffic import Coming, Traffic

# "More than 45 minutes", on night lines 90.
_NO_ESTIMATE, _FAR_SEC, _FAR_AT_NIGHT_SEC = 999_999, 2700, 5400
# One in so many.
_TWICE, _NOWHERE, _OTHER_POSITION, _WITHOUT_DATA = 60, 90, 120, 500
_COLORS = ("00aecf", "0072ce", "00a04a", "e4002b")


class EmtCity:
    """What EMT answers at an instant; None where it has no records."""

    def __init__(self, network: Network, traffic: Traffic, seed: int, zone: ZoneInfo) -> None:
        self._network, self._traffic = network, traffic
        self._seed, self._zone = seed, zone
        self._serving = {stop: network.serving(stop) for stop in network.stops}

    def envelope(self, now: datetime, data: Any, code: str = "00") -> dict[str, Any]:
        """A reply around its data."""
        lapsed = 5 + self._chance(now, "lapsed") % 120
        said: Any = f"Data recovered  OK, (lapsed: {lapsed} millsecs)"
        return {"code": code, "description": said, "datetime": self._local(now), "data": data}

    def arrivals(self, now: datetime, stop_id: str, line: str | None) -> dict[str, Any]:
        """The next two buses of each line, or of the asked one."""
        stop = self._network.stops.get(stop_id)
        if stop is None or stop.disabled:
            nothing: dict[str, Any] = {
                "Arrive": [],
                "StopInfo": [],
                "ExtraInfo": [],
                "Incident": {},
            }
            reply = self.envelope(now, [nothing], "80")
            reply["description"] = [
                {"ES": "Parada no disponible actualmente o inexistente"},
                {"EN": "Bus Stop disabled or not exists"},
            ]
            return reply
        served = [(x, d) for x, d in self._serving[stop_id] if line in {None, x.plan.code}]
        arrive = [bus for x, d in served for bus in self._buses(now, stop, x, d)]
        data = {
            "Arrive": arrive,
            "StopInfo": [self._stop_info(stop)],
            "ExtraInfo": [],
            "Incident": {
                "ListaIncident": {"data": announced(self._today(now), self._labels(stop))}
            },
        }
        reply = self.envelope(now, [data])
        if not self._chance(now, stop_id, "data") % _WITHOUT_DATA:
            del reply["data"]
        return reply

    def _buses(self, now: datetime, stop: Stop, line: Line, direction: int) -> list[dict[str, Any]]:
        due = self._traffic.coming(line, direction, stop.stop_id, now.timestamp())
        found = [self._bus(now, stop, line, direction, coming, due[0]) for coming in due]
        if found and not self._chance(now, stop.stop_id, line.label, "twice") % _TWICE:
            found.append(dict(found[-1]))
        return found

    def _bus(  # one arrival has as many facts
        self, now: datetime, stop: Stop, line: Line, direction: int, coming: Coming, first: Coming
    ) -> dict[str, Any]:
        epoch = now.timestamp()
        left = coming.arrives - epoch
        far = _FAR_AT_NIGHT_SEC if line.runs_at_night else _FAR_SEC
        # The only bus of a line is where its present lap is; its next lap comes on top.
        next_lap = coming.trip.bus == first.trip.bus and coming is not first
        lon, lat, gone = (first if next_lap else coming).trip.place(epoch)
        distance = coming.trip.metres[coming.position] - gone
        distance += coming.trip.metres[-1] if next_lap else 0
        chance = self._chance(now, stop.stop_id, line.label, coming.trip.bus)
        place = [0.0, 0.0] if not chance % _NOWHERE else [round(lon, 14), round(lat, 14)]
        end = line.plan.name_b if direction == 1 else line.plan.name_a
        return {
            "line": line.label,
            "stop": stop.stop_id,
            "isHead": str(coming.trip.times[0] > epoch),
            "destination": end or line.plan.name_a,
            "deviation": 0,
            "bus": coming.trip.bus,
            "geometry": {"type": "Point", "coordinates": place},
            "estimateArrive": _NO_ESTIMATE if left > far else max(0, round(left)),
            "DistanceBus": round(distance),
            "positionTypeBus": "2" if not chance % _OTHER_POSITION else "0",
        }

    def _stop_info(self, stop: Stop) -> dict[str, Any]:
        lines = [
            {
                "label": line.label,
                "line": line.plan.code,
                "nameA": line.plan.name_a,
                "nameB": line.plan.name_b or " ",
                "metersFromHeader": round(_metres_from_head(line, direction, stop)),
                "to": "AB"[2 - direction],
                "color": _COLORS[line.number % len(_COLORS)],
            }
            for line, direction in self._serving[stop.stop_id]
        ]
        return {
            "lines": lines,
            "stopId": stop.stop_id,
            "stopName": stop.name,
            "geometry": point(stop),
            "Direction": stop.address,
        }

    def lines(self, now: datetime, day: date) -> dict[str, Any]:
        """Every line."""
        rows = [self._line_row(line, day) for line in self._network.lines.values()]
        return self.envelope(now, rows)

    def _line_row(self, line: Line, day: date) -> dict[str, Any]:
        row = {
            "line": line.plan.code,
            "label": line.label,
            "nameA": line.plan.name_a,
            "nameB": line.plan.name_b,
            "group": "110" if line.plan.code.startswith("0") else "120",
            "startDate": f"{day:%d/%m/%Y}",
            "endDate": f"{day:%d/%m/%Y}",
            "longLine1": round(_metres_from_head(line, 1, line.routes[0][-1])),
            "longLine2": round(_metres_from_head(line, 2, line.routes[1][-1])),
            "order": line.number + 1,
            "color": _COLORS[line.number % len(_COLORS)],
            "forecolor": None,
        }
        return {key: value for key, value in row.items() if key != "nameB" or value is not None}

    def line_detail(self, now: datetime, code: str, day: date) -> dict[str, Any] | None:
        """One line, its day types by their long names."""
        line = self._network.lines.get(code.zfill(3))
        if line is None:
            return None
        days = [
            {
                "idDayType": LONG_NAMES[day_type],
                **{f"Direction{n + 1}": detailed(windows[n]) for n in (0, 1)},
            }
            for day_type, windows in line.windows.items()
            if windows is not None and line.plan.shape != "none"
        ]
        found = {
            "dateRef": f"{day:%d/%m/%Y}",
            "nameA": line.plan.name_a,
            "label": line.label,
            "nameB": line.plan.name_b,
            "line": line.plan.code,
            "timeTable": days,
        }
        return self.envelope(now, [found])

    def stops_of_line(self, now: datetime, code: str, direction: int) -> dict[str, Any] | None:
        """The stops of a direction, and the timetable of every line that shares one of them."""
        line = self._network.lines.get(code.zfill(3))
        if line is None:
            return None
        route = line.routes[direction - 1]
        stops = [row for stop in route for row in self._stop_rows(stop)]
        shared = {x.plan.code: x for stop in route for x, _ in self._serving[stop.stop_id]}
        others = [shared[c] for c in sorted(shared) if c != line.plan.code]
        entries: Any = [timetable(each) for each in (line, *others)]
        if line.plan.shape == "object":
            entries = entries[0]
        row = {
            "line": line.plan.code,
            "label": line.label,
            "timeTable": entries,
            "stops": stops,
        }
        return self.envelope(now, [row])

    def _stop_rows(self, stop: Stop) -> list[dict[str, Any]]:
        """A stop, once for each of its panels; one line that serves it is no list."""
        codes = sorted({line.plan.code for line, _ in self._serving[stop.stop_id]})
        return [
            {
                "stop": stop.stop_id,
                "name": stop.name,
                "postalAddress": stop.address.rstrip(),
                "geometry": point(stop),
                "pmv": panel,
                "dataLine": codes if len(codes) > 1 else codes[0],
            }
            for panel in stop.pmv or (None,)
        ]

    def stops(self, now: datetime) -> dict[str, Any]:
        """Every stop, with its lines and directions."""
        rows = [
            {
                "node": stop.stop_id,
                "geometry": point(stop),
                "wifi": "0",
                "lines": [f"{x.plan.code}/{direction}" for x, direction in self._serving[stop_id]],
                "name": stop.name,
            }
            for stop_id, stop in self._network.stops.items()
        ]
        return self.envelope(now, rows)

    def calendar(self, now: datetime, first: date, last: date) -> dict[str, Any]:
        """Day types; EMT's calendar knows no Fridays."""
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        rows = [
            {
                "date": f"{day:%d/%m/%Y} 0:00:00",
                "strike": "N",
                "dayType": self._traffic.day_type(day).replace("VI", "LA"),
            }
            for day in days
        ]
        return self.envelope(now, rows)

    def _labels(self, stop: Stop) -> set[str]:
        return {line.label for line, _ in self._serving[stop.stop_id]}

    def _today(self, now: datetime) -> date:
        return now.astimezone(self._zone).date()

    def _local(self, now: datetime) -> str:
        return now.astimezone(self._zone).replace(tzinfo=None).isoformat(timespec="microseconds")

    def _chance(self, now: datetime, *words: object) -> int:
        """A number that looks random, and is the same for the same question at the same time."""
        return zlib.crc32(f"{self._seed}/{now.timestamp()}/{words}".encode()) >> 4


def _metres_from_head(line: Line, direction: int, stop: Stop) -> float:
    route = line.routes[direction - 1]
    return sum(metres(one, other) for one, other in zip(route, route[1 : route.index(stop) + 1]))
