-- Which lines suffer from bad weather? One row a line: delay rates in adverse and other weather.
-- adverse_ratio is how many times as late it was; a coincidence is no cause, least of all over few
-- days: compare the same hours before blaming the rain.
with rates as (
    select
        label,
        count(delayed) filter (where weather_adverse) as rated_adverse,
        count_if(delayed and weather_adverse) as delayed_adverse,
        count(delayed) filter (where not weather_adverse) as rated_other,
        count_if(delayed and not weather_adverse) as delayed_other
    from ${prefix}_emt_gold.arrivals_weather
    where arrival_rank = 1
    group by label
)

select
    label,
    rated_adverse,
    rated_other,
    cast(delayed_adverse as double) / nullif(rated_adverse, 0) as delay_rate_adverse,
    cast(delayed_other as double) / nullif(rated_other, 0) as delay_rate_other,
    (cast(delayed_adverse as double) / nullif(rated_adverse, 0))
    / nullif(cast(delayed_other as double) / nullif(rated_other, 0), 0) as adverse_ratio
from rates
order by adverse_ratio desc nulls last, label asc
