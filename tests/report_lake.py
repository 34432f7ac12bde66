"""A made-up lake in DuckDB for the report's tests: the same rows each time, with a storm in it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import duckdb

from console.report import TableFact, write

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2025, 8, 28, 21, 30, tzinfo=timezone.utc)
FACTS = [
    TableFact("emt_gold.arrivals_weather", 7204310112458923211, NOW, "a1b2c3d4e5f60718", 9999),
    TableFact("emt_gold.delay_weather_hourly", 3120431011245892321, NOW, "a1b2c3d4e5f60718", 612),
]

_SCHEMA = """
create schema emt_gold; create schema emt_silver;
create schema meteorology_silver; create schema ops;
create table emt_gold.arrivals_weather (
    id varchar, event_ts timestamptz, line varchar, label varchar, stop_id varchar,
    destination varchar, is_head boolean, deviation integer, bus varchar,
    estimate_arrive_sec integer, distance_bus_m integer, position_type_bus varchar,
    lon double, lat double, arrival_rank integer, expected_headway_min integer,
    expected_headway_max_min integer, delay_ratio double, delayed boolean,
    obs_ts timestamptz, temp_c double, wind_kph double, precip_mm double, humidity integer,
    vis_km double, uv double, air_pm10 double, air_pm2_5 double, condition_text varchar,
    weather_severity varchar, weather_adverse boolean, delay_weather_attributed boolean,
    ingest_ts timestamptz, run_id varchar, source_uri varchar, source_row bigint
);
create table emt_gold.delay_weather_hourly (
    event_hour timestamptz, label varchar, line varchar, total_preds bigint, rated_preds bigint,
    censored_preds bigint, delayed_preds bigint, delay_rate double, adverse_preds bigint,
    adverse_rate double, weather_attrib_delays bigint, weather_attrib_rate double,
    avg_temp_c double, avg_wind_kph double, avg_precip_mm double
);
create table emt_silver.stops (
    stop_id varchar, stop_name varchar, lon double, lat double, direction varchar,
    lines varchar[], updated_ts timestamptz
);
create table emt_silver.lines (line varchar, label varchar, name_a varchar, name_b varchar);
create table emt_silver.lines_timetable (
    line varchar, label varchar, day_type varchar, valid_from date
);
create table meteorology_silver.meteorology_current (
    location varchar, location_name varchar, obs_ts timestamptz, temp_c double
);
create table ops.run (
    run_id varchar, job_group varchar, table_name varchar, status varchar, reason varchar,
    started_at timestamptz, ended_at timestamptz, code_version varchar, files bigint, days bigint,
    rows_in bigint, accepted bigint, collapsed bigint, rejected bigint, inserted bigint,
    updated bigint, unchanged bigint, older bigint, snapshot_id bigint
);
create table ops.rejected_row (
    table_name varchar, reason varchar, row_json varchar, source_uri varchar, source_row bigint,
    item integer, run_id varchar, rejected_at timestamptz
);
"""

_PLACES = """
create macro u(i, salt) as (hash(i * 131 + salt * 7919) % 1000003) / 1000003.0;
insert into emt_silver.lines
select
    format('{:03d}', i), labels[i], split_part(names[i], '|', 1), split_part(names[i], '|', 2)
from range(1, 15) as r(i), (select
    ['1', '3', '5', '9', '14', '21', '27', '34', '40', '51', '70', '150', 'C1', 'N27'] as labels,
    [
        'Cristo Rey|Prosperidad', 'San Amaro|Puerta de Toledo', 'Chamartín|Sol',
        'Sevilla|Hortaleza', 'Conde de Casal|Pío XII', 'Pintor Rosales|San Blas',
        'Embajadores|Plaza de Castilla', 'Cibeles|Las Águilas', 'Tribunal|Alfonso XIII',
        'Sol|Plaza del Perú', 'Alsacia|Plaza de Castilla', 'Sol|Virgen Cortijo',
        'Circular interior|', 'Cibeles|Barajas',
    ] as names);
