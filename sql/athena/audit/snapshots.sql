-- Which commits has a table, and which run made each? One row for each snapshot, the newest first.
-- replace table: emt_gold.delay_weather_hourly (database.table, without the prefix)
-- committed_at is when it was written; when it became current is in audit/history. Without a run:
-- the table's making, or maintenance.
select
    committed_at,
    snapshot_id,
    parent_id,
    operation,
    element_at(summary, 'lake.run') as run_id,
    element_at(summary, 'lake.job') as job,
    element_at(summary, 'lake.code') as code_version,
    element_at(summary, 'lake.contract') as contract_version,
    element_at(summary, 'lake.inputs') as inputs,
    element_at(summary, 'lake.counts') as counts,
    element_at(summary, 'lake.cursor') as sources_at,
    cast(element_at(summary, 'added-records') as bigint) as added_records,
    cast(element_at(summary, 'deleted-records') as bigint) as deleted_records,
    cast(element_at(summary, 'added-position-deletes') as bigint) as position_deletes,
    cast(element_at(summary, 'total-records') as bigint) as total_records
from ${prefix}_emt_gold."delay_weather_hourly$snapshots"
order by committed_at desc, snapshot_id asc
