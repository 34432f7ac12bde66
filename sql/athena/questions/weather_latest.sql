-- What is the weather, as last delivered? One row for each place asked.
with ranked as (
    select
        *,
        row_number() over (partition by location order by obs_ts desc) as version
    from ${prefix}_views.weather_now
)

select
    location,
    location_name,
    obs_ts,
    temp_c,
    feelslike_c,
    precip_mm,
    wind_kph,
    gust_kph,
    vis_km,
    humidity,
    condition_text,
    is_merged
from ranked
where version = 1
order by location asc
