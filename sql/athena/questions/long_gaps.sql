-- Where did nobody come for twice the promised time? One row for each pair of buses that far apart.
-- Twice the longest promised headway: Transport for London's long gap (see headway_regularity).
select
    last_seen_ts,
    label,
    stop_id,
    leading_bus,
    following_bus,
    headway_sec / 60 as headway_min,
    cast(longest_promised_sec as double) / 60 as longest_promised_min,
    is_observed
from ${prefix}_views.headways
where headway_sec > 2 * longest_promised_sec and leading_estimate_sec <= 600
order by headway_sec desc, label asc, stop_id asc, last_seen_ts asc
