-- When did a bus pass a stop, as far as polls tell? One row for each passage of a bus of a line.
-- EMT says no passages, only predictions. A bus counts as passed when its last prediction promised
-- it within 120 seconds, the line was polled at that stop again within 300 seconds, and the bus
-- never came back, or was due more than 600 seconds later than promised: its next round. passed_ts
-- is that last promise; the truth lies between last_seen_ts and gone_ts. Not seen: buses between
-- sparse polls, and the last bus of a line, because an answer without any bus leaves no row. So
-- this undercounts, and few polls give no rows rather than wrong ones.
with predictions as (
    select
        label,
        stop_id,
        bus,
        event_ts,
        min(line) as line,
        min(destination) as destination,
        min(estimate_arrive_sec) as estimate_sec
    from ${prefix}_views.arrivals
    where bus is not null and estimate_arrive_sec is not null
    group by label, stop_id, bus, event_ts
),

polls as (
    select
        label,
        stop_id,
        event_ts,
        lead(event_ts) over (partition by label, stop_id order by event_ts) as next_poll_ts
    from ${prefix}_views.arrivals
    group by label, stop_id, event_ts
),

followed as (
    select
        *,
        to_unixtime(event_ts) + estimate_sec as due,
        lead(to_unixtime(event_ts) + estimate_sec) over (
            partition by label, stop_id, bus order by event_ts
        ) as next_due
    from predictions
)

select
    followed.label,
    followed.line,
    followed.stop_id,
    followed.destination,
    followed.bus,
    cast(followed.event_ts + followed.estimate_sec * interval '1' second as timestamp(6))
        as passed_ts,
    followed.event_ts as last_seen_ts,
    polls.next_poll_ts as gone_ts,
    followed.estimate_sec as last_estimate_sec,
    to_unixtime(polls.next_poll_ts) - to_unixtime(followed.event_ts) as unseen_sec
from followed
inner join polls
    on
        followed.label = polls.label
        and followed.stop_id = polls.stop_id
        and followed.event_ts = polls.event_ts
where
    followed.estimate_sec <= 120
    and to_unixtime(polls.next_poll_ts) - to_unixtime(followed.event_ts) <= 300
    -- Missing in one answer only is not gone: it comes back with nearly the same promise.
    and (followed.next_due is null or followed.next_due - followed.due > 600)
