"""Predicted arrivals: their identity, what is rejected and what collapses."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .days import UTC, read_local
from .reading import code, text

if TYPE_CHECKING:
    from .reading import Poll, Row

NO_ESTIMATE = 999999
FIRST = datetime(2010, 1, 1, tzinfo=UTC)
LATE = timedelta(days=1)
EIGHTEEN_DIGITS = Decimal("1e-18")
BEFORE_PLACE = ("line", "stop", "isHead", "destination", "deviation", "bus")
AFTER_PLACE = ("estimateArrive", "DistanceBus", "positionTypeBus")


@dataclass
class Converted:
    """The rows kept and what became of the others."""

    rows: list[Row] = field(default_factory=list)
    answered: int = 0
    collapsed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


def convert(polls: list[Poll], landed_at: datetime) -> Converted:
    """Turn the polls' arrivals into rows, one for each id."""
    result = Converted()
    kept: dict[str, Row] = {}
    for poll in polls:
        event_ts = read_local(poll.at_local)
        for arrival in poll.arrivals:
            result.answered += 1
            reason = rejection(arrival, event_ts, landed_at)
            if reason or event_ts is None:
                result.rejected[reason or "no time"] += 1
                continue
            row = _row(arrival, event_ts, code(poll.line))
            if row["id"] in kept:
                result.collapsed += 1
                _keep_smaller_line(kept[row["id"]], row)
            else:
                kept[row["id"]] = row
    result.rows = list(kept.values())
    return result


def rejection(arrival: Row, event_ts: datetime | None, landed_at: datetime) -> str | None:
    """Say why an arrival is rejected, or None."""
    estimate = _integer(arrival.get("estimateArrive"))
    reasons = {
        "no stop": text(arrival.get("stop")) is None,
        "no label": text(arrival.get("line")) is None,
        "no time": event_ts is None,
        "too early": event_ts is not None and event_ts < FIRST,
        "too late": event_ts is not None and event_ts > landed_at + LATE,
        "negative estimate": estimate is not None and estimate < 0,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def arrival_id(event_ts: datetime, arrival: Row) -> str:
    """Hash the poll's instant and every answered field, as answered."""
    place = _coordinates(arrival)
    parts = [
        event_ts.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        *(_as_answered(arrival.get(name)) for name in BEFORE_PLACE),
        *(_decimal(number) for number in place),
        *(_as_answered(arrival.get(name)) for name in AFTER_PLACE),
    ]
    compact = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(compact.encode("utf-8")).hexdigest()


def _row(arrival: Row, event_ts: datetime, line: str | None) -> Row:
    estimate = _integer(arrival.get("estimateArrive"))
    lon, lat = _coordinates(arrival)
    somewhere = lon is not None and lat is not None and (lon, lat) != (0, 0)
    return {
        "id": arrival_id(event_ts, arrival),
        "event_ts": event_ts,
        "line": line,
        "label": text(arrival.get("line")),
        "stop_id": text(arrival.get("stop")),
        "destination": text(arrival.get("destination")),
        "is_head": _truth(arrival.get("isHead")),
        "deviation": _integer(arrival.get("deviation")),
        "bus": text(arrival.get("bus")),
        "estimate_arrive_sec": None if estimate == NO_ESTIMATE else estimate,
        "distance_bus_m": _integer(arrival.get("DistanceBus")),
        "position_type_bus": text(arrival.get("positionTypeBus")),
        "lon": float(lon) if somewhere else None,
        "lat": float(lat) if somewhere else None,
    }


def _keep_smaller_line(kept: Row, again: Row) -> None:
    known = [row["line"] for row in (kept, again) if row["line"] is not None]
    kept["line"] = min(known, default=None)


def _coordinates(arrival: Row) -> tuple[Any, Any]:
    numbers = list((arrival.get("geometry") or {}).get("coordinates") or [])
    lon, lat = [*numbers, None, None][:2]
    return lon, lat


def _as_answered(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _decimal(number: Any) -> str | None:
    if number is None:
        return None
    return format(Decimal(repr(number)).quantize(EIGHTEEN_DIGITS), "f")


def _integer(value: Any) -> int | None:
    plain = text(value)
    return int(float(plain)) if plain else None


def _truth(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(str(value).strip().lower())
