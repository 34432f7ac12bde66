-- At which hours were buses late? One row for each hour of each local date, all lines together.
-- The hour that the autumn change of clocks repeats is one row.
with hours as (
    select
        *,
        event_hour at time zone '${time_zone}' as city_hour
    from ${prefix}_emt_gold.delay_weather_hourly
),

days as (
    select
        cast(city_hour as date) as local_date,
        hour(city_hour) as local_hour,
        count(distinct label) as lines,
        sum(total_preds) as total_preds,
        sum(rated_preds) as rated_preds,
        sum(delayed_preds) as delayed_preds,
        sum(adverse_preds) as adverse_preds,
        sum(weather_attrib_delays) as weather_attrib_delays
    from hours
    group by cast(city_hour as date), hour(city_hour)
)

select
    days.local_date,
    days.local_hour,
    service_calendar.day_type,
    days.lines,
    days.total_preds,
    days.rated_preds,
    days.delayed_preds,
    cast(days.delayed_preds as double) / nullif(days.rated_preds, 0) as delay_rate,
    days.adverse_preds,
    days.weather_attrib_delays,
    cast(days.weather_attrib_delays as double) / nullif(days.delayed_preds, 0)
        as weather_attrib_rate
from days
left join ${prefix}_emt_silver.service_calendar
    on days.local_date = service_calendar.day
