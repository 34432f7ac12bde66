-- Which stops serve most lines, and how late are those? One row for each stop with 2 lines or more.
with served as (
    select
        stop_id,
        count(distinct line) as lines,
        array_join(array_agg(distinct label order by label), ', ') as labels
    from ${prefix}_emt_silver.lines_stops
    group by stop_id
    having count(distinct line) >= 2
),

delays as (
    select
        stop_id,
        sum(rated_preds) as rated_preds,
        sum(delayed_preds) as delayed_preds
    from ${prefix}_views.delays_by_stop
    group by stop_id
)

select
    served.stop_id,
    stops.stop_name,
    served.lines,
    served.labels,
    delays.rated_preds,
    delays.delayed_preds,
    cast(delays.delayed_preds as double) / nullif(delays.rated_preds, 0) as delay_rate
from served
left join ${prefix}_emt_silver.stops on served.stop_id = stops.stop_id
left join delays on served.stop_id = delays.stop_id
order by served.lines desc, served.stop_id asc
