"""What a pull may be asked for, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    from ingestion.places import LakePath

ALL = "all"
_MOST_DAYS = 366


@dataclass(frozen=True)
class PullOptions:
    """What to ask for; each stream heeds its own.

    `stops` are EMT's numbers, or `all`; `line` and `lines` are 3-digit codes. `first` and `last`
    bound the calendar and the weather's history. `cities` are names of the setting's, all of them
    where none is named. `restart` begins an interrupted plan anew.
    """

    stops: tuple[str, ...] = ()
    line: str = ""
    lines: tuple[str, ...] = ()
    location: str = ""
    cities: tuple[str, ...] = ()
    first: date | None = None
    last: date | None = None
    first_year: int = 2025
    restart: bool = False

    def __post_init__(self) -> None:
        """Refuse what would become another path, and labels, for EMT is asked by codes."""
        for stop in self.stops:
            if not (stop.isascii() and stop.isalnum()):
                raise UsageError(f"{stop!r} is no stop's number", next_command="--stops 62,5710")
        for line in (*self.lines, *filter(None, [self.line])):
            if not (line.isascii() and line.isdigit()):
                text = f"{line!r} is no line's code: a label such as C1 has one, such as 068"
                raise UsageError(text, next_command="lake ingest emt lines")
        if self.first and self.last and not 0 <= (self.last - self.first).days <= _MOST_DAYS:
            raise UsageError(f"from {self.first} to {self.last} is not a span of up to a year")


@dataclass(frozen=True)
class PullResult:
    """What came of it: bronze files, replies, and the calls that failed alone."""

    source: str
    stream: str
    files: tuple[LakePath, ...]
    replies: int
    failed: tuple[str, ...] = ()
