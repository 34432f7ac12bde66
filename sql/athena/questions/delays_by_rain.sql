-- From how much rain on are buses late? One row for each class of rain in the last hour.
with classed as (
    select
        delayed,
        estimate_arrive_sec,
        case
            when precip_mm is null then 'unknown'
            when precip_mm < 0.1 then '0 dry'
            when precip_mm < 0.5 then '1 under 0.5 mm'
            when precip_mm < 2 then '2 under 2 mm'
            else '3 2 mm and more'
        end as rain
    from ${prefix}_emt_gold.arrivals_weather
    where arrival_rank = 1
)

select
    rain,
    count(*) as first_buses,
    count(delayed) as rated_preds,
    count_if(delayed) as delayed_preds,
    cast(count_if(delayed) as double) / nullif(count(delayed), 0) as delay_rate,
    cast(sum(estimate_arrive_sec) as double) / nullif(count(estimate_arrive_sec), 0) / 60
        as avg_wait_min
from classed
group by rain
order by rain asc
