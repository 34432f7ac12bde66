-- What became of the rows of each run? One row for each table of each run that ended well.
-- Every row that came in is accepted, rejected or collapsed into another one, and an accepted one
-- was inserted, updated, unchanged or older than what was there: is_balanced says that it adds up.
-- still_rejected counts what this run refused first and what is refused to this day.
with refused as (
    select
        run_id,
        table_name,
        count(*) as still_rejected,
        array_join(array_agg(distinct reason order by reason), '; ') as reasons
    from ${prefix}_ops.rejected_row
    group by run_id, table_name
)

select
    run.run_id,
    run.table_name,
    cast(run.started_at as timestamp(6)) as started_at,
    run.rows_in,
    run.accepted,
    run.rejected,
    run.collapsed,
    run.inserted,
    run.updated,
    run.unchanged,
    run.older,
    run.gone,
    cast(run.accepted as double) / nullif(run.rows_in, 0) as accepted_rate,
    cast(run.rejected as double) / nullif(run.rows_in, 0) as rejected_rate,
    run.rows_in = run.accepted + run.rejected + run.collapsed
    and run.accepted = run.inserted + run.updated + run.unchanged + run.older
        as is_balanced,
    coalesce(refused.still_rejected, 0) as still_rejected,
    refused.reasons
from ${prefix}_ops.run
left join refused on run.run_id = refused.run_id and run.table_name = refused.table_name
where run.status = 'ok'
