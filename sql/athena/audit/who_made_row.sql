-- Which run made a row what it is? One row for each row asked, with its run, source and commit.
-- replace label: '27' (the public name of the line)
-- A run that failed first and then ended well is told by its good end.
with good as (
    select *
    from ${prefix}_ops.run
    where status = 'ok' and table_name = 'emt_gold.delay_weather_hourly'
),

commits as (
    select
        element_at(summary, 'lake.run') as run_id,
        max(committed_at) as committed_at,
        max(snapshot_id) as snapshot_id
    from ${prefix}_emt_gold."delay_weather_hourly$snapshots"
    where element_at(summary, 'lake.run') is not null
    group by element_at(summary, 'lake.run')
)

select
    hourly.event_hour,
    hourly.label,
    hourly.delayed_preds,
    hourly.run_id,
    hourly.ingest_ts,
    commits.committed_at,
    commits.snapshot_id,
    max(good.code_version) as code_version,
    max(good.job_group) as job_group,
    hourly.source_uri,
    hourly.source_row
from ${prefix}_emt_gold.delay_weather_hourly as hourly
left join good on hourly.run_id = good.run_id
left join commits on hourly.run_id = commits.run_id
where hourly.label = '27'
group by
    hourly.event_hour,
    hourly.label,
    hourly.delayed_preds,
    hourly.run_id,
    hourly.ingest_ts,
    commits.committed_at,
    commits.snapshot_id,
    hourly.source_uri,
    hourly.source_row
order by hourly.event_hour asc
