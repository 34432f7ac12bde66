"""A city so small that every answer can be worked out: what its sources say, in two batches.

Thursday 28 August 2025 and Friday the 29th; Madrid is two hours ahead of UTC. The second batch
comes late, adds a day, corrects the weather of a morning and changes a timetable and a name.
Line 27 is polled densely at stop 1, so is line 001, which is frequent; the rest is sparse. 9 is the
name of two lines, so nobody knows which timetable holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

Row = dict[str, Any]
UTC = timezone.utc
THURSDAY = datetime(2025, 8, 28, tzinfo=UTC)
FRIDAY = THURSDAY + timedelta(days=1)
CITY = timezone(timedelta(hours=2))
# When the batches were fetched: the catalogue's first version, its second, and all that is polled.
FETCHED = (datetime(2025, 8, 27, 6, tzinfo=UTC), datetime(2025, 8, 29, 6, tzinfo=UTC))
POLLED = datetime(2025, 8, 30, 6, tzinfo=UTC)
NOWHERE = [0.0, 0.0]
LINES = {"027": "27", "361": "001", "009": "9", "109": "9"}
# Minutes after ten (UTC) on Thursday at which the buses are at stop 1.
REAL = {
    "27": {"2701": 4.5, "2702": 7.5, "2703": 19.0, "2704": 52.0, "2705": 94.0},
    "001": {"3611": 3.0, "3612": 9.0, "3613": 15.5, "3614": 40.0, "3615": 46.0},
}


@dataclass(frozen=True)
class Poll:
    """One answer: when, which line was asked (None for all), and the buses said to come."""

    at: datetime
    line: str | None
    arrivals: tuple[Row, ...]
    incident: bool = False

    @property
    def payload(self) -> Row:
        """As it was recorded."""
        said: Row = {"Arrive": list(self.arrivals), "StopInfo": [], "Incident": {}}
        if self.incident:
            said["Incident"] = {"ListaIncident": {"data": [INCIDENT]}}
        local = self.at.astimezone(CITY).strftime("%Y-%m-%d %H:%M:%S")
        return {"polled_at_local": local, "data": [said]}


INCIDENT = {
    "guid": "I1",
    "title": "Desvío de las líneas 27 y 001",
    "description": "Obras en Cibeles",
    "cause": "03 - Obras",
    "effect": "05 - Desvío programado",
    "pubDate": "Thu, 28 Aug 2025 08:00:00 GMT",
    "rssFrom": "28/08/2025 12:10:00",
    "rssTo": "30/08/2025 23:00:00",
}


def bus(label: str, stop: str, number: str | None, seconds: Any, **more: Any) -> Row:
    """One predicted arrival, as EMT answers it."""
    return {
        "line": label,
        "stop": stop,
        "isHead": "False",
        "destination": {"27": "PLAZA CASTILLA", "001": "MONCLOA"}.get(label, "SOL"),
        "deviation": 0,
        "bus": number,
        "geometry": {"type": "Point", "coordinates": [-3.69, 40.42]},
        "estimateArrive": seconds,
        "DistanceBus": 900,
        "positionTypeBus": "0",
        **more,
    }


def _said(real: float, minute: int) -> int:
    """What the display says of a bus: right when near, a tenth too short when far."""
    away = (real - minute) * 60
    return int(away if away <= 600 else 0.9 * away)


def _dense(label: str, line: str, minutes: range) -> list[Poll]:
    """Polls of a line at stop 1: the next two buses each time."""
    found = []
    for minute in minutes:
        coming = sorted((real, n) for n, real in REAL[label].items() if real >= minute)[:2]
        arrivals = tuple(bus(label, "1", n, _said(real, minute)) for real, n in coming)
        found.append(Poll(THURSDAY + timedelta(hours=10, minutes=minute), line, arrivals))
    return found


def _sparse(day: datetime, clock: str, *seconds: Any, stop: str = "2") -> Poll:
    """One poll of line 27 at a stop that is asked seldom."""
    hours, minutes = map(int, clock.split(":"))
    number = 2710 + hours
    arrivals = tuple(bus("27", stop, str(number + n), s) for n, s in enumerate(seconds))
    return Poll(day + timedelta(hours=hours, minutes=minutes), "027", arrivals)


def _both_nines(day: datetime, seconds: int) -> Poll:
    """A poll that asked for no line, answered with one whose name is no help."""
    at = day + timedelta(hours=8, minutes=20)
    nowhere = {"type": "Point", "coordinates": NOWHERE}
    return Poll(at, None, (bus("9", "3", "901", seconds, geometry=nowhere),))


def polls(batch: int) -> list[Poll]:
    """The polls that a batch brings."""
    if batch == 0:
        twice = _sparse(THURSDAY, "08:15", 800, 2000)
        return [
            *_dense("27", "027", range(0, 42, 2)),
            *_dense("001", "361", range(1, 32, 3)),
            twice,
            twice,
            _sparse(THURSDAY, "18:30", 1500, 2600),
            _sparse(THURSDAY, "18:40", 780, 999999),
            _both_nines(THURSDAY, 700),
            Poll(
                THURSDAY + timedelta(hours=8, minutes=25), "027", (bus("27", "2", "2790", "soon"),)
            ),
        ]
    friday = Poll(
        FRIDAY + timedelta(hours=8, minutes=20),
        "027",
        (bus("27", "1", "2718", 950),),
        incident=True,
    )
    return [
        _sparse(THURSDAY, "12:45", 820, 1400),  # late
        friday,
        _sparse(FRIDAY, "07:30", 999999),
        _sparse(FRIDAY, "18:35", 1000, 2500),
        _sparse(FRIDAY, "18:50", 600),
        _sparse(FRIDAY, "21:50", 900),  # after the last bus by the timetable
        _both_nines(FRIDAY, 60),
        Poll(FRIDAY + timedelta(hours=9), "027", (bus("27", "2", "2791", -5),)),
    ]


def answer(at: datetime, said_after: int = 0, **current: Any) -> Row:
    """WeatherAPI's answer about an instant, said so many seconds after it."""
    epoch = int(at.timestamp())
    return {
        "location": {"name": "Madrid", "localtime_epoch": epoch + said_after},
        "current": {
            "last_updated_epoch": epoch,
            "temp_c": 15.0 + at.hour / 2,
            "humidity": 40,
            "uv": 3.0,
            "condition": {"text": "Cloudy", "code": 1006},
            "air_quality": {"pm2_5": 8.5, "pm10": 12.25},
            **current,
        },
    }


