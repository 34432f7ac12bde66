"""How the report says figures: counts, shares, times and ages, with their units."""

from __future__ import annotations

import bisect
import re
from itertools import accumulate
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from datetime import datetime, timedelta

ZONE = "Europe/Madrid"
EN_DASH = "\u2013"
NONE = EN_DASH
_GAP = "\u202f"  # narrow and unbreakable: a unit never stands on a line of its own
_TENTH = 0.1
_ALMOST_ALL = 0.995
_LEAST = 0.0005
_HOUR_MIN = 60
_TWO_DAYS_H = 48
_CAPITAL = 1.3  # as wide as so many small letters


def count(number: int) -> str:
    """12345 → 12,345."""
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """1 stop, 2 stops."""
    return f"{count(number)} {noun}" if number == 1 else f"{count(number)} {noun}s"


def percent(rate: float | None) -> str:
    """0.413 → 41 %; never rounded to 0 or to all what is neither."""
    if rate is None:
        return NONE
    if 0 < rate < _LEAST:
        return f"<0.1{_GAP}%"
    if 0 < rate < _TENTH:
        return f"{100 * rate:.1f}{_GAP}%"
    if _ALMOST_ALL <= rate < 1:
        return f"{min(100 * rate, 99.9):.1f}{_GAP}%"
    return f"{100 * rate:.0f}{_GAP}%"


def share(part: int, whole: int) -> str:
    """Part of whole in percent; a dash where there is no whole."""
    return percent(part / whole if whole else None)


def measure(value: float | None, unit: str, digits: int = 1) -> str:
    """A measured value with its unit; a dash where there is none."""
    return NONE if value is None else f"{value:.{digits}f}{_GAP}{unit}"


def moment(at: datetime) -> str:
    """An instant in Madrid's time: Tue 26 Aug 2025, 10:54."""
    return clock(at.astimezone(ZoneInfo(ZONE)))


def brief(at: datetime) -> str:
    """The same without the weekday, for tables: 26 Aug 2025, 10:54."""
    return moment(at).partition(" ")[2]


def clock(at: datetime) -> str:
    """A local time as it stands: Tue 26 Aug 2025, 10:54."""
    return f"{at:%a} {at.day} {at:%b} {at.year}, {at:%H:%M}"


def age(gone: timedelta) -> str:
    """2 h 5 min; days alone from the second day on."""
    minutes = int(abs(gone).total_seconds()) // 60
    if minutes < 1:
        return f"{int(abs(gone).total_seconds())}{_GAP}s"
    if minutes < _HOUR_MIN:
        return f"{minutes}{_GAP}min"
    hours, rest = divmod(minutes, _HOUR_MIN)
    if hours < _TWO_DAYS_H:
        return f"{hours}{_GAP}h {rest}{_GAP}min"
    return f"{count(hours // 24)} days"


def ago(at: datetime | None, now: datetime) -> str:
    """How old something was when the report was made."""
    if at is None:
        return "none yet"
    return f"{age(now - at)} old" if at <= now else f"{age(at - now)} ahead of the clock"


def clip(text: str, width: float) -> str:
    """`text`, cut with an ellipsis where it is longer than `width` small letters."""
    ends = list(accumulate(_CAPITAL if c.isupper() else 1.0 for c in text))
    if not ends or ends[-1] <= width:
        return text
    return text[: bisect.bisect_right(ends, width - 1)].rstrip() + "…"


def natural(label: str) -> tuple[tuple[int, int, str], ...]:
    """Sort labels as people do: 2 before 10, figures before letters."""
    parts = re.findall(r"\d+|\D+", label)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts)
