"""What the city's tables must hold, worked out by the judge from what its sources said."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tests.athena import city
from tests.judge import arrivals, emt, weather
from tests.judge.days import local
from tests.judge.reading import Poll

if TYPE_CHECKING:
    from datetime import date

Row = dict[str, Any]
# The two answers that no number, or a negative one, makes rejected rows.
REFUSED = ("soon", -5)
BATCHES = range(2)


def _said(batches: Any) -> list[Poll]:
    return [
        Poll(
            poll.payload["polled_at_local"],
            poll.line,
            [a for a in poll.arrivals if a["estimateArrive"] not in REFUSED],
            [],
        )
        for batch in batches
        for poll in city.polls(batch)
    ]


def _timetable(batches: Any) -> list[Row]:
    found = []
    for batch in batches:
        start: date = local(city.FETCHED[batch]).date()
        for line, (least, most) in city.headways(batch).items():
            row: Row = {"line": line, "label": city.LINES[line], "valid_from": start}
            row["day_type"] = "LA"
            for n in (1, 2):
                row |= {f"d{n}_start_time": "06:00", f"d{n}_stop_time": "23:30"}
                row |= {f"d{n}_min_freq": least, f"d{n}_max_freq": most}
            found.append(row)
    return found


@lru_cache
def gold(last_batch: int = 1) -> dict[str, list[Row]]:
    """Both gold tables after that batch."""
    batches = range(last_batch + 1)
    replies = [
        (str(reply["location"]["localtime_epoch"]), reply)
        for batch in batches
        for reply in city.weather(batch)
    ]
    silver = {
        "arrivals_predictions": arrivals.convert(_said(batches), city.POLLED).rows,
        "lines": [{"line": code, "label": label} for code, label in city.LINES.items()],
        "lines_timetable": _timetable(batches),
        "service_calendar": [
            {"day": local(city.THURSDAY).date().replace(day=int(row["day"][-2:]))} | {
                "day_type": row["day_type"]
            }
            for row in city.calendar()
        ],
        "meteorology_current": weather.convert(replies, "madrid"),
    }  # fmt: skip
    return emt.gold(silver)


def accounts(batch: int) -> dict[str, int]:
    """What becomes of the arrivals a batch answered."""
    said = [a for poll in city.polls(batch) for a in poll.arrivals]
    converted = arrivals.convert(_said([batch]), city.POLLED)
    return {
        "rows_in": len(said),
        "accepted": len(converted.rows),
        "collapsed": converted.collapsed,
        "rejected": sum(a["estimateArrive"] in REFUSED for a in said),
    }
