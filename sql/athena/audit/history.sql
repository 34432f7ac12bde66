-- Which snapshot was current from when on? One row for each time that the table's main moved.
-- replace table: emt_gold.delay_weather_hourly (database.table, without the prefix)
-- This is what "known at a time" goes by. Where is_current_ancestor is false, it was rolled back.
select
    made_current_at,
    lead(made_current_at) over (order by made_current_at) as until_ts,
    snapshot_id,
    parent_id,
    is_current_ancestor
from ${prefix}_emt_gold."delay_weather_hourly$history"
order by made_current_at desc
