-- Of which data files does a table consist now? One row for each file.
-- replace table: emt_gold.delay_weather_hourly (database.table, without the prefix)
select
    file_path,
    file_format,
    record_count,
    file_size_in_bytes,
    cast(file_size_in_bytes as double) / nullif(record_count, 0) as bytes_per_row
from ${prefix}_emt_gold."delay_weather_hourly$files"
order by file_path asc
