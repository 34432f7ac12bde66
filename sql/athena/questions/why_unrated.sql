-- Why is it not known of a first bus whether it was late? One row for each reason and line.
select
    case
        when estimate_arrive_sec is null and expected_headway_min is null
            then 'no estimate, no promise'
        when estimate_arrive_sec is null then 'no estimate: over 45 minutes'
        else 'no promised headway at that time'
    end as reason,
    label,
    count(*) as first_buses
from ${prefix}_views.arrivals
where arrival_rank = 1 and delayed is null
group by
    case
        when estimate_arrive_sec is null and expected_headway_min is null
            then 'no estimate, no promise'
        when estimate_arrive_sec is null then 'no estimate: over 45 minutes'
        else 'no promised headway at that time'
    end,
    label
order by first_buses desc, reason asc, label asc
