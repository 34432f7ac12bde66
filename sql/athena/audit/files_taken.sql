-- Which bronze files went into which table, and by which run? One row for each file and table.
-- What was recorded before a rollback is here too; it counts while its snapshot is in main's
-- history.
select
    processed.table_name,
    processed.file,
    processed.run_id,
    processed.snapshot_id,
    processed.recorded_at
from ${prefix}_ops.processed_file as processed
order by processed.recorded_at asc, processed.table_name asc, processed.file asc
