-- At which stops did people wait too long on the last day? One row a stop, the worst 20.
-- The last day is the newest local date with polls.
with newest as (
    select max(local_date) as local_date
    from ${prefix}_views.delays_by_stop
)

select
    delays.local_date,
    delays.stop_id,
    delays.stop_name,
    delays.lines,
    delays.rated_preds,
    delays.delayed_preds,
    delays.delay_rate,
    delays.avg_estimate_min,
    delays.weather_attrib_delays
from ${prefix}_views.delays_by_stop as delays
inner join newest on delays.local_date = newest.local_date
where delays.rated_preds > 0
order by delays.delay_rate desc, delays.rated_preds desc, delays.stop_id asc
limit 20
