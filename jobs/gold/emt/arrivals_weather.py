"""emt_gold.arrivals_weather: each predicted arrival beside its timetable and its weather."""

from __future__ import annotations

from jobs.silver.emt import arrivals_predictions, lines_timetable, service_calendar
from jobs.silver.meteorology import meteorology_current
from lakehouse.job import Gold
from lakehouse.table import Check, Column, Table
from lakehouse.upkeep import Upkeep

TABLE = Table(
    database="emt_gold",
    name="arrivals_weather",
    doc="Each predicted arrival beside the timetable in force and the nearest observation.",
    owner="mobility",
    key=("id",),
    derived=("event_ts",),
    partition=("days(event_ts)",),
    sort=("line", "stop_id"),
    upkeep=Upkeep(fresh_hours=26),
    checks=(
        Check(
            "every ratio is positive", "min(delay_ratio) is null or min(delay_ratio) >= 0", "table"
        ),
        Check(
            "only the first bus is rated",
            "count_if(delayed is not null and arrival_rank > 1) = 0",
            "table",
        ),
        Check(
            "every observation is within reach",
            "count_if(obs_ts is not null and weather_severity is null "
            "and coalesce(precip_mm, wind_kph, vis_km) is not null) = 0",
            "table",
        ),
        Check("nine in ten predictions find weather", "count(obs_ts) >= 0.9 * count(*)", "warn"),
        Check(
            "nine in ten first buses are rated",
            "count(delayed) >= 0.9 * count_if(arrival_rank = 1)",
            "warn",
        ),
    ),
    columns=(
        *arrivals_predictions.TABLE.columns,
        Column("arrival_rank", "int", "1 for the first bus of the line at the stop in that poll."),
        Column("expected_headway_min", "int", "Shortest headway in force, minutes."),
        Column("expected_headway_max_min", "int", "Longest headway in force, minutes."),
        Column("delay_ratio", "double", "Estimate divided by the shortest expected headway."),
        Column("delayed", "boolean", "Whether the first bus exceeds the threshold; else null."),
        Column("obs_ts", "timestamp", "The instant of the nearest observation, UTC."),
        Column("temp_c", "double", "Air temperature, °C."),
        Column("wind_kph", "double", "Wind speed, km/h."),
        Column("precip_mm", "double", "Precipitation of the last hour, mm."),
        Column("humidity", "int", "Relative humidity, %."),
        Column("vis_km", "double", "Visibility, km."),
        Column("uv", "double", "UV index."),
        Column("air_pm10", "double", "Particles up to 10 µm, µg/m³."),
        Column("air_pm2_5", "double", "Particles up to 2.5 µm, µg/m³."),
        Column("condition_text", "string", "The condition in words."),
        Column("weather_severity", "string", "good, moderate, bad or severe; null for unknown."),
        Column("weather_adverse", "boolean", "Whether it is bad or severe; null for unknown."),
        Column("delay_weather_attributed", "boolean", "delayed and adverse, three-valued."),
    ),
)

JOB = Gold(
    TABLE,
    "gold/arrivals_weather",
    behind=(
        (arrivals_predictions.TABLE.full_name, "b.id = g.id"),
        (
            meteorology_current.TABLE.full_name,
            "b.obs_ts = g.obs_ts and b.location = :weather_location",
        ),
        (lines_timetable.TABLE.full_name, "b.line = g.line or b.label = g.label"),
        (
            service_calendar.TABLE.full_name,
            "b.day between cast(g.event_ts as date) - 1 and cast(g.event_ts as date) + 1",
        ),
    ),
)
