-- Which rows were refused, as they were answered, and from where? One row for each refused row.
-- replace table_name: 'emt_silver.arrivals_predictions' (the table that refused them)
select
    reason,
    source_uri,
    source_row,
    item,
    row_json,
    run_id,
    rejected_at
from ${prefix}_ops.rejected_row
where table_name = 'emt_silver.arrivals_predictions'
order by source_uri asc, source_row asc, item asc, reason asc
