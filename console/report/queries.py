"""Every question the report asks of the lake, as one SELECT each; nothing is aggregated elsewhere.

Instants leave DuckDB as naive UTC or naive Madrid time, named so: timestamps with a zone would
need a package that the lake has no other use for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from console.report import facts
from console.report.words import EN_DASH, ZONE

if TYPE_CHECKING:
    import duckdb

R = TypeVar("R")
MAX_RUNS = 40


def _ask(con: duckdb.DuckDBPyConnection, row: type[R], sql: str, **values: Any) -> list[R]:
    return [row(*found) for found in con.execute(sql, values or None).fetchall()]


def overview(con: duckdb.DuckDBPyConnection) -> facts.Overview:
    """How much there is, how much of it is rated and late, and how new it is."""
    sql = """
        with arrivals as (
            select
                count(*) as predictions,
                count(delayed) as rated,
                count_if(delayed) as late,
                count_if(estimate_arrive_sec is null) as censored,
                count(obs_ts) as with_weather,
                count(distinct label) as lines,
                count(distinct stop_id) as stops,
                count_if(weather_adverse and delayed is not null) as adverse_rated,
                count_if(weather_adverse and delayed) as adverse_late,
                count_if(not weather_adverse and delayed is not null) as calm_rated,
                count_if(not weather_adverse and delayed) as calm_late,
                min(event_ts) at time zone $zone as first_local,
                max(event_ts) at time zone $zone as last_local,
                max(event_ts) at time zone 'UTC' as newest_event_utc,
            from emt_gold.arrivals_weather
        ),

        weather as (
            select max(obs_ts) at time zone 'UTC' as newest_utc
            from meteorology_silver.meteorology_current
        ),

        hourly as (
            select coalesce(sum(total_preds), 0)::bigint as predictions
            from emt_gold.delay_weather_hourly
        ),

        timetable as (
            select count(distinct line) as lines
            from emt_silver.lines_timetable
        )

        select
            arrivals.*,
            weather.newest_utc as newest_observation_utc,
            hourly.predictions as hourly_predictions,
            timetable.lines as timetable_lines,
        from arrivals, weather, hourly, timetable
    """
    return _ask(con, facts.Overview, sql, zone=ZONE)[0]


def cells(con: duckdb.DuckDBPyConnection) -> list[facts.Cell]:
    """How often each line was late in each local hour of the day."""
    sql = """
        select
            label,
            hour(event_hour at time zone $zone)::integer as local_hour,
            sum(rated_preds)::bigint as rated,
            sum(delayed_preds)::bigint as late,
        from emt_gold.delay_weather_hourly
        where rated_preds > 0
        group by all
        order by label, local_hour
    """
    return _ask(con, facts.Cell, sql, zone=ZONE)


def lines(con: duckdb.DuckDBPyConnection) -> list[facts.Line]:
    """How often each line was late, the worst first."""
    sql = """
        with names as (
            select
                label,
                min(concat_ws($dash, nullif(trim(name_a), ''), nullif(trim(name_b), ''))) as name,
            from emt_silver.lines
            group by label
        ),

        totals as (
            select
                label,
                sum(total_preds)::bigint as predictions,
                sum(rated_preds)::bigint as rated,
                sum(delayed_preds)::bigint as late,
            from emt_gold.delay_weather_hourly
            group by label
        )

        select
            totals.label, coalesce(names.name, '') as name,
            totals.predictions, totals.rated, totals.late,
        from totals
        left join names on totals.label = names.label
        order by totals.late / nullif(totals.rated, 0) desc nulls last, totals.rated desc, 1
    """
    return _ask(con, facts.Line, sql, dash=f" {EN_DASH} ")


def stops(con: duckdb.DuckDBPyConnection) -> list[facts.Stop]:
    """How often buses were late at each stop, the worst first."""
    sql = """
        with seen as (
            select
                stop_id,
                count(*) as predictions,
                count(delayed) as rated,
                count_if(delayed) as late,
            from emt_gold.arrivals_weather
            group by stop_id
        )

        select
            coalesce(stops.stop_id, seen.stop_id) as stop_id,
            trim(stops.stop_name) as stop_name,
            stops.lon, stops.lat,
            coalesce(seen.predictions, 0) as predictions,
            coalesce(seen.rated, 0) as rated,
            coalesce(seen.late, 0) as late,
        from emt_silver.stops as stops
        full join seen on stops.stop_id = seen.stop_id
        order by seen.late / nullif(seen.rated, 0) desc nulls last, rated desc, 1
    """
    return _ask(con, facts.Stop, sql)


def severities(con: duckdb.DuckDBPyConnection) -> list[facts.Severity]:
    """How often buses were late in each class of weather, from good to severe."""
    sql = """
        select
            weather_severity,
            count(*) as predictions,
            count(delayed) as rated,
            count_if(delayed) as late,
        from emt_gold.arrivals_weather
        group by weather_severity
        order by
            list_position(['good', 'moderate', 'bad', 'severe'], weather_severity) nulls last
    """
    return _ask(con, facts.Severity, sql)


def slots(con: duckdb.DuckDBPyConnection, unit: str) -> list[facts.Slot]:
    """How delays, temperature and rain went together through time."""
    sql = """
        select
            date_trunc($unit, event_ts at time zone $zone)::timestamp as start_local,
            count(*) as predictions,
            count(delayed) as rated,
            count_if(delayed) as late,
            avg(temp_c) as temp_c,
            avg(precip_mm) as precip_mm,
        from emt_gold.arrivals_weather
        group by all
        order by start_local
    """
    return _ask(con, facts.Slot, sql, unit=unit, zone=ZONE)


def unrated(con: duckdb.DuckDBPyConnection) -> list[facts.Count]:
    """Why predictions were not rated: the first cause that holds, in the order written."""
    sql = """
        with timetable as (select line, label from emt_silver.lines_timetable)

        select
            case
                when arrival_rank > 1 then 'later bus'
                when estimate_arrive_sec is null then 'no estimate'
                when not coalesce(
                    line in (select line from timetable),
                    label in (select label from timetable),
                    false
                ) then 'no timetable'
                else 'no window'
            end as cause,
            count(*) as predictions,
        from emt_gold.arrivals_weather
        where delayed is null
        group by cause
        order by predictions desc, cause
    """
    return _ask(con, facts.Count, sql)


def rejected(con: duckdb.DuckDBPyConnection) -> list[facts.Rejected]:
    """Which rows were refused, and why."""
    sql = """
        select table_name, reason, count(*) as rejected_rows
        from ops.rejected_row
        group by table_name, reason
        order by rejected_rows desc, table_name, reason
    """
    return _ask(con, facts.Rejected, sql)


def accounts(con: duckdb.DuckDBPyConnection) -> list[facts.Account]:
    """What came in, and how much of it was accepted, collapsed and rejected."""
    sql = """
        select
            table_name,
            count(*) as runs,
            coalesce(sum(rows_in), 0)::bigint as rows_in,
            coalesce(sum(accepted), 0)::bigint as accepted,
            coalesce(sum(collapsed), 0)::bigint as collapsed,
            coalesce(sum(rejected), 0)::bigint as rejected,
        from ops.run
        where status = 'ok' and not coalesce(starts_with(job_group, 'maintenance'), false)
        group by table_name
        order by table_name
    """
    return _ask(con, facts.Account, sql)


def totals(con: duckdb.DuckDBPyConnection) -> facts.Totals:
    """How many table runs there were, and how many failed."""
    return _ask(con, facts.Totals, "select count(*), count_if(status = 'failed') from ops.run")[0]


def runs(con: duckdb.DuckDBPyConnection) -> list[facts.Run]:
    """What ran last, the newest first."""
    sql = """
        select
            run_id, table_name, status, reason,
            started_at at time zone 'UTC' as started_utc,
            epoch(ended_at) - epoch(started_at) as seconds,
            files, rows_in, inserted, updated, rejected, snapshot_id,
        from ops.run
        order by started_at desc, table_name
        limit $most
    """
    return _ask(con, facts.Run, sql, most=MAX_RUNS)
