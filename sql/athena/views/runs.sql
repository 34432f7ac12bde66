-- What did each run do, when, and did it end well? One row for each table of each run.
-- Failed ones too. A retry has the run_id of what it retries, so a run can stand here twice. Times
-- are UTC.
select
    run_id,
    job_group,
    table_name,
    status,
    reason,
    cast(started_at as timestamp(6)) as started_at,
    cast(ended_at as timestamp(6)) as ended_at,
    to_unixtime(ended_at) - to_unixtime(started_at) as seconds,
    code_version,
    files,
    records,
    days,
    rows_in,
    inserted + updated + gone as rows_written,
    inserted + updated + gone > 0 as has_changed_rows,
    snapshot_id
from ${prefix}_ops.run
