"""Madrid's clock and the kinds of its days."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import holidays

if TYPE_CHECKING:
    from collections.abc import Iterable

MADRID = ZoneInfo("Europe/Madrid")
UTC = timezone.utc
LOCAL_HOLIDAYS = ((5, 15), (11, 9))  # San Isidro, la Almudena
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6


def local(instant: datetime) -> datetime:
    """Return what Madrid's clocks show at an instant."""
    return instant.astimezone(MADRID)


def from_local(naive: datetime) -> datetime | None:
    """Return the instant of a Madrid time: the earlier in the overlap, None in the spring gap."""
    instant = naive.replace(tzinfo=MADRID, fold=0).astimezone(UTC)
    return instant if local(instant).replace(tzinfo=None) == naive else None


def read_local(value: Any) -> datetime | None:
    """Read a naive Madrid time, a text or a workbook's date, as an instant."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    return from_local(value) if isinstance(value, datetime) else None


def public_holidays(years: Iterable[int]) -> set[date]:
    """Return the holidays of the city of Madrid: Spain's, the region's and its own two."""
    years = list(years)
    return set(holidays.country_holidays("ES", subdiv="MD", years=years)) | {
        _moved(date(year, month, day)) for year in years for month, day in LOCAL_HOLIDAYS
    }


def service_calendar(years: Iterable[int]) -> list[dict[str, Any]]:
    """Return each day of the years with its type: LA, VI, SA or FE."""
    years = sorted(years)
    free = public_holidays(years)
    rows = []
    for year in years:
        first = date(year, 1, 1)
        for step in range((date(year + 1, 1, 1) - first).days):
            day = first + timedelta(days=step)
            rows.append({"day": day, "day_type": day_type(day, free)})
    return rows


def day_type(day: date, free: set[date]) -> str:
    """Say of what type a day is, holidays first."""
    if day in free or day.weekday() == _SUNDAY:
        return "FE"
    return {_SATURDAY: "SA", _FRIDAY: "VI"}.get(day.weekday(), "LA")


def _moved(day: date) -> date:
    return day + timedelta(days=1) if day.weekday() == _SUNDAY else day
