-- What did the last runs do? One row for each table of each of the last 50 steps, the newest first.
select
    started_at,
    job_group,
    table_name,
    status,
    reason,
    seconds,
    files,
    rows_in,
    rows_written,
    run_id
from ${prefix}_views.runs
order by started_at desc, table_name asc
limit 50
