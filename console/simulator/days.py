"""The day type of a day in the made-up city: Madrid's own, a year at a time."""

from __future__ import annotations

from datetime import date

from ingestion.holidays_calendar import derived_days


class DayTypes:
    """Called with a day it says LA, VI, SA or FE."""

    def __init__(self) -> None:
        self._years: dict[int, dict[str, str]] = {}

    def __call__(self, day: date) -> str:
        """The day's type."""
        if day.year not in self._years:
            days = derived_days(day.year, day.year)
            self._years[day.year] = {known["day"]: known["day_type"] for known in days}
        return self._years[day.year][day.isoformat()]
