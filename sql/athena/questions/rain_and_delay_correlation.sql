-- Do delays go with rain, wind, cold? One row a line: correlations over its hours.
-- Of lines with 3 hours or more; a few hours say little.
select
    label,
    count(*) as hours,
    corr(delay_rate, avg_precip_mm) as with_rain,
    corr(delay_rate, avg_wind_kph) as with_wind,
    corr(delay_rate, avg_temp_c) as with_temperature
from ${prefix}_emt_gold.delay_weather_hourly
where delay_rate is not null and avg_precip_mm is not null
group by label
having count(*) >= 3
order by label asc
