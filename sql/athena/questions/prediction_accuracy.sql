-- How far can the display be trusted? One row for each class of minutes a bus was said to be away.
-- A prediction is compared with the passage of that bus at that stop that followed within 90
-- minutes (bus_passages: needs dense polls). error_sec above 0: the bus came later than was said.
with compared as (
    select
        arrivals.id,
        arrivals.estimate_arrive_sec,
        to_unixtime(min(passages.passed_ts)) - to_unixtime(arrivals.event_ts) as real_sec
    from ${prefix}_views.arrivals
    inner join ${prefix}_views.bus_passages as passages
        on
            arrivals.label = passages.label
            and arrivals.stop_id = passages.stop_id
            and arrivals.bus = passages.bus
            and arrivals.event_ts < passages.last_seen_ts
            and arrivals.event_ts + interval '90' minute >= passages.last_seen_ts
    where arrivals.estimate_arrive_sec is not null
    group by arrivals.id, arrivals.estimate_arrive_sec, arrivals.event_ts
)

select
    case
        when estimate_arrive_sec < 300 then '0 under 5 min'
        when estimate_arrive_sec < 600 then '1 under 10 min'
        when estimate_arrive_sec < 1200 then '2 under 20 min'
        else '3 20 min and more'
    end as said_away,
    count(*) as predictions,
    avg(real_sec - estimate_arrive_sec) as avg_error_sec,
    avg(abs(real_sec - estimate_arrive_sec)) as avg_abs_error_sec,
    max(abs(real_sec - estimate_arrive_sec)) as worst_error_sec
from compared
group by
    case
        when estimate_arrive_sec < 300 then '0 under 5 min'
        when estimate_arrive_sec < 600 then '1 under 10 min'
        when estimate_arrive_sec < 1200 then '2 under 20 min'
        else '3 20 min and more'
    end
order by said_away asc
