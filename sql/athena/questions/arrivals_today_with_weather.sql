-- Which buses are due today, and in what weather? One row for each predicted arrival of today.
-- Today is the local date of the newest poll, so that the answer never is empty for want of polls.
with today as (
    select max(local_date) as local_date
    from ${prefix}_views.arrivals
)

select
    arrivals.local_ts,
    arrivals.label,
    arrivals.destination,
    arrivals.stop_id,
    arrivals.stop_name,
    arrivals.arrival_rank,
    arrivals.estimate_arrive_sec,
    arrivals.delayed,
    arrivals.condition_text,
    arrivals.temp_c,
    arrivals.precip_mm,
    arrivals.wind_kph,
    arrivals.weather_severity,
    arrivals.delay_weather_attributed
from ${prefix}_views.arrivals
inner join today on arrivals.local_date = today.local_date
order by
    arrivals.local_ts desc,
    arrivals.stop_id asc,
    arrivals.label asc,
    arrivals.arrival_rank asc
