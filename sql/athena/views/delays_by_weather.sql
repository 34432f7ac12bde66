-- How late were buses in which weather? One row for each local date and class of weather.
-- The classes are gold's: good, moderate, bad, severe; unknown where no observation was near enough
-- or it said nothing of rain, wind and sight. Only first buses of a line at a stop count.
select
    local_date,
    coalesce(weather_severity, 'unknown') as weather_severity,
    count(*) as first_buses,
    count(delayed) as rated_preds,
    count_if(delayed) as delayed_preds,
    cast(count_if(delayed) as double) / nullif(count(delayed), 0) as delay_rate,
    count(distinct label) as lines,
    count(distinct obs_ts) as observations,
    max(precip_mm) as most_precip_mm,
    max(wind_kph) as most_wind_kph,
    min(vis_km) as least_vis_km
from ${prefix}_views.arrivals
where arrival_rank = 1
group by local_date, coalesce(weather_severity, 'unknown')
