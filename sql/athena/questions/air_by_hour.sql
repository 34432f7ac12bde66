-- How clean was the air while buses ran? One row for each local date and hour with arrivals.
-- Of the observations matched to arrivals, each once: it is one place, not the stop's own air.
with observed as (
    select distinct
        local_date,
        local_hour,
        obs_ts,
        air_pm10,
        air_pm2_5,
        temp_c
    from ${prefix}_views.arrivals
    where obs_ts is not null
)

select
    local_date,
    local_hour,
    count(*) as observations,
    avg(air_pm10) as avg_pm10,
    max(air_pm10) as most_pm10,
    avg(air_pm2_5) as avg_pm2_5,
    avg(temp_c) as avg_temp_c
from observed
group by local_date, local_hour
order by local_date asc, local_hour asc
