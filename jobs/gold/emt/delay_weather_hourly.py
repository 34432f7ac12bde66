"""emt_gold.delay_weather_hourly: delays and weather by line and hour."""

from __future__ import annotations

from jobs.gold.emt import arrivals_weather
from lakehouse.job import Gold
from lakehouse.table import Check, Column, Table
from lakehouse.upkeep import Upkeep

_RATES = ("delay_rate", "adverse_rate", "weather_attrib_rate")

TABLE = Table(
    database="emt_gold",
    name="delay_weather_hourly",
    doc="Delays and weather of a line in an hour.",
    owner="mobility",
    key=("event_hour", "label"),
    partition=("days(event_hour)",),
    sort=("event_hour", "label"),
    upkeep=Upkeep(fresh_hours=26),
    checks=(
        *(
            Check(f"{rate} is a rate", f"count_if({rate} < 0 or {rate} > 1) = 0", "table")
            for rate in _RATES
        ),
        Check("no more rated than seen", "count_if(rated_preds > total_preds) = 0", "table"),
    ),
    columns=(
        Column("event_hour", "timestamp", "Start of the hour, UTC.", required=True),
        Column("label", "string", "The public name of the line.", required=True),
        Column("line", "string", "EMT's 3-digit code; null if none was asked."),
        Column("total_preds", "bigint", "Predicted arrivals."),
        Column("rated_preds", "bigint", "First buses of which it is known whether they are late."),
        Column("censored_preds", "bigint", "Predictions without an estimate."),
        Column("delayed_preds", "bigint", "First buses that are late."),
        Column("delay_rate", "double", "delayed_preds / rated_preds."),
        Column("adverse_preds", "bigint", "Predictions in bad or severe weather."),
        Column("adverse_rate", "double", "adverse_preds / predictions of known weather."),
        Column("weather_attrib_delays", "bigint", "Late first buses in adverse weather."),
        Column("weather_attrib_rate", "double", "weather_attrib_delays / delayed_preds."),
        Column("avg_temp_c", "double", "Mean air temperature of matched observations, °C."),
        Column("avg_wind_kph", "double", "Mean wind speed of matched observations, km/h."),
        Column("avg_precip_mm", "double", "Mean precipitation of matched observations, mm."),
    ),
)

JOB = Gold(
    TABLE,
    "gold/delay_weather_hourly",
    behind=(
        (
            arrivals_weather.TABLE.full_name,
            "date_trunc('hour', b.event_ts) = g.event_hour and b.label = g.label",
        ),
    ),
)
