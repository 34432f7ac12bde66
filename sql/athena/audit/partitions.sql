-- How much is in which partition of a table? One row for each partition.
-- replace table: emt_gold.delay_weather_hourly (a table with partitions, without the prefix)
select
    json_format(cast("partition" as json)) as partition_values,
    record_count,
    file_count,
    total_size
from ${prefix}_emt_gold."delay_weather_hourly$partitions"
order by partition_values asc
