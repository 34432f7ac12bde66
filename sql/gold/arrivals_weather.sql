-- What did timetable and weather say when this arrival was predicted? One row for each arrival.
-- Reads: arrivals_predictions, lines, lines_timetable, service_calendar, meteorology_current.
with predictions as (
    select
        *,
        unix_micros(event_ts) as event_us,
        from_utc_timestamp(event_ts, :time_zone) as local_ts,
        row_number() over (
            partition by event_ts, stop_id, label
            order by
                estimate_arrive_sec asc nulls last,
                distance_bus_m asc nulls last,
                bus asc nulls last,
                id asc
        ) as arrival_rank
    from arrivals_predictions
),

-- A label that one line has alone tells the line where none was asked.
unique_labels as (
    select
        label,
        max(line) as line_of_label
    from lines
    group by label
    having count(*) = 1
),

versions as (
    select
        line,
        valid_from,
        lead(valid_from) over (partition by line order by valid_from) as next_from,
        row_number() over (partition by line order by valid_from) = 1 as is_first
    from (
        select distinct
            line,
            valid_from
        from lines_timetable
    ) as fetched
),

-- The timetable in force on a service day: the latest fetched by then, else the earliest.
in_force as (
    select
        v.line,
        v.valid_from,
        c.day,
        c.day_type
    from versions as v
    inner join service_calendar as c
        on
            (v.is_first or v.valid_from <= c.day)
            and (v.next_from is null or v.next_from > c.day)
),

day_types as (
    select
        *,
        max(day_type = 'VI') over (partition by line, valid_from) as has_friday
    from lines_timetable
),

-- A Friday without a timetable of its own runs as a workday.
timetables as (
    select
        f.day,
        t.*
    from in_force as f
    inner join day_types as t
        on
            f.line = t.line
            and f.valid_from = t.valid_from
            and (
                f.day_type = t.day_type
                or (f.day_type = 'VI' and t.day_type = 'LA' and not t.has_friday)
            )
),

directions as (
    select
        line,
        day,
        d1_start_time as start_time,
        d1_stop_time as stop_time,
        d1_min_freq as min_freq,
        d1_max_freq as max_freq
    from timetables
    union all
    select
        line,
        day,
        d2_start_time as start_time,
        d2_stop_time as stop_time,
        d2_min_freq as min_freq,
        d2_max_freq as max_freq
    from timetables
),

clock as (
    select
        line,
        day,
        60 * int(split_part(start_time, ':', 1)) + int(split_part(start_time, ':', 2))
            as start_min,
        60 * int(split_part(stop_time, ':', 1)) + int(split_part(stop_time, ':', 2))
            as stop_min,
        nullif(min_freq, 0) as min_headway,
        nullif(max_freq, 0) as max_headway
    from directions
    where start_time is not null and stop_time is not null
),

-- A window that crosses midnight belongs to the day it starts on. Where one direction starts late
-- and crosses, the other one's early window is its way back, 24 hours later.
service_windows as (
    select
        line,
        day,
        start_min + later as start_min,
        stop_min + later + if(stop_min < start_min, 1440, 0) as stop_min,
        min_headway,
        max_headway
    from (
        select
            *,
            if(
                start_min < 360
                and max(start_min >= 1200 and stop_min < start_min)
                    over (partition by line, day),
                1440,
                0
            ) as later
        from clock
    ) as shifted
),

-- The same windows by the local date they are looked up on, in minutes of that date.
local_windows as (
    select
        line,
        local_date,
        collect_list(struct(start_min, stop_min, min_headway, max_headway)) as windows
    from (
        select
            line,
            day as local_date,
            start_min,
            stop_min,
            min_headway,
            max_headway
        from service_windows
        union all
        select
            line,
            date_add(day, 1) as local_date,
            start_min - 1440 as start_min,
            stop_min - 1440 as stop_min,
            min_headway,
            max_headway
        from service_windows
        where stop_min >= 1440
    ) as looked_up
    group by line, local_date
),

observations as (
    select
        *,
        unix_micros(obs_ts) as obs_us,
        bigint(:wx_recent_minutes) * 60000000 as window_us,
        lag(unix_micros(obs_ts)) over (partition by location order by obs_ts) as earlier_us,
        lead(unix_micros(obs_ts)) over (partition by location order by obs_ts) as later_us
    from meteorology_current
    where location = :weather_location
),

-- The arrivals nearest to an observation lie between the midpoints to its neighbours (a tie goes
-- to the earlier one) and within the window: intervals that do not overlap.
reach as (
    select
        *,
        coalesce(greatest(obs_us - window_us, (earlier_us + obs_us) div 2 + 1), obs_us - window_us)
            as from_us,
        coalesce(least(obs_us + window_us, (obs_us + later_us) div 2), obs_us + window_us) as to_us
    from observations
),

-- Cut into pieces of five minutes, so that the join is one on equality, without a shuffle.
nearest as (
    select
        *,
        explode(sequence(from_us div 300000000, to_us div 300000000)) as bucket
    from reach
    where from_us <= to_us
),

matched as (
    select /*+ broadcast(u), broadcast(w), broadcast(n) */
        p.*,
        n.obs_ts,
        n.temp_c,
        n.wind_kph,
        n.precip_mm,
        n.humidity,
        n.vis_km,
        n.uv,
        n.air_pm10,
        n.air_pm2_5,
        n.condition_text,
        filter(
            w.windows,
            x -> x.start_min <= hour(p.local_ts) * 60 + minute(p.local_ts)
            and x.stop_min >= hour(p.local_ts) * 60 + minute(p.local_ts)
        ) as windows
    from predictions as p
    left join unique_labels as u
        on p.label = u.label and p.line is null
    left join local_windows as w
        on coalesce(p.line, u.line_of_label) = w.line and to_date(p.local_ts) = w.local_date
    left join nearest as n
        on
            p.event_us div 300000000 = n.bucket
            and p.event_us >= n.from_us
            and p.event_us <= n.to_us
),

rated as (
    select
        *,
        array_min(transform(windows, x -> x.min_headway)) as expected_headway_min,
        array_max(transform(windows, x -> x.max_headway)) as expected_headway_max_min,
        double(estimate_arrive_sec)
        / (array_min(transform(windows, x -> x.min_headway)) * 60) as delay_ratio,
        case
            when coalesce(precip_mm, wind_kph, vis_km) is null then null
            when precip_mm >= 2 or wind_kph >= 45 or vis_km < 3 then 'severe'
            when precip_mm >= 0.5 or wind_kph >= 30 or vis_km < 6 then 'bad'
            when precip_mm >= 0.1 or wind_kph >= 20 then 'moderate'
            else 'good'
        end as weather_severity
    from matched
),

-- A second bus is due a headway later by nature: only the first one can be late.
judged as (
    select
        *,
        case when arrival_rank = 1 then delay_ratio > :delay_ratio_thresh end as delayed,
        weather_severity in ('bad', 'severe') as weather_adverse
    from rated
)

select
    id,
    event_ts,
    line,
    label,
    stop_id,
    destination,
    is_head,
    deviation,
    bus,
    estimate_arrive_sec,
    distance_bus_m,
    position_type_bus,
    lon,
    lat,
    arrival_rank,
    expected_headway_min,
    expected_headway_max_min,
    delay_ratio,
    delayed,
    obs_ts,
    temp_c,
    wind_kph,
    precip_mm,
    humidity,
    vis_km,
    uv,
    air_pm10,
    air_pm2_5,
    condition_text,
    weather_severity,
    weather_adverse,
    delayed and weather_adverse as delay_weather_attributed,
    source_uri,
    source_row
from judged
