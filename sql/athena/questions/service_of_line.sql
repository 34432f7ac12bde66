-- When and how often does a line promise to run? One row for each day type of its newest timetable.
-- replace line: '027' (EMT's 3-digit code)
with newest as (
    select max(valid_from) as valid_from
    from ${prefix}_emt_silver.lines_timetable
    where line = '027'
)

select
    timetable.label,
    timetable.day_type,
    timetable.valid_from,
    timetable.name_a,
    timetable.d1_start_time,
    timetable.d1_stop_time,
    timetable.d1_min_freq,
    timetable.d1_max_freq,
    timetable.name_b,
    timetable.d2_start_time,
    timetable.d2_stop_time,
    timetable.d2_min_freq,
    timetable.d2_max_freq
from ${prefix}_emt_silver.lines_timetable as timetable
inner join newest on timetable.valid_from = newest.valid_from
where timetable.line = '027'
order by timetable.day_type asc
