-- How late was each line in each hour, and how much of it in bad weather? One row for each hour
-- (UTC) and public name of a line.
-- Reads: arrivals_weather. Sums are exact decimals, so that no order of rows changes an average.
with counted as (
    select
        date_trunc('hour', event_ts) as event_hour,
        label,
        min(line) as line,
        count(*) as total_preds,
        count(delayed) as rated_preds,
        count_if(estimate_arrive_sec is null) as censored_preds,
        count_if(delayed) as delayed_preds,
        count(weather_adverse) as known_adverse,
        count_if(weather_adverse) as adverse_preds,
        count_if(delay_weather_attributed) as weather_attrib_delays,
        sum(cast(temp_c as decimal(12, 6))) / cast(count(temp_c) as decimal(10, 0)) as avg_temp_c,
        sum(cast(wind_kph as decimal(12, 6))) / cast(count(wind_kph) as decimal(10, 0))
            as avg_wind_kph,
        sum(cast(precip_mm as decimal(12, 6))) / cast(count(precip_mm) as decimal(10, 0))
            as avg_precip_mm,
        min(struct(source_uri, source_row)) as source
    from arrivals_weather
    group by date_trunc('hour', event_ts), label
)

select
    event_hour,
    label,
    line,
    total_preds,
    rated_preds,
    censored_preds,
    delayed_preds,
    double(delayed_preds) / nullif(rated_preds, 0) as delay_rate,
    adverse_preds,
    double(adverse_preds) / nullif(known_adverse, 0) as adverse_rate,
    weather_attrib_delays,
    double(weather_attrib_delays) / nullif(delayed_preds, 0) as weather_attrib_rate,
    double(avg_temp_c) as avg_temp_c,
    double(avg_wind_kph) as avg_wind_kph,
    double(avg_precip_mm) as avg_precip_mm,
    source.source_uri,
    source.source_row
from counted
