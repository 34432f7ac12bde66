-- At which stops did bad weather and delays meet most? One row for each stop with such a delay.
select
    stop_id,
    max(stop_name) as stop_name,
    max(stop_lon) as stop_lon,
    max(stop_lat) as stop_lat,
    sum(delayed_preds) as delayed_preds,
    sum(weather_attrib_delays) as weather_attrib_delays,
    cast(sum(weather_attrib_delays) as double) / nullif(sum(delayed_preds), 0)
        as weather_attrib_rate
from ${prefix}_views.delays_by_stop
group by stop_id
having sum(weather_attrib_delays) > 0
order by weather_attrib_delays desc, stop_id asc
