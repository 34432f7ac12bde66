"""Silver and gold of Madrid's buses, computed from the issue's text alone.

The judge shares no code with what it judges: standard library, openpyxl and holidays only.

Where the text leaves room, this reading was taken:

- A poll whose reply is empty answers no arrival; it counts as a poll and nothing else.
- "Before 2010" is before 2010-01-01T00:00Z; "a day after landing" is landed_at + 24 hours, and
  that very moment is still accepted.
- No label or no stop: null or only blanks. 999999 becomes null after the id is made; only [0, 0]
  in both coordinates is no place.
- Repeats of one id asked for different lines (none is recorded) keep the smallest line, nulls last.
- Line 361's label is written OO1 (letters) in emt_lines.xlsx: its label is 001 in all tables.
- Names keep each source's spelling (nameA or HeaderA); a circular line's missing name_b is null.
- A line's timetable version is one valid_from for the whole line: a day type that is not in it
  is missing, even if an older version has it. VI falls back to LA of the same version, and only
  if there is no VI row: a VI row without windows gives null.
- "Crosses midnight" is stop < start; start = stop is a window of one minute. HH:MM of event_ts is
  cut, not rounded: 23:30:59 is still in force until 23:30.
- 0 or missing frequencies are dropped before the minimum and the maximum, a direction at a time;
  windows of yesterday's and today's service day in force together are taken together.
- arrivals_weather.line is the arrival's own (null if none was asked), also where the timetable
  was found by label; the hourly line is the smallest known one of its rows, else null.
- A moment's observation is chosen by time alone; its null values stay null.
- Averages over rows with an observation leave out its null values; the sum is exact, the division
  is rounded once.
- A workbook repeats incidents with each poll: the latest pubDate wins (only pubDate ever differs).
- Madrid's two local holidays move to Monday when they fall on a Sunday.
- Text is stripped of blanks; what is then empty is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import arrivals, catalogue, days, incidents, reading, weather
from .golden import gold

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from .reading import Row

__all__ = ["accounting", "gold", "lines_without_days", "silver"]


def silver(
    folder: Path, *, form: str, landed_at: datetime, weather_location: str = "madrid"
) -> dict[str, list[Row]]:
    """Return the rows of every silver table of a folder landed at one moment."""
    polls = reading.polls(folder, form)
    timetable, _ = catalogue.timetable(folder, days.local(landed_at).date())
    return {
        "arrivals_predictions": arrivals.convert(polls, landed_at).rows,
        "lines_timetable": timetable,
        "stops": catalogue.stops(folder, landed_at),
        "lines": catalogue.lines(folder),
        "lines_stops": catalogue.lines_stops(folder),
        "incidents": incidents.convert(reading.incidents(folder, form, polls)),
        "meteorology_current": weather.convert(
            reading.weather_replies(folder, form), weather_location
        ),
        "service_calendar": days.service_calendar(range(2025, days.local(landed_at).year + 2)),
    }


def accounting(folder: Path, *, form: str, landed_at: datetime) -> dict[str, int]:
    """Count the polls and what became of each answered arrival."""
    polls = reading.polls(folder, form)
    converted = arrivals.convert(polls, landed_at)
    return {
        "polls": len(polls),
        "answered": converted.answered,
        "accepted": len(converted.rows),
        "collapsed": converted.collapsed,
        "rejected": sum(converted.rejected.values()),
    }


def lines_without_days(folder: Path, landed_at: datetime) -> list[str]:
    """Name the lines whose timetable has no day at all."""
    return catalogue.timetable(folder, days.local(landed_at).date())[1]


def answered_ids(folder: Path, *, form: str, landed_at: datetime) -> list[str]:
    """Name the id of every accepted answer, repeats included."""
    dated = ((days.read_local(poll.at_local), poll) for poll in reading.polls(folder, form))
    return [
        arrivals.arrival_id(event_ts, arrival)
        for event_ts, poll in dated
        for arrival in poll.arrivals
        if event_ts and arrivals.rejection(arrival, event_ts, landed_at) is None
    ]
