-- Which tags and branches hold which snapshot of a table? One row for each of them.
-- replace table: emt_gold.delay_weather_hourly (database.table, without the prefix)
-- Athena documents this table; Trino has it from a later version on than 406.
select
    name,
    type,
    snapshot_id,
    max_reference_age_in_ms,
    min_snapshots_to_keep,
    max_snapshot_age_in_ms
from ${prefix}_emt_gold."delay_weather_hourly$refs"
order by name asc
