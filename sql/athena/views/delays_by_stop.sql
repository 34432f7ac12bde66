-- At which stops did people wait too long? One row for each local date and stop, lines together.
-- Only the first bus of a line at a stop in a poll counts: a second one is due later by nature.
select
    local_date,
    stop_id,
    max(stop_name) as stop_name,
    max(stop_lon) as stop_lon,
    max(stop_lat) as stop_lat,
    count(distinct label) as lines,
    count(*) as first_buses,
    count(delayed) as rated_preds,
    count_if(delayed) as delayed_preds,
    cast(count_if(delayed) as double) / nullif(count(delayed), 0) as delay_rate,
    cast(sum(estimate_arrive_sec) as double) / nullif(count(estimate_arrive_sec), 0) / 60
        as avg_estimate_min,
    max(estimate_arrive_sec) as longest_estimate_sec,
    count_if(delay_weather_attributed) as weather_attrib_delays
from ${prefix}_views.arrivals
where arrival_rank = 1
group by local_date, stop_id
