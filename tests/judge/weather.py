"""Weather observations, the nearest one to a moment, and how bad it was."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .days import UTC
from .reading import text

if TYPE_CHECKING:
    from .reading import Row

REALS = (
    *("temp_c", "feelslike_c", "pressure_mb", "precip_mm", "wind_kph", "gust_kph"),
    *("vis_km", "uv"),
)
INTEGERS = ("humidity", "wind_degree", "cloud", "is_day")
POLLUTANTS = ("co", "no2", "o3", "so2", "pm2_5", "pm10")
INDEXES = ("us-epa-index", "gb-defra-index")


def convert(replies: list[tuple[str, Row]], location: str) -> list[Row]:
    """Return each observation once, as it was answered last."""
    rows = [_row(reply, location) for _, reply in sorted(replies, key=lambda pair: pair[0])]
    return list({(row["location"], row["obs_ts"]): row for row in rows}.values())


class Observations:
    """The observations of one place, by time."""

    def __init__(self, rows: list[Row], location: str) -> None:
        here = [row for row in rows if row["location"] == location and row["obs_ts"] is not None]
        self.rows = sorted(here, key=lambda row: row["obs_ts"])
        self.times = [row["obs_ts"] for row in self.rows]

    def nearest(self, instant: datetime, limit: timedelta) -> Row | None:
        """Return the nearest observation within the limit, the earlier of two as near."""
        place = bisect_left(self.times, instant)
        near = self.rows[max(place - 1, 0) : place + 1]
        best = min(near, key=lambda row: abs(row["obs_ts"] - instant), default=None)
        return best if best and abs(best["obs_ts"] - instant) <= limit else None


def severity(precip: float | None, wind: float | None, vis: float | None) -> str | None:
    """Say how bad the weather was; an unknown part triggers nothing, all unknown is None."""
    if precip is None and wind is None and vis is None:
        return None
    rain, gale, sight = precip or 0, wind or 0, float("inf") if vis is None else vis
    steps = {
        "severe": rain >= 2 or gale >= 45 or sight < 3,
        "bad": rain >= 0.5 or gale >= 30 or sight < 6,
        "moderate": rain >= 0.1 or gale >= 20,
    }
    return next((name for name, holds in steps.items() if holds), "good")


def _row(reply: Row, location: str) -> Row:
    current = reply["current"]
    air = current.get("air_quality") or {}
    condition = current.get("condition") or {}
    return {
        "location": location,
        "location_name": text(reply["location"]["name"]),
        "obs_ts": datetime.fromtimestamp(int(current["last_updated_epoch"]), UTC),
        **{name: _real(current.get(name)) for name in REALS},
        **{name: _whole(current.get(name)) for name in INTEGERS},
        "wind_dir": text(current.get("wind_dir")),
        "condition_code": _whole(condition.get("code")),
        "condition_text": text(condition.get("text")),
        **{f"air_{name}": _real(air.get(name)) for name in POLLUTANTS},
        **{f"air_{name.replace('-', '_')}": _whole(air.get(name)) for name in INDEXES},
    }


def _real(value: Any) -> float | None:
    return None if value is None else float(value)


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
