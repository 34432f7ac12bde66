-- How many vehicles were seen on each line each day? One row for each local date and line.
-- Seen in predictions: a vehicle that no polled stop waited for is not counted.
select
    local_date,
    label,
    count(distinct bus) as vehicles,
    count(distinct stop_id) as stops_polled,
    count(distinct event_ts) as polls,
    min(local_ts) as first_seen_ts,
    max(local_ts) as last_seen_ts
from ${prefix}_views.arrivals
where bus is not null
group by local_date, label
order by local_date asc, label asc
