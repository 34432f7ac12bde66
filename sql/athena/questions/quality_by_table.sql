-- What share of what came in is in the tables? One row for each table, all its runs.
select
    table_name,
    count(*) as runs,
    sum(rows_in) as rows_in,
    sum(accepted) as accepted,
    sum(collapsed) as collapsed,
    sum(rejected) as rejected,
    cast(sum(rejected) as double) / nullif(sum(rows_in), 0) as rejected_rate,
    cast(sum(collapsed) as double) / nullif(sum(rows_in), 0) as collapsed_rate,
    bool_and(is_balanced) as is_balanced
from ${prefix}_views.data_quality
group by table_name
order by rejected_rate desc nulls last, table_name asc
