-- Which buses come next at my stop, by its latest poll? One row for each bus.
-- replace stop_id: '1' (the number on the stop's sign)
with asked as (
    select *
    from ${prefix}_views.arrivals
    where stop_id = '1'
),

latest as (
    select
        label,
        max(event_ts) as event_ts
    from asked
    group by label
)

select
    asked.stop_name,
    asked.label,
    asked.destination,
    asked.bus,
    asked.local_ts as said_at,
    cast(asked.estimate_arrive_sec as double) / 60 as minutes,
    asked.distance_bus_m,
    asked.delayed
from asked
inner join latest on asked.label = latest.label and asked.event_ts = latest.event_ts
order by asked.estimate_arrive_sec asc nulls last, asked.label asc, asked.bus asc
