"""The city's lines, stops, timetables and calendar in the shapes of EMT's replies."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from console.simulator.city import DISABLED_STOP, City, Line, Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.simulator.timetables import Pair, Window

_LONG_NAMES = {"LA": "LABORABLE", "VI": "VIERNES", "SA": "SABADO", "FE": "FESTIVO"}
_COLOURS = {"N": "000000", "C": "ff6600"}


def lines(city: City, day: date) -> list[dict[str, Any]]:
    """What lines/info answers for a day."""
    text = day.strftime("%d/%m/%Y")
    return [
        {
            "line": line.code,
            "label": line.label,
            **_named(line),
            "group": "110",
            "startDate": text,
            "endDate": text,
            "longLine1": round(city.routes[line.code, 1].meters[-1]),
            "longLine2": round(city.routes[line.code, line.directions[-1]].meters[-1]),
            "order": order,
            "color": _COLOURS.get(line.label[0], "00aecf"),
            "forecolor": None,
        }
        for order, line in enumerate(city.lines.values(), start=1)
    ]


def line_detail(line: Line, day: date) -> dict[str, Any]:
    """What lines/{line}/info/{day} answers: long names of the day types, a text of headways."""
    days = [
        {"idDayType": _LONG_NAMES[day_type], **_directions(pair, _told)}
        for day_type, pair in line.timetable.items()
    ]
    head = {"dateRef": day.strftime("%d/%m/%Y"), "label": line.label, "line": line.code}
    return {**head, **_named(line), "timeTable": days}


def stops_of_line(city: City, line: Line, direction: int) -> dict[str, Any]:
    """What lines/{line}/stops/{direction} answers: timetables of every line that shares a stop."""
    route = city.routes.get((line.code, direction))
    return {
        "line": line.code,
        "label": _lettered(line),
        "timeTable": _odd(line) if line.odd_shape else [_entry(o) for o in city.sharing(line)],
        "stops": [_served(city, stop) for stop in (route.stops if route else ())],
    }


def stops(city: City, wanted: list[str]) -> list[dict[str, Any]]:
    """What stops/list answers; all stops where none is named."""
    found = [
        {
            "node": stop.id,
            "geometry": stop.geometry,
            "wifi": "0",
            "lines": [f"{r.line.code}/{r.direction}" for r, _ in city.calls(stop.id)],
            "name": stop.name,
        }
        for stop in [*city.stops.values(), _disabled(city)]
    ]
    return [stop for stop in found if not wanted or stop["node"] in wanted]


def calendar(first: date, last: date, day_type: Callable[[date], str]) -> list[dict[str, str]]:
    """What calendar/{from}/{to} answers; EMT knows no Fridays here."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [
        {
            "date": f"{day:%d/%m/%Y} 0:00:00",
            "strike": "N",
            "dayType": "LA" if day_type(day) == "VI" else day_type(day),
        }
        for day in days
    ]


def _named(line: Line) -> dict[str, str]:
    """Both ends; a circular line has no nameB."""
    first, last = line.names
    return {"nameA": first, "nameB": last} if last else {"nameA": first}


def _lettered(line: Line) -> str:
    """EMT writes the zeros of 001 as letters here, and only here."""
    return line.label.replace("0", "O") if line.label.startswith("00") else line.label


def _disabled(city: City) -> Stop:
    first = next(iter(city.stops.values()))
    return Stop(DISABLED_STOP, "Parada suprimida", "Sin servicio", first.lon, first.lat)


def _served(city: City, stop: Stop) -> dict[str, Any]:
    codes = [route.line.code for route, _ in city.calls(stop.id)]
    return {
        "stop": stop.id,
        "name": stop.name,
        "postalAddress": stop.street,
        "geometry": stop.geometry,
        "pmv": f"61{stop.id}" if int(stop.id) % 4 == 0 else None,
        "dataLine": codes if len(codes) > 1 else codes[0],  # a bare text for one line
    }


def _entry(line: Line) -> dict[str, Any]:
    days = [
        {"DayType": day_type, **_directions(pair, _window)}
        for day_type, pair in line.timetable.items()
    ]
    return {"IdLine": line.code, "Label": _lettered(line), **_named(line), "typeOfDays": days}


def _odd(line: Line) -> dict[str, Any]:
    """The shape of lines such as 897: one object, other names."""
    first, last = line.names
    days = [
        {"idDayType": _LONG_NAMES[day_type], **_directions(pair, _window)}
        for day_type, pair in line.timetable.items()
    ]
    head = {"IdLine": line.code, "Label": line.label, "HeaderA": first, "HeaderB": last}
    return {**head, "DayType": days}


def _directions(
    pair: Pair, shape: Callable[[Window], dict[str, str | None]]
) -> dict[str, dict[str, str | None]]:
    return {f"Direction{n}": shape(window) for n, window in enumerate(pair, start=1) if window}


def _window(window: Window) -> dict[str, str | None]:
    return {
        "StartTime": window.start,
        "StopTime": window.stop,
        "MinimunFrequency": str(window.shortest),  # EMT's spelling
        "MaximumFrequency": str(window.longest),
        "Frequency": None,
    }


def _told(window: Window) -> dict[str, str | None]:
    said = f"De {window.start} a {window.stop}"
    text = f"{said} -> Cada {window.shortest} - {window.longest}min./"
    known = {name: value for name, value in _window(window).items() if name != "Frequency"}
    return {**known, "FrequencyText": text}
