-- How late was a line on a day, and how much of it in bad weather? One row a local date and line.
-- A rate is of what is known: first buses of which it can be told whether they are late. The line
-- is the one asked, else the one line that has the label.
with labels as (
    select
        label,
        case when count(*) = 1 then max(line) end as line
    from ${prefix}_emt_silver.lines
    group by label
),

hours as (
    select
        *,
        cast(event_hour at time zone '${time_zone}' as date) as local_date
    from ${prefix}_emt_gold.delay_weather_hourly
),

days as (
    select
        local_date,
        label,
        max(line) as line,
        sum(total_preds) as total_preds,
        sum(rated_preds) as rated_preds,
        sum(censored_preds) as censored_preds,
        sum(delayed_preds) as delayed_preds,
        sum(adverse_preds) as adverse_preds,
        sum(weather_attrib_delays) as weather_attrib_delays
    from hours
    group by local_date, label
)

select
    days.local_date,
    days.label,
    coalesce(days.line, labels.line) as line,
    lines.name_a,
    lines.name_b,
    days.total_preds,
    days.rated_preds,
    days.censored_preds,
    days.delayed_preds,
    cast(days.delayed_preds as double) / nullif(days.rated_preds, 0) as delay_rate,
    days.adverse_preds,
    days.weather_attrib_delays,
    cast(days.weather_attrib_delays as double) / nullif(days.delayed_preds, 0)
        as weather_attrib_rate
from days
left join labels on days.label = labels.label
left join ${prefix}_emt_silver.lines on coalesce(days.line, labels.line) = lines.line
