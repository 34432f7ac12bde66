-- What did each commit write, and how long did its run take? One row for each commit of a run.
-- replace table: emt_gold.delay_weather_hourly (database.table, without the prefix)
with runs as (
    select
        run_id,
        snapshot_id,
        max(to_unixtime(ended_at) - to_unixtime(started_at)) as seconds,
        max(inserted + updated + gone) as rows_written
    from ${prefix}_ops.run
    where status = 'ok'
    group by run_id, snapshot_id
)

select
    commits.committed_at,
    commits.snapshot_id,
    element_at(commits.summary, 'lake.run') as run_id,
    runs.seconds,
    runs.rows_written,
    cast(element_at(commits.summary, 'added-files-size') as bigint) as bytes_written,
    cast(element_at(commits.summary, 'added-data-files') as bigint) as data_files,
    cast(element_at(commits.summary, 'total-files-size') as bigint) as bytes_in_table
from ${prefix}_emt_gold."delay_weather_hourly$snapshots" as commits
left join runs
    on
        commits.snapshot_id = runs.snapshot_id
        and element_at(commits.summary, 'lake.run') = runs.run_id
where element_at(commits.summary, 'lake.run') is not null
order by commits.committed_at desc, commits.snapshot_id asc
