-- Which rows are refused, and why? One row for each table and reason.
select
    table_name,
    reason,
    count(*) as refused_rows,
    count(distinct source_uri) as sources,
    min(source_uri) as first_source,
    cast(min(rejected_at) as timestamp(6)) as first_ts,
    cast(max(rejected_at) as timestamp(6)) as last_ts
from ${prefix}_ops.rejected_row
group by table_name, reason
order by refused_rows desc, table_name asc, reason asc
