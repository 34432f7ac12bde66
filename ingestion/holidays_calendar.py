"""The day type of each day from weekday and public holidays, where EMT has not said one."""

from __future__ import annotations

from datetime import date, timedelta

_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6
# Madrid city's two local days (San Isidro, Almudena); one on a Sunday is kept on the Monday.
_LOCAL_DAYS = ((5, 15, "San Isidro"), (11, 9, "Nuestra Señora de la Almudena"))


def derived_days(first_year: int, last_year: int) -> list[dict[str, str]]:
    """`{day, day_type, name}` of each day of those years, in order.

    day_type is FE on Sundays and holidays, else SA, VI (Fridays) or LA. Holidays are those of
    the `holidays` library for Spain, region Madrid, and Madrid city's two local days, which the
    city sets anew each year: a day it moves otherwise is EMT's own calendar's to tell.
    """
    import holidays  # noqa: PLC0415  heavy

    years = range(first_year, last_year + 1)
    named = {day: str(name) for day, name in holidays.Spain(subdiv="MD", years=years).items()}
    for year in years:
        for month, day, name in _LOCAL_DAYS:
            kept = date(year, month, day)
            if kept.weekday() == _SUNDAY:
                kept += timedelta(days=1)
            named.setdefault(kept, name)
    first, last = date(first_year, 1, 1), date(last_year, 12, 31)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [
        {"day": day.isoformat(), "day_type": _day_type(day, named), "name": named.get(day, "")}
        for day in days
    ]


def _day_type(day: date, holidays_by_day: dict[date, str]) -> str:
    if day in holidays_by_day or day.weekday() == _SUNDAY:
        return "FE"
    return {_FRIDAY: "VI", _SATURDAY: "SA"}.get(day.weekday(), "LA")
