-- How fresh is each table? One row a table that a run has filled. Times are UTC.
-- newest_ts is the newest event in it (a day's beginning for the calendar); lag_sec is how far that
-- was behind when the last run that ended well was over. Its age now: current_timestamp minus
-- newest_ts.
with newest as (
    select
        'emt_silver.arrivals_predictions' as table_name,
        max(event_ts) as newest_ts
    from ${prefix}_emt_silver.arrivals_predictions
    union all
    select
        'emt_silver.incidents' as table_name,
        max(published_ts) as newest_ts
    from ${prefix}_emt_silver.incidents
    union all
    select
        'emt_silver.lines' as table_name,
        max(updated_ts) as newest_ts
    from ${prefix}_emt_silver.lines
    union all
    select
        'emt_silver.lines_stops' as table_name,
        max(updated_ts) as newest_ts
    from ${prefix}_emt_silver.lines_stops
    union all
    select
        'emt_silver.lines_timetable' as table_name,
        max(updated_ts) as newest_ts
    from ${prefix}_emt_silver.lines_timetable
    union all
    select
        'emt_silver.service_calendar' as table_name,
        cast(max(day) as timestamp(6) with time zone) as newest_ts
    from ${prefix}_emt_silver.service_calendar
    union all
    select
        'emt_silver.stops' as table_name,
        max(updated_ts) as newest_ts
    from ${prefix}_emt_silver.stops
    union all
    select
        'meteorology_silver.meteorology_current' as table_name,
        max(obs_ts) as newest_ts
    from ${prefix}_meteorology_silver.meteorology_current
    union all
    select
        'openweather_silver.weather_observation' as table_name,
        max(event_ts) as newest_ts
    from ${prefix}_openweather_silver.weather_observation
    union all
    select
        'emt_gold.arrivals_weather' as table_name,
        max(event_ts) as newest_ts
    from ${prefix}_emt_gold.arrivals_weather
    union all
    select
        'emt_gold.delay_weather_hourly' as table_name,
        max(event_hour) as newest_ts
    from ${prefix}_emt_gold.delay_weather_hourly
),

runs as (
    select
        table_name,
        count_if(status = 'ok') as good_runs,
        count_if(status <> 'ok') as failed_runs,
        max(case when status = 'ok' then ended_at end) as last_good_ts,
        max(case when status <> 'ok' then ended_at end) as last_failed_ts,
        max(case when inserted + updated + gone > 0 then ended_at end) as last_change_ts
    from ${prefix}_ops.run
    group by table_name
)

select
    runs.table_name,
    cast(newest.newest_ts as timestamp(6)) as newest_ts,
    cast(runs.last_change_ts as timestamp(6)) as last_change_ts,
    cast(runs.last_good_ts as timestamp(6)) as last_good_ts,
    cast(runs.last_failed_ts as timestamp(6)) as last_failed_ts,
    to_unixtime(runs.last_good_ts) - to_unixtime(newest.newest_ts) as lag_sec,
    runs.good_runs,
    runs.failed_runs
from runs
left join newest on runs.table_name = newest.table_name
