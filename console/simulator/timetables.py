"""When each line of the made-up city runs, by day type, as its operator publishes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Window:
    """First and last departure, local HH:MM, and the headways in minutes."""

    start: str
    stop: str
    shortest: int
    longest: int

    @property
    def start_min(self) -> int:
        """Minutes since midnight."""
        return _minutes(self.start)

    @property
    def stop_min(self) -> int:
        """Minutes since the midnight before the start; more than 1440 past the next one."""
        crosses = _minutes(self.stop) < self.start_min
        return _minutes(self.stop) + (1440 if crosses else 0)


Pair = tuple[Optional[Window], Optional[Window]]
Timetable = dict[str, Pair]


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return 60 * int(hours) + int(minutes)


def _all_week(start: str, stop: str, shortest: int, longest: int, back: str = "") -> Timetable:
    """A workday's windows; at the weekend the line starts an hour later and runs less often."""
    later = f"{int(start[:2]) + 1:02}{start[2:]}"
    ends = (stop, back or stop)

    def pair(begin: str, more: int) -> Pair:
        one, two = (Window(begin, end, shortest + more, longest + 2 * more) for end in ends)
        return one, two

    return {"FE": pair(later, 4), "LA": pair(start, 0), "SA": pair(later, 2)}


def _with_fridays(timetable: Timetable) -> Timetable:
    """On Fridays as on workdays, but half an hour longer at night."""
    workday = [window for window in timetable["LA"] if window]
    one, two = (Window(w.start, "00:30", w.shortest, w.longest) for w in workday)
    return {**timetable, "VI": (one, two)}


def _one_way(timetable: Timetable) -> Timetable:
    return {day_type: (pair[0], None) for day_type, pair in timetable.items()}


# The night line sets out late and comes back in the small hours of the next day.
_NIGHT: Timetable = {
    "FE": (Window("23:30", "05:40", 20, 35), Window("00:05", "05:50", 20, 35)),
    "LA": (Window("23:30", "05:30", 20, 30), Window("00:05", "05:45", 20, 30)),
    "SA": (Window("23:30", "05:50", 12, 20), Window("00:05", "06:00", 12, 20)),
}
_NO_SUNDAYS: Timetable = {**_all_week("06:30", "22:00", 12, 20), "FE": (None, None)}

TIMETABLES: dict[str, Timetable] = {
    "001": _all_week("06:00", "23:30", 7, 12),
    "002": _all_week("06:10", "23:40", 8, 13, back="23:10"),
    "005": _all_week("06:00", "00:15", 9, 15),  # past midnight
    "014": _all_week("05:55", "23:30", 7, 11),
    "027": _with_fridays(_all_week("05:45", "00:10", 6, 10, back="23:45")),
    "034": _with_fridays(_all_week("06:05", "23:30", 8, 14)),
    "052": _all_week("06:15", "23:00", 10, 16),
    "068": _one_way(_all_week("06:20", "23:45", 9, 14)),
    "138": _all_week("06:30", "22:45", 12, 18),
    "146": _NO_SUNDAYS,
    "150": _all_week("06:00", "23:30", 8, 13),
    "361": _all_week("07:00", "23:30", 10, 18, back="23:00"),
    "501": _NIGHT,
    "721": {},  # hired by the day: no timetable at all
    "897": _all_week("07:00", "21:30", 20, 30),
}
