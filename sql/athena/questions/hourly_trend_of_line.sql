-- How did a line's delays go, hour by hour? One row for each hour, with the mean of 3 hours.
-- replace label: '27' (the public name of the line)
with hours as (
    select
        event_hour,
        rated_preds,
        delayed_preds,
        delay_rate,
        avg_precip_mm,
        sum(delayed_preds) over (
            order by event_hour rows between 2 preceding and current row
        ) as delayed_of_3,
        sum(rated_preds) over (
            order by event_hour rows between 2 preceding and current row
        ) as rated_of_3
    from ${prefix}_emt_gold.delay_weather_hourly
    where label = '27'
)

select
    cast(event_hour at time zone '${time_zone}' as timestamp(6)) as local_hour_ts,
    rated_preds,
    delayed_preds,
    delay_rate,
    cast(delayed_of_3 as double) / nullif(rated_of_3, 0) as delay_rate_3_hours,
    avg_precip_mm
from hours
order by event_hour asc
