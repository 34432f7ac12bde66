-- How late was each line in each hour of the last day, how much by weather? One row an hour, line.
-- The last day is the 24 hours up to the newest hour in gold. local_hour_ts is the city's clock.
with newest as (
    select max(event_hour) as event_hour
    from ${prefix}_emt_gold.delay_weather_hourly
)

select
    hourly.label,
    cast(hourly.event_hour at time zone '${time_zone}' as timestamp(6)) as local_hour_ts,
    hourly.total_preds,
    hourly.rated_preds,
    hourly.delayed_preds,
    hourly.delay_rate,
    hourly.weather_attrib_delays,
    hourly.weather_attrib_rate,
    hourly.avg_precip_mm,
    hourly.avg_wind_kph
from ${prefix}_emt_gold.delay_weather_hourly as hourly
cross join newest
where hourly.event_hour > newest.event_hour - interval '24' hour
order by hourly.label asc, hourly.event_hour asc
