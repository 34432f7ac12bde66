-- Which lines can I rely on? One row for each line, the most reliable first, over all days.
-- Of lines with at least 3 rated first buses.
select
    label,
    max(name_a) as name_a,
    max(name_b) as name_b,
    sum(rated_preds) as rated_preds,
    sum(delayed_preds) as delayed_preds,
    cast(sum(delayed_preds) as double) / sum(rated_preds) as delay_rate,
    rank() over (order by cast(sum(delayed_preds) as double) / sum(rated_preds) asc)
        as place
from ${prefix}_views.delays_by_line
group by label
having sum(rated_preds) >= 3
order by delay_rate asc, label asc