def _clock(day: datetime, text: str) -> datetime:
    hours, minutes = map(int, text.split(":"))
    return day + timedelta(hours=hours, minutes=minutes)


def weather(batch: int) -> list[Row]:
    """The answers about the weather that a batch brings."""
    if batch == 0:
        return [
            answer(_clock(THURSDAY, "08:00"), precip_mm=0.0, wind_kph=10.0, vis_km=10.0),
            answer(_clock(THURSDAY, "10:00"), precip_mm=0.2, wind_kph=12.0, vis_km=10.0),
            answer(_clock(THURSDAY, "10:30"), temp_c=None),  # of rain, wind and sight nothing
            answer(_clock(THURSDAY, "12:30"), precip_mm=0.6, wind_kph=15.0, vis_km=9.0),
            answer(_clock(THURSDAY, "18:30"), precip_mm=8.0, wind_kph=50.5, vis_km=2.0),
        ]
    return [
        answer(_clock(THURSDAY, "08:00"), 3600, precip_mm=3.0, wind_kph=30.0, vis_km=4.0),
        answer(_clock(FRIDAY, "08:00"), precip_mm=0.0, wind_kph=8.0, vis_km=10.0),
        answer(_clock(FRIDAY, "18:30"), precip_mm=2.5, wind_kph=33.0, vis_km=5.0),
    ]


def not_yet_merged() -> Row:
    """What the stream delivered after the last run: the one newer, the other known."""
    return answer(_clock(FRIDAY, "19:00"), precip_mm=1.0, wind_kph=20.0, vis_km=7.0)


def lines() -> list[Row]:
    """The list of lines."""
    ends = {"nameA": "CIBELES", "nameB": "PLAZA CASTILLA"}
    return [{"line": code, "label": label, **ends} for code, label in LINES.items()]


def stops(batch: int) -> list[Row]:
    """The list of stops; the second batch has another name for one."""
    names = {"1": "Cibeles", "2": "Atocha" if batch == 0 else "Atocha Renfe", "3": "Sol"}
    return [
        {"node": n, "name": name, "geometry": {"coordinates": [-3.69, 40.4]}, "lines": ["27/1"]}
        for n, name in names.items()
    ]


def headways(batch: int) -> dict[str, tuple[int, int]]:
    """Shortest and longest promised headway of a line, minutes; 9 and its twin have others."""
    return {"027": (10 if batch == 0 else 12, 20), "361": (5, 10), "009": (15, 30), "109": (7, 9)}


def timetables(batch: int) -> list[Row]:
    """Replies about lines: their timetables for a workday; the last one has no day at all."""
    found = []
    for line, (least, most) in headways(batch).items():
        window = {
            "StartTime": "06:00",
            "StopTime": "23:30",
            "MinimunFrequency": str(least),
            "MaximumFrequency": str(most),
        }
        day = {"DayType": "LA", "Direction1": window, "Direction2": window}
        entry = {"IdLine": line, "Label": LINES[line], "nameA": "CIBELES", "nameB": "SOL"}
        found.append(
            {"line": line, "label": LINES[line], "timeTable": [entry | {"typeOfDays": [day]}]}
        )
    return [*found, {"line": "777", "label": "777", "timeTable": []}]


def stops_of_lines() -> list[tuple[Row, Row]]:
    """Replies about the stops of lines, and what was asked."""
    served = {"027": ["1", "2"], "361": ["1"], "009": ["3"]}
    return [
        (
            {
                "line": line,
                "label": LINES[line],
                "stops": [
                    {"stop": s, "name": f"Stop {s}", "postalAddress": "Calle", "dataLine": all_here}
                    for s in there
                    for all_here in [sorted(x for x, y in served.items() if s in y)]
                ],
            },
            {"line": line, "direction": "1"},
        )
        for line, there in served.items()
    ]


def calendar() -> list[Row]:
    """Day types."""
    kinds = {26: "LA", 27: "LA", 28: "LA", 29: "VI", 30: "SA", 31: "FE"}
    return [{"day": f"2025-08-{day}", "day_type": kind} for day, kind in kinds.items()]
