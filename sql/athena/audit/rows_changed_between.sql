-- Which rows came or went between two times? One row for each version of a row that only one has.
-- replace table: emt_gold.delay_weather_hourly (database.table, without the prefix)
-- replace earlier: current_timestamp - interval '1' day (a time in UTC, or a snapshot id)
-- replace later: current_timestamp - interval '1' second (a time in UTC, or a snapshot id)
-- For any table, whatever its columns; a changed row is there twice, as it was and as it became.
(
    select
        'was' as version,
        was.*
    from (
        select * from ${prefix}_emt_gold.delay_weather_hourly
        for timestamp as of current_timestamp - interval '1' day
        except
        select * from ${prefix}_emt_gold.delay_weather_hourly
        for timestamp as of current_timestamp - interval '1' second
    ) as was
)
union all
(
    select
        'became' as version,
        became.*
    from (
        select * from ${prefix}_emt_gold.delay_weather_hourly
        for timestamp as of current_timestamp - interval '1' second
        except
        select * from ${prefix}_emt_gold.delay_weather_hourly
        for timestamp as of current_timestamp - interval '1' day
    ) as became
)
