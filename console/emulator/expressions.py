"""AWS's schedule expressions: cron, rate and at, in a time zone.

AWS: "Schedule types in EventBridge Scheduler". Its cron has six fields, a year, `?`, `L`, `W` and
`#`, which the libraries for cron do not know together.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MONTHS = {name.upper(): n for n, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: n for n, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)(s?)\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
_SATURDAY, _SUNDAY = 5, 6
_LAST_WEEKDAY = 7


class ExpressionError(ValueError):
    """An expression that AWS refuses, or a part of it that is not known here."""


class Schedule(Protocol):
    """When something is due."""

    def times(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The moments after `after`, up to and including `until`, in order, UTC."""
        ...


@dataclass(frozen=True)
class Once:
    """At one moment."""

    moment: datetime

    def times(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """That moment, if it is within."""
        if after < self.moment <= until:
            yield self.moment


@dataclass(frozen=True)
class Rate:
    """Every so many seconds, counted from `start`."""

    seconds: int
    start: datetime

    def times(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """From `start` on."""
        step = timedelta(seconds=self.seconds)
        passed = max(0, (after - self.start) // step + 1)
        moment = self.start + passed * step
        while moment <= until:
            if moment > after:
                yield moment
            moment += step


@dataclass(frozen=True)
class Cron:
    """At the minutes, hours and days of the six fields."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: str
    months: frozenset[int]
    weekdays: str
    years: frozenset[int]
    zone: ZoneInfo

    def times(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """A local time that the clocks skip is skipped, one that comes twice counts once."""
        day = after.astimezone(self.zone).date()
        last = until.astimezone(self.zone).date()
        while day <= last:
            if self.has(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        moment = _utc(datetime.combine(day, time(hour, minute)), self.zone)
                        if moment is not None and after < moment <= until:
                            yield moment
            day += timedelta(days=1)

    def has(self, day: date) -> bool:
        """Whether something is due on that day."""
        if day.year not in self.years or day.month not in self.months:
            return False
        return _is_day(self.days, day) if self.weekdays == "?" else _is_weekday(self.weekdays, day)


def _utc(local: datetime, zone: ZoneInfo) -> datetime | None:
    """The local time in UTC, or None if the clocks skip it."""
    moment = local.replace(tzinfo=zone).astimezone(timezone.utc)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == local else None


def parse(expression: str, zone_name: str, start: datetime) -> Schedule:
    """The schedule an expression means; `start` is where a rate begins.

    Raises ExpressionError for what AWS refuses.
    """
    try:
        zone = ZoneInfo(zone_name or "UTC")
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ExpressionError(f"there is no time zone {zone_name!r}") from error
    if rate := _RATE.fullmatch(expression):
        value = int(rate.group(1))
        if value == 0:
            raise ExpressionError(f"{expression}: a rate is positive")
        return Rate(value * _UNITS[rate.group(2)], start)
    if once := _AT.fullmatch(expression):
        moment = datetime.fromisoformat(once.group(1)).replace(tzinfo=zone)
        return Once(moment.astimezone(timezone.utc))
    if expression.startswith("cron(") and expression.endswith(")"):
        return _cron(expression, expression[5:-1].split(), zone)
    raise ExpressionError(f"{expression!r} is no cron(…), rate(…) or at(…)")


def _cron(expression: str, fields: list[str], zone: ZoneInfo) -> Cron:
    if len(fields) != 6:  # noqa: PLR2004
        raise ExpressionError(f"{expression} must have six fields")
    minutes, hours, days, months, weekdays, years = fields
    if [days, weekdays].count("?") != 1:
        raise ExpressionError(f"{expression}: one of day-of-month and day-of-week must be ?")
    made = Cron(
        _numbers(minutes, 0, 59), _numbers(hours, 0, 23), days,
        _numbers(months, 1, 12, _MONTHS), weekdays.upper(), _numbers(years, 1970, 2199), zone,
    )  # fmt: skip
    made.has(date(min(made.years), min(made.months), 1))  # an odd day is found now, not later
    return made


def _numbers(
    field: str, low: int, high: int, names: dict[str, int] | None = None
) -> frozenset[int]:
    """The numbers a field of a cron expression means."""
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _number(first, names)
            end = _number(last, names) if dash else (high if slash else start)
        every = _number(step, None) if slash else 1
        if not low <= start <= end <= high or every < 1:
            raise ExpressionError(f"{field!r} is not within {low} and {high}")
        found.update(range(start, end + 1, every))
    return frozenset(found)


def _number(text: str, names: dict[str, int] | None) -> int:
    named = (names or {}).get(text.upper())
    if named is None and not re.fullmatch(r"\d+", text):
        raise ExpressionError(f"{text!r} is no value of a schedule's field")
    return int(text) if named is None else named


def _is_day(field: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    if field == "L":
        return day.day == last
    if weekday := re.fullmatch(r"(\d+)W", field):
        return day == _nearest_weekday(day, min(int(weekday.group(1)), last))
    return day.day in _numbers(field, 1, 31)


def _nearest_weekday(month: date, number: int) -> date:
    """The working day nearest to a day, in the same month."""
    wanted = month.replace(day=number)
    if wanted.weekday() == _SATURDAY:
        return wanted + timedelta(days=2 if number == 1 else -1)
    if wanted.weekday() == _SUNDAY:
        following = wanted + timedelta(days=1)
        return following if following.month == wanted.month else wanted - timedelta(days=2)
    return wanted


def _is_weekday(field: str, day: date) -> bool:
    """AWS counts from Sunday, which is 1."""
    number = day.isoweekday() % 7 + 1
    if field == "L":
        return number == _LAST_WEEKDAY
    if last := re.fullmatch(r"(\w+)L", field):
        is_last = (day + timedelta(days=7)).month != day.month
        return is_last and number == _number(last.group(1), _DAYS)
    if nth := re.fullmatch(r"(\w+)#([1-5])", field):
        return number == _number(nth.group(1), _DAYS) and (day.day - 1) // 7 + 1 == int(
            nth.group(2)
        )
    return number in _numbers(field, 1, 7, _DAYS)
