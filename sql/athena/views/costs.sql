-- What did each table's runs take? One row for each UTC day and table.
-- Only what the ledger knows: seconds of the step within its job run, files and records read, rows
-- written. What a job run was billed is not in the lake: `lake status` and EMR Serverless tell it.
-- What a commit wrote in bytes is in the table's snapshots: audit/commits_and_runs.
select
    cast(started_at as date) as utc_date,
    table_name,
    count(*) as runs,
    count_if(status <> 'ok') as failed_runs,
    sum(to_unixtime(ended_at) - to_unixtime(started_at)) as seconds,
    max(to_unixtime(ended_at) - to_unixtime(started_at)) as longest_sec,
    sum(files) as files,
    sum(records) as records,
    sum(rows_in) as rows_in,
    sum(inserted + updated + gone) as rows_written,
    sum(to_unixtime(ended_at) - to_unixtime(started_at))
    / nullif(sum(inserted + updated + gone), 0) as seconds_per_row_written
from ${prefix}_ops.run
group by cast(started_at as date), table_name
