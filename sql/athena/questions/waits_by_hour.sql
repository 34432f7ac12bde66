-- How long does one wait for the first bus, by hour of the day? One row for each local hour.
-- All days together, as told to somebody who looks at the display; a wait of over 45 minutes is not
-- said in minutes: unknown_waits.
select
    local_hour,
    count(*) as looks,
    cast(sum(estimate_arrive_sec) as double) / nullif(count(estimate_arrive_sec), 0) / 60
        as avg_wait_min,
    cast(max(estimate_arrive_sec) as double) / 60 as longest_wait_min,
    count_if(estimate_arrive_sec > 900) as over_15_min,
    count_if(estimate_arrive_sec is null) as unknown_waits
from ${prefix}_views.arrivals
where arrival_rank = 1
group by local_hour
order by local_hour asc
