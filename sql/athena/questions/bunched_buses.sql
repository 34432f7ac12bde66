-- Which buses ran bunched, where and when? One row for each pair closer than half the promise.
-- Half the shortest promised headway: off headway by more than half, as the Transit Capacity and
-- Quality of Service Manual counts it (see the view headway_regularity).
select
    last_seen_ts,
    label,
    stop_id,
    leading_bus,
    following_bus,
    headway_sec / 60 as headway_min,
    cast(shortest_promised_sec as double) / 60 as shortest_promised_min,
    is_observed
from ${prefix}_views.headways
where headway_sec < 0.5 * shortest_promised_sec and leading_estimate_sec <= 600
order by last_seen_ts asc, label asc, stop_id asc, leading_bus asc
