-- Which incidents held at the newest poll, and which lines do they name? One row an incident.
with newest as (
    select max(event_ts) as event_ts
    from ${prefix}_emt_silver.arrivals_predictions
)

select
    incidents.guid,
    incidents.title,
    incidents.cause,
    incidents.effect,
    array_join(incidents.lines, ', ') as lines,
    cast(incidents.valid_from_ts as timestamp(6)) as valid_from_ts,
    cast(incidents.valid_to_ts as timestamp(6)) as valid_to_ts
from ${prefix}_emt_silver.incidents
cross join newest
where
    incidents.valid_from_ts <= newest.event_ts
    and (incidents.valid_to_ts is null or incidents.valid_to_ts >= newest.event_ts)
order by incidents.valid_from_ts asc, incidents.guid asc
