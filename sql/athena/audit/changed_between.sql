-- What changed in the hourly delays between two times? One row for each hour and line that differs.
-- replace earlier: current_timestamp - interval '1' day (a time in UTC, or a snapshot id)
-- replace later: current_timestamp - interval '1' second (a time in UTC, or a snapshot id)
-- By key; the run is the one that wrote the later version.
with was as (
    select *
    from ${prefix}_emt_gold.delay_weather_hourly
    for timestamp as of current_timestamp - interval '1' day
),

became as (
    select *
    from ${prefix}_emt_gold.delay_weather_hourly
    for timestamp as of current_timestamp - interval '1' second
)

select
    case
        when was.label is null then 'added'
        when became.label is null then 'removed'
        else 'changed'
    end as change,
    cast(coalesce(became.event_hour, was.event_hour) as timestamp(6)) as event_hour,
    coalesce(became.label, was.label) as label,
    was.total_preds as total_preds_was,
    became.total_preds,
    was.rated_preds as rated_preds_was,
    became.rated_preds,
    was.delayed_preds as delayed_preds_was,
    became.delayed_preds,
    was.adverse_preds as adverse_preds_was,
    became.adverse_preds,
    was.weather_attrib_delays as weather_attrib_delays_was,
    became.weather_attrib_delays,
    was.avg_precip_mm as avg_precip_mm_was,
    became.avg_precip_mm,
    became.run_id
from was
full outer join became
    on was.event_hour = became.event_hour and was.label = became.label
where
    was.label is null
    or became.label is null
    or was.line is distinct from became.line
    or was.total_preds <> became.total_preds
    or was.rated_preds <> became.rated_preds
    or was.censored_preds <> became.censored_preds
    or was.delayed_preds <> became.delayed_preds
    or was.adverse_preds <> became.adverse_preds
    or was.weather_attrib_delays <> became.weather_attrib_delays
    or was.delay_rate is distinct from became.delay_rate
    or was.adverse_rate is distinct from became.adverse_rate
    or was.avg_temp_c is distinct from became.avg_temp_c
    or was.avg_wind_kph is distinct from became.avg_wind_kph
    or was.avg_precip_mm is distinct from became.avg_precip_mm
order by event_hour asc, label asc
