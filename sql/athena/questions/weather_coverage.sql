-- For how many arrivals is the weather known? One row for each local date.
select
    local_date,
    count(*) as predictions,
    count(obs_ts) as with_observation,
    count(weather_severity) as with_severity,
    cast(count(obs_ts) as double) / count(*) as coverage,
    count(distinct obs_ts) as observations
from ${prefix}_views.arrivals
group by local_date
order by local_date asc
