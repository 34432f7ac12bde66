-- Which bus was due where, how late, in what weather? One row for each predicted arrival.
-- event_ts and obs_ts are UTC; local_ts is the city's clock. The line is the one asked, else the
-- one line that has the label; where two lines share a label, their ends stay unknown.
with labels as (
    select
        label,
        case when count(*) = 1 then max(line) end as line
    from ${prefix}_emt_silver.lines
    group by label
),

arrivals as (
    select
        arrivals_weather.*,
        coalesce(arrivals_weather.line, labels.line) as served_line,
        arrivals_weather.event_ts at time zone '${time_zone}' as city_ts
    from ${prefix}_emt_gold.arrivals_weather
    left join labels on arrivals_weather.label = labels.label
)

select
    arrivals.id,
    cast(arrivals.event_ts as timestamp(6)) as event_ts,
    cast(arrivals.city_ts as timestamp(6)) as local_ts,
    cast(arrivals.city_ts as date) as local_date,
    hour(arrivals.city_ts) as local_hour,
    arrivals.served_line as line,
    arrivals.label,
    lines.name_a,
    lines.name_b,
    arrivals.destination,
    arrivals.stop_id,
    stops.stop_name,
    stops.lon as stop_lon,
    stops.lat as stop_lat,
    arrivals.bus,
    arrivals.is_head,
    arrivals.arrival_rank,
    arrivals.estimate_arrive_sec,
    arrivals.distance_bus_m,
    arrivals.lon as bus_lon,
    arrivals.lat as bus_lat,
    arrivals.expected_headway_min,
    arrivals.expected_headway_max_min,
    arrivals.delay_ratio,
    arrivals.delayed,
    cast(arrivals.obs_ts as timestamp(6)) as obs_ts,
    arrivals.temp_c,
    arrivals.wind_kph,
    arrivals.precip_mm,
    arrivals.humidity,
    arrivals.vis_km,
    arrivals.uv,
    arrivals.air_pm10,
    arrivals.air_pm2_5,
    arrivals.condition_text,
    arrivals.weather_severity,
    arrivals.weather_adverse,
    arrivals.delay_weather_attributed,
    arrivals.run_id
from arrivals
left join ${prefix}_emt_silver.lines on arrivals.served_line = lines.line
left join ${prefix}_emt_silver.stops on arrivals.stop_id = stops.stop_id
