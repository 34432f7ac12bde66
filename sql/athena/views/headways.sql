-- How far apart were consecutive buses of a line at a stop? One row for each pair, as last seen.
-- A pair is the first and the second bus that one poll promised; of the polls that show it the last
-- one counts, so no bus can have been missed between the two. headway_sec is the time between the
-- two passages where both were seen (bus_passages, is_observed), else the time between the two
-- promises. leading_estimate_sec says how far ahead that was said: a far promise is a weak witness.
with buses as (
    select
        label,
        stop_id,
        event_ts,
        local_date,
        local_hour,
        line,
        destination,
        bus,
        arrival_rank,
        estimate_arrive_sec,
        expected_headway_min,
        expected_headway_max_min
    from ${prefix}_views.arrivals
    where arrival_rank <= 2 and bus is not null and estimate_arrive_sec is not null
),

pairs as (
    select
        ahead.label,
        ahead.stop_id,
        ahead.event_ts,
        ahead.local_date,
        ahead.local_hour,
        ahead.line,
        ahead.destination,
        ahead.bus as leading_bus,
        behind.bus as following_bus,
        ahead.estimate_arrive_sec as leading_estimate_sec,
        behind.estimate_arrive_sec - ahead.estimate_arrive_sec as promised_apart_sec,
        to_unixtime(ahead.event_ts) + ahead.estimate_arrive_sec as leading_due,
        60 * ahead.expected_headway_min as shortest_promised_sec,
        60 * coalesce(ahead.expected_headway_max_min, ahead.expected_headway_min)
            as longest_promised_sec
    from buses as ahead
    inner join buses as behind
        on
            ahead.label = behind.label
            and ahead.stop_id = behind.stop_id
            and ahead.event_ts = behind.event_ts
            and ahead.bus <> behind.bus
    where ahead.arrival_rank = 1 and behind.arrival_rank = 2
),

followed as (
    select
        *,
        lead(leading_due) over (
            partition by label, stop_id, leading_bus, following_bus order by event_ts
        ) as next_due
    from pairs
),

passages as (
    select
        label,
        stop_id,
        bus,
        to_unixtime(passed_ts) as passed,
        lead(bus) over (partition by label, stop_id order by passed_ts, bus) as next_bus,
        to_unixtime(lead(passed_ts) over (partition by label, stop_id order by passed_ts, bus))
            as next_passed
    from ${prefix}_views.bus_passages
)

select
    followed.local_date,
    followed.local_hour,
    followed.label,
    followed.line,
    followed.stop_id,
    followed.destination,
    followed.leading_bus,
    followed.following_bus,
    followed.event_ts as last_seen_ts,
    followed.leading_estimate_sec,
    coalesce(passages.next_passed - passages.passed, followed.promised_apart_sec)
        as headway_sec,
    passages.passed is not null as is_observed,
    followed.promised_apart_sec,
    followed.shortest_promised_sec,
    followed.longest_promised_sec
from followed
left join passages
    on
        followed.label = passages.label
        and followed.stop_id = passages.stop_id
        and followed.leading_bus = passages.bus
        and followed.following_bus = passages.next_bus
        and abs(followed.leading_due - passages.passed) <= 300
where followed.next_due is null or followed.next_due - followed.leading_due > 600
