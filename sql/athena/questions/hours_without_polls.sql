-- When did nobody ask? One row for each silence of an hour (UTC) or more between two polls.
with heard as (
    select distinct date_trunc('hour', event_ts) as hour_ts
    from ${prefix}_views.arrivals
),

followed as (
    select
        hour_ts,
        lead(hour_ts) over (order by hour_ts) as next_ts
    from heard
)

select
    hour_ts as last_heard_hour,
    next_ts as next_heard_hour,
    (to_unixtime(next_ts) - to_unixtime(hour_ts)) / 3600 - 1 as silent_hours
from followed
where to_unixtime(next_ts) - to_unixtime(hour_ts) > 3600
order by hour_ts asc
