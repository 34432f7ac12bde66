-- At which hours of which kind of day are buses late? One row for each day type and local hour.
-- LA workday, VI Friday, SA Saturday, FE holiday.
select
    day_type,
    local_hour,
    count(*) as days,
    sum(rated_preds) as rated_preds,
    sum(delayed_preds) as delayed_preds,
    cast(sum(delayed_preds) as double) / nullif(sum(rated_preds), 0) as delay_rate
from ${prefix}_views.delays_by_hour
group by day_type, local_hour
order by day_type asc, local_hour asc
