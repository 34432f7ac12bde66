-- What did a table say at a time? One row for each row that it had then.
-- replace table: emt_gold.delay_weather_hourly (database.table, without the prefix)
-- replace at: current_timestamp - interval '1' second (a time in UTC, or a snapshot id)
-- At a time means: by the snapshot that was current then, whenever that was written. A time before
-- the table's first snapshot is an error. By hand: timestamp '2026-03-03 12:00:00 UTC'.
select *
from ${prefix}_emt_gold.delay_weather_hourly
for timestamp as of current_timestamp - interval '1' second