insert into emt_silver.lines_timetable
select line, label, 'LA', date '2025-08-01' from emt_silver.lines where label <> '150';
insert into emt_silver.stops
select
    (100 + i)::varchar,
    streets[1 + i % 12] || ' / ' || crossings[1 + i // 12],
    -3.7038 + 0.09 * (u(i, 1) - 0.5) + 0.05 * (u(i, 2) - 0.5),
    40.4168 + 0.08 * (u(i, 3) - 0.5) + 0.04 * (u(i, 4) - 0.5),
    'A', ['1'], timestamptz '2025-08-26 00:00:00+00'
from range(66) as r(i), (select
    [
        'Castellana', 'Gran Vía', 'Alcalá', 'Atocha', 'Serrano', 'Bravo Murillo', 'Princesa',
        'Goya', 'Delicias', 'Velázquez', 'Arturo Soria', 'Santa Engracia',
    ] as streets,
    ['Plaza de Cuzco', 'Metro', 'Mercado', 'Hospital', 'Estación', 'Biblioteca'] as crossings);
insert into meteorology_silver.meteorology_current
select 'madrid', 'Madrid', timestamptz '2025-08-26 04:00:00+00' + to_minutes(15 * i), 25
from range(262) as r(i);
"""

_ARRIVALS = """
insert into emt_gold.arrivals_weather
with polls as (
    select
        i,
        timestamptz '2025-08-26 04:10:00+00' + to_days((i % 3)::integer)
            + to_seconds(floor(61000 * u(i, 5))) as event_ts,
        1 + floor(14 * pow(u(i, 6), 1.4))::integer as nr,
        100 + floor(60 * u(i, 7))::integer as stop,
        case when u(i, 8) < 0.3 then 2 else 1 end as arrival_rank,
        u(i, 9) < 0.05 as censored
    from range(9999) as r(i)
),

placed as (
    select
        polls.*, lines.line, lines.label, stops.lon, stops.lat,
        hour(event_ts at time zone 'Europe/Madrid') as h,
        i % 3 = 1 and h between 15 and 20 as storm,
        lines.label <> '150' and not (lines.label = 'N27' and h between 7 and 22) as in_force
    from polls
    join emt_silver.lines as lines on lines.line = format('{:03d}', polls.nr)
    join emt_silver.stops as stops on stops.stop_id = polls.stop::varchar
),

rated as (
    select
        *,
        u(i, 10) < 0.07 + 0.02 * (nr % 7) + 0.12 * (h in (8, 9, 18, 19))::integer
            + 0.16 * storm::integer + 2.2 * abs(lat - 40.4168) + (nr = 7)::integer * 0.1 as late
    from placed
)

select
    i::varchar, event_ts, line, label, stop::varchar, 'Centre', false, 0, i::varchar,
    case when not censored then case when late then 900 else 200 end end, 500, '0', lon, lat,
    arrival_rank, case when in_force then 8 end, case when in_force then 12 end,
    case when in_force and not censored then case when late then 1.9 else 0.4 end end,
    case when in_force and not censored and arrival_rank = 1 then late end,
    case when i % 50 > 0 then event_ts end,
    case when i % 50 > 0 then 20 + 6 * sin((h - 9) / 24.0 * 6.28) - 4 * storm::integer end,
    12, case when i % 50 > 0 then case when storm then (h % 4) * 0.9 else 0 end end,
    40, 10, 3, 20, 9, 'Sunny',
    case when i % 50 > 0 then case
        when not storm then 'good' when h % 4 = 3 then 'severe' when h % 4 = 0 then 'moderate'
        else 'bad' end end as severity,
    severity in ('bad', 'severe') as adverse, adverse and late, event_ts, 'run', 'file', i
from rated;
insert into emt_gold.delay_weather_hourly
select
    date_trunc('hour', event_ts), label, min(line), count(*), count(delayed),
    count_if(estimate_arrive_sec is null), count_if(delayed), null, count_if(weather_adverse),
    null, 0, null, avg(temp_c), avg(wind_kph), avg(precip_mm)
from emt_gold.arrivals_weather
group by 1, 2;
"""

_OPS = """
insert into ops.run
select
    md5(i::varchar), 'emt', tables[1 + i % 4], case when i = 5 then 'failed' else 'ok' end,
    case when i = 5 then 'the commit kept colliding → lake run' end,
    timestamptz '2025-08-28 21:00:00+00' - to_minutes(40 * i),
    timestamptz '2025-08-28 21:00:12+00' - to_minutes(40 * i), 'c0de', 3, 1,
    1000 + i, 960, 30, 10 + i, 900, 20, 40, 0, 7204310112458923000 + i
from range(12) as r(i), (select [
    'emt_silver.arrivals_predictions', 'emt_silver.stops', 'emt_gold.arrivals_weather',
    'emt_gold.delay_weather_hourly',
] as tables);
insert into ops.rejected_row
select
    'emt_silver.arrivals_predictions',
    case when i % 4 = 0 then 'no stop' when i % 4 = 1 then 'negative estimate'
        else 'time in the spring gap' end,
    '{}', 'file', i, 0, 'run', timestamptz '2025-08-28 20:00:00+00'
from range(41) as r(i);
"""


def empty() -> duckdb.DuckDBPyConnection:
    """A lake with all its tables and no row."""
    con = duckdb.connect()
    con.execute(_SCHEMA)
    return con


def filled() -> duckdb.DuckDBPyConnection:
    """About ten thousand predictions of 14 lines at 60 of 66 stops, in three days."""
    con = empty()
    con.execute(_PLACES + _ARRIVALS + _OPS)
    return con


def report(con: duckdb.DuckDBPyConnection, folder: Path) -> Path:
    """The report on `con`, as the tests make it."""
    return write(
        con,
        folder / "report.html",
        generated_at=NOW,
        source="Simulated sources",
        tables=FACTS,
        attribution="Data: EMT Madrid MobilityLabs; weather: WeatherAPI.com.",
    )
