-- Where does the time go? One row for each table: seconds of all its runs, and its share of all.
select
    table_name,
    sum(runs) as runs,
    sum(seconds) as seconds,
    sum(seconds) / nullif(sum(sum(seconds)) over (), 0) as share,
    sum(rows_written) as rows_written
from ${prefix}_views.costs
group by table_name
order by seconds desc, table_name asc
