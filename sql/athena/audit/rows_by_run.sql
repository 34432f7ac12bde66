-- Which runs made the rows that a table has now? One row for each run, the newest first.
-- replace table: emt_gold.delay_weather_hourly (a table with audit columns, without the prefix)
select
    run_id,
    min(ingest_ts) as began_at,
    count(*) as rows_here,
    count(distinct source_uri) as sources
from ${prefix}_emt_gold.delay_weather_hourly
group by run_id
order by began_at desc, run_id asc
