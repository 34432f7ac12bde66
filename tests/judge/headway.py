"""The headway a timetable promises at a moment, service days that outlast midnight included."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .reading import Row

DAY = 24 * 60
EVENING = 20 * 60
DAWN = 6 * 60
NOTHING: tuple[None, None] = (None, None)


@dataclass(frozen=True)
class Window:
    """When one direction runs, in minutes from its service day's midnight, and how often."""

    start: int
    stop: int
    least: int | None
    most: int | None

    @property
    def late(self) -> bool:
        """Starts in the evening and crosses midnight."""
        return self.start >= EVENING and self.stop >= DAY


def windows(row: Row) -> list[Window]:
    """Return the windows of a timetable row, laid out along its service day."""
    one, other = _window(row, 1), _window(row, 2)
    return [w for w in (_beside(one, other), _beside(other, one)) if w]


class Timetable:
    """Answers which headways are promised, by line and local time."""

    def __init__(self, timetable: list[Row], calendar: list[Row], lines: list[Row]) -> None:
        self.versions: dict[str, dict[date, dict[str, Row]]] = defaultdict(dict)
        for row in timetable:
            self.versions[row["line"]].setdefault(row["valid_from"], {})[row["day_type"]] = row
        self.day_types = {row["day"]: row["day_type"] for row in calendar}
        once = Counter(row["label"] for row in lines)
        self.codes = {row["label"]: row["line"] for row in lines if once[row["label"]] == 1}
        self.services: dict[tuple[str, date], list[Window]] = {}
        self.answers: dict[tuple[str, date, int], tuple[int | None, int | None]] = {}

    def code(self, line: str | None, label: str | None) -> str | None:
        """Return the asked line, else the one line that has the label."""
        return line if line is not None else self.codes.get(label)

    def headway(self, line: str | None, moment: datetime) -> tuple[int | None, int | None]:
        """Return the smallest minimum and the largest maximum in force, in minutes."""
        if line is None:
            return NOTHING
        key = (line, moment.date(), moment.hour * 60 + moment.minute)
        if key not in self.answers:
            self.answers[key] = self._headway(*key)
        return self.answers[key]

    def row(self, line: str, day: date) -> Row | None:
        """Return the timetable row of a line's service day."""
        versions = self.versions.get(line)
        if not versions:
            return None
        known = [start for start in versions if start <= day]
        days = versions[max(known) if known else min(versions)]
        kind = self.day_types.get(day)
        asked = "LA" if kind == "VI" and "VI" not in days else kind
        return days.get(asked) if asked else None

    def _headway(self, line: str, day: date, minute: int) -> tuple[int | None, int | None]:
        in_force = [
            window
            for back in range(3)
            for window in self._service(line, day - timedelta(days=back))
            if window.start <= minute + back * DAY <= window.stop
        ]
        return (
            min((w.least for w in in_force if w.least), default=None),
            max((w.most for w in in_force if w.most), default=None),
        )

    def _service(self, line: str, day: date) -> list[Window]:
        if (line, day) not in self.services:
            row = self.row(line, day)
            self.services[line, day] = windows(row) if row else []
        return self.services[line, day]


def _window(row: Row, number: int) -> Window | None:
    start, stop = _minutes(row[f"d{number}_start_time"]), _minutes(row[f"d{number}_stop_time"])
    if start is None or stop is None:
        return None
    least, most = row[f"d{number}_min_freq"], row[f"d{number}_max_freq"]
    return Window(start, stop + DAY if stop < start else stop, least, most)


def _beside(window: Window | None, other: Window | None) -> Window | None:
    if window and other and other.late and window.start < DAWN:
        return Window(window.start + DAY, window.stop + DAY, window.least, window.most)
    return window


def _minutes(clock: str | None) -> int | None:
    if not clock:
        return None
    hours, minutes = clock.split(":")[:2]
    return int(hours) * 60 + int(minutes)
