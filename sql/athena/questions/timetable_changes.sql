-- Which lines changed their promised headways? One row a line, day type and version that differs.
with versions as (
    select
        line,
        label,
        day_type,
        valid_from,
        d1_min_freq,
        d1_max_freq,
        lag(valid_from) over (partition by line, day_type order by valid_from) as was_from,
        lag(d1_min_freq) over (partition by line, day_type order by valid_from) as was_min,
        lag(d1_max_freq) over (partition by line, day_type order by valid_from) as was_max
    from ${prefix}_emt_silver.lines_timetable
)

select
    line,
    label,
    day_type,
    was_from,
    valid_from,
    was_min as min_headway_was,
    d1_min_freq as min_headway,
    was_max as max_headway_was,
    d1_max_freq as max_headway
from versions
where
    was_from is not null
    and (was_min is distinct from d1_min_freq or was_max is distinct from d1_max_freq)
order by line asc, day_type asc, valid_from asc
