-- Which tables are behind? One row a table, the furthest behind the newest event of all first.
select
    table_name,
    newest_ts,
    (to_unixtime(max(newest_ts) over ()) - to_unixtime(newest_ts)) / 3600 as hours_behind_newest,
    last_change_ts,
    last_good_ts,
    last_failed_ts,
    coalesce(last_failed_ts > last_good_ts, false) as is_failing
from ${prefix}_views.freshness
where table_name <> 'emt_silver.service_calendar'
order by hours_behind_newest desc nulls last, table_name asc
