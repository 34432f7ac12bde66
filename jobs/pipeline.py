"""Which jobs there are, in which order, and which tables a lake has."""

from __future__ import annotations

from jobs.bronze import weatherapi_current
from jobs.gold.emt import arrivals_weather, days, delay_weather_hourly
from jobs.silver.emt import (
    arrivals_predictions,
    incidents,
    lines,
    lines_stops,
    lines_timetable,
    service_calendar,
    stops,
)
from jobs.silver.meteorology import meteorology_current
from jobs.silver.openweather import weather_observation
from lakehouse import ledger
from lakehouse.job import GoldGroup, SilverGroup

SILVER_EMT = SilverGroup(
    "silver.emt",
    (
        lines.JOB,
        stops.JOB,
        lines_stops.JOB,
        lines_timetable.JOB,
        service_calendar.JOB,
        arrivals_predictions.JOB,
        incidents.JOB,
    ),
)
SILVER_METEOROLOGY = SilverGroup("silver.meteorology", (meteorology_current.JOB,))
SILVER_OPENWEATHER = SilverGroup("silver.openweather", (weather_observation.JOB,))
GOLD_EMT = GoldGroup(
    name="gold.emt",
    jobs=(arrivals_weather.JOB, delay_weather_hourly.JOB),
    sources=(
        arrivals_predictions.TABLE,
        lines.TABLE,
        lines_timetable.TABLE,
        service_calendar.TABLE,
        meteorology_current.TABLE,
    ),
    changed_days=days.changed_days,
    views=days.views,
    parameters=("delay_ratio_thresh", "wx_recent_minutes", "weather_location", "time_zone"),
)

GROUPS = (SILVER_EMT, SILVER_METEOROLOGY, SILVER_OPENWEATHER, GOLD_EMT)
TABLES = (
    weatherapi_current.TABLE,
    *(job.table for group in GROUPS for job in group.jobs),
    *ledger.TABLES,
)
