-- Are lines later while an incident names them? One row for each line and whether one holds.
with firsts as (
    select
        label,
        delayed,
        id,
        event_ts
    from ${prefix}_emt_gold.arrivals_weather
    where arrival_rank = 1
),

held as (
    select distinct firsts.id
    from firsts
    inner join ${prefix}_emt_silver.incidents
        on
            contains(incidents.lines, firsts.label)
            and firsts.event_ts >= incidents.valid_from_ts
            and firsts.event_ts <= coalesce(incidents.valid_to_ts, firsts.event_ts)
)

select
    firsts.label,
    held.id is not null as has_incident,
    count(*) as first_buses,
    count(firsts.delayed) as rated_preds,
    count_if(firsts.delayed) as delayed_preds,
    cast(count_if(firsts.delayed) as double) / nullif(count(firsts.delayed), 0)
        as delay_rate
from firsts
left join held on firsts.id = held.id
group by firsts.label, held.id is not null
order by firsts.label asc, has_incident asc
