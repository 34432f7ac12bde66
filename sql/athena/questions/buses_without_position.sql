-- Which vehicles report no position or no estimate? One row for each vehicle that lacked one.
select
    bus,
    array_join(array_agg(distinct label order by label), ', ') as labels,
    count(*) as predictions,
    count_if(bus_lon is null or bus_lat is null) as without_position,
    count_if(estimate_arrive_sec is null) as without_estimate,
    max(event_ts) as last_seen_ts
from ${prefix}_views.arrivals
where bus is not null
group by bus
having
    count_if(bus_lon is null or bus_lat is null) > 0
    or count_if(estimate_arrive_sec is null) > 0
order by without_position desc, without_estimate desc, bus asc
