"""The two gold tables, from any silver rows."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .days import UTC, local
from .headway import Timetable
from .weather import Observations, severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .reading import Row

ARRIVAL = (
    *("id", "event_ts", "line", "label", "stop_id", "destination", "is_head", "deviation"),
    *("bus", "estimate_arrive_sec", "distance_bus_m", "position_type_bus", "lon", "lat"),
)
OBSERVED = (
    *("obs_ts", "temp_c", "wind_kph", "precip_mm", "humidity", "vis_km", "uv"),
    *("air_pm10", "air_pm2_5", "condition_text"),
)
ADVERSE = ("bad", "severe")


def gold(
    silver: dict[str, list[Row]],
    *,
    delay_ratio_thresh: float = 1.30,
    wx_recent_minutes: int = 60,
    weather_location: str = "madrid",
) -> dict[str, list[Row]]:
    """Return the rows of both gold tables for any silver rows."""
    timetable = Timetable(silver["lines_timetable"], silver["service_calendar"], silver["lines"])
    observed = Observations(silver["meteorology_current"], weather_location)
    limit = timedelta(minutes=wx_recent_minutes)
    rows = []
    for arrival, rank in ranked(silver["arrivals_predictions"]):
        weather = observed.nearest(arrival["event_ts"], limit)
        delay = _delay(arrival, rank, timetable, delay_ratio_thresh)
        rows.append(_joined(arrival, delay, weather))
    return {"arrivals_weather": rows, "delay_weather_hourly": hourly(rows)}


def ranked(arrivals: list[Row]) -> Iterable[tuple[Row, int]]:
    """Give each arrival its rank in its moment, stop and label: the soonest is the first."""
    together: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for arrival in arrivals:
        together[arrival["event_ts"], arrival["stop_id"], arrival["label"]].append(arrival)
    for group in together.values():
        for rank, arrival in enumerate(sorted(group, key=_order), start=1):
            yield arrival, rank


def hourly(rows: list[Row]) -> list[Row]:
    """Sum the arrivals up by hour and label."""
    groups: dict[tuple[datetime, str], list[Row]] = defaultdict(list)
    for row in rows:
        hour = row["event_ts"].astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        groups[hour, row["label"]].append(row)
    return [_hour(hour, label, group) for (hour, label), group in groups.items()]


def both(one: bool | None, other: bool | None) -> bool | None:  # noqa: FBT001 - the values of a row
    """Return the AND of SQL, of three values."""
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def mean(values: list[float | None]) -> float | None:
    """Average the known values: an exact sum, divided and rounded once."""
    known = [Fraction(Decimal(repr(value))) for value in values if value is not None]
    return float(sum(known) / len(known)) if known else None


def _order(arrival: Row) -> tuple[Any, ...]:
    names = ("estimate_arrive_sec", "distance_bus_m", "bus", "id")
    return tuple(
        part
        for name in names
        for part in (arrival[name] is None, 0 if arrival[name] is None else arrival[name])
    )


def _delay(arrival: Row, rank: int, timetable: Timetable, threshold: float) -> Row:
    line = timetable.code(arrival["line"], arrival["label"])
    least, most = timetable.headway(line, local(arrival["event_ts"]))
    estimate = arrival["estimate_arrive_sec"]
    ratio = None if estimate is None or least is None else float(estimate) / (least * 60)
    return {
        "arrival_rank": rank,
        "expected_headway_min": least,
        "expected_headway_max_min": most,
        "delay_ratio": ratio,
        "delayed": ratio > threshold if rank == 1 and ratio is not None else None,
    }


def _joined(arrival: Row, delay: Row, weather: Row | None) -> Row:
    observed = {name: weather[name] if weather else None for name in OBSERVED}
    how = severity(observed["precip_mm"], observed["wind_kph"], observed["vis_km"])
    adverse = None if how is None else how in ADVERSE
    return {
        **{name: arrival[name] for name in ARRIVAL},
        **delay,
        **observed,
        "weather_severity": how,
        "weather_adverse": adverse,
        "delay_weather_attributed": both(delay["delayed"], adverse),
    }


def _hour(hour: datetime, label: str, rows: list[Row]) -> Row:
    seen = [row for row in rows if row["obs_ts"] is not None]
    rated, delayed = _known(rows, "delayed"), _true(rows, "delayed")
    adverse = _true(rows, "weather_adverse")
    attributed = _true(rows, "delay_weather_attributed")
    return {
        "event_hour": hour,
        "label": label,
        "line": min((row["line"] for row in rows if row["line"] is not None), default=None),
        "total_preds": len(rows),
        "rated_preds": rated,
        "censored_preds": len(rows) - _known(rows, "estimate_arrive_sec"),
        "delayed_preds": delayed,
        "delay_rate": _rate(delayed, rated),
        "adverse_preds": adverse,
        "adverse_rate": _rate(adverse, _known(rows, "weather_adverse")),
        "weather_attrib_delays": attributed,
        "weather_attrib_rate": _rate(attributed, delayed),
        "avg_temp_c": mean([row["temp_c"] for row in seen]),
        "avg_wind_kph": mean([row["wind_kph"] for row in seen]),
        "avg_precip_mm": mean([row["precip_mm"] for row in seen]),
    }


def _known(rows: list[Row], name: str) -> int:
    return sum(row[name] is not None for row in rows)


def _true(rows: list[Row], name: str) -> int:
    return sum(row[name] is True for row in rows)


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None
