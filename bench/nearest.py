"""The nearest-weather join of `sql/gold/arrivals_weather.sql` against a scan and DuckDB's ASOF.

The join's text is taken from the file itself; around it stands an aggregate over all columns, so
that each of the three reads and carries the same.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

import duckdb

from bench import data
from bench.lake import ARRIVALS, WEATHER
from bench.measure import Work
from lakehouse import sql
from lakehouse.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame

    from bench.lake import Lake
    from bench.measure import Meter
    from bench.report import Report
    from lakehouse.table import Table

# Both engines read this the same way; integers, so that no order of rows changes a sum.
AGGREGATE = """
    count(*), count(obs_us), sum(event_us - obs_us), sum(abs(event_us - obs_us)),
    sum(cast(round(temp_c * 10) as bigint)), sum(cast(round(wind_kph * 10) as bigint)),
    sum(cast(round(precip_mm * 10) as bigint)), sum(length(id)), sum(length(line)),
    sum(length(label)), sum(length(stop_id)), sum(length(destination)), count_if(is_head),
    sum(deviation), sum(length(bus)), sum(estimate_arrive_sec), sum(distance_bus_m),
    sum(length(position_type_bus)), max(lon), max(lat)
"""
_PARAMETERS = ("wx_recent_minutes", "weather_location")
_PREDICTIONS = "select *, unix_micros(event_ts) as event_us from arrivals_predictions"
_SCAN = f"""
    select {AGGREGATE} from (
        select *, event_us as obs_us, lon as temp_c, lon as wind_kph, lat as precip_mm
        from ({_PREDICTIONS})
    )
"""
_PREVIOUS_IS_NEAREST = """
    a.event_us - p.obs_us <= $reach
    and (n.obs_us is null or a.event_us - p.obs_us <= n.obs_us - a.event_us)
"""


def cte(text: str, name: str) -> str:
    """`name as (…)` of a SELECT laid out as sqlfluff keeps it. Raises ContractError if absent."""
    start = text.find(f"\n{name} as (\n")
    end = text.find("\n)", start)
    if start < 0 or end < 0:
        raise ContractError(f"sql/gold/arrivals_weather.sql has no CTE {name}")
    return text[start:end] + "\n)"


def real_join(text: str) -> str:
    """The SELECT that carries arrivals and their observation, made of the file's own parts."""
    matched = cte(text, "matched")
    at = matched.find("left join nearest as n")
    if at < 0 or "broadcast(n)" not in matched:
        raise ContractError("sql/gold/arrivals_weather.sql joins `nearest` in another way")
    parts = ",".join(cte(text, name) for name in ("observations", "reach", "nearest"))
    columns = "p.*, n.obs_us, n.temp_c, n.wind_kph, n.precip_mm"
    return (
        f"with predictions as ({_PREDICTIONS}),{parts}\n"
        f"select /*+ broadcast(n) */ {columns} from predictions as p "
        f"{matched[at:].removesuffix(')')}"
    )


def asof_join() -> str:
    """DuckDB's way: the previous and the next observation; the nearer, in a tie the earlier."""
    nearest = ", ".join(
        f"case when {_PREVIOUS_IS_NEAREST} then p.{name} "
        f"when n.obs_us - a.event_us <= $reach then n.{name} end as {name}"
        for name in ("obs_us", "temp_c", "wind_kph", "precip_mm")
    )
    return (
        f"select {AGGREGATE} from (select a.*, {nearest} from "
        "(select *, epoch_us(event_ts) as event_us from read_parquet($arrivals)) as a "
        "asof left join weather as p on a.event_us >= p.obs_us "
        "asof left join weather as n on a.event_us <= n.obs_us)"
    )


def shuffles(plan: Any) -> Iterator[tuple[str, list[str]]]:
    """Exchanges of a physical plan other than broadcasts, each with the tables read below it."""
    name = plan.nodeName()
    if "Exchange" in name and not name.startswith("Broadcast"):
        yield plan.simpleString(200), sorted(_read(plan))
    for child in _children(plan):
        yield from shuffles(child)


def _children(plan: Any) -> Iterator[Any]:
    if plan.nodeName() == "AdaptiveSparkPlan":
        yield plan.executedPlan()
    else:
        children = plan.children()
        yield from (children.apply(n) for n in range(children.size()))


def _read(plan: Any) -> set[str]:
    name = plan.nodeName()
    found = {name.rpartition(".")[2]} if name.startswith("BatchScan") else set()
    return found.union(*(_read(child) for child in _children(plan)))


class Nearest:
    """The three ways over the first days of a lake, each remembering what it found."""

    def __init__(self, lake: Lake) -> None:
        self._spark, self._settings = lake.spark, lake.settings
        after = data.midnight(lake.size.nearest_days)
        window = timedelta(minutes=lake.settings.wx_recent_minutes)
        within = {
            ARRIVALS: f"event_ts < {sql.timestamp(after)}",
            WEATHER: f"obs_ts <= {sql.timestamp(after + window)}",
        }
        for table, where in within.items():
            frame = lake.spark.table(lake.name(table)).where(where)
            frame.createOrReplaceTempView(table.name)
        days = f"partition.event_ts_day < date'{after.date()}'"
        self._arrivals = _paths(lake, ARRIVALS, days)
        self._weather = _paths(lake, WEATHER, "true")
        self._join = real_join(sql.select("gold/arrivals_weather"))
        self.scanned: tuple[Any, ...] = ()
        self.joined: tuple[Any, ...] = ()
        self.expected: tuple[Any, ...] = ()

    def scan(self) -> None:
        """Every column of the arrivals, no join."""
        self.scanned = tuple(self._spark.sql(_SCAN).collect()[0])

    def join(self) -> None:
        """The join as gold makes it."""
        self.joined = tuple(self._sql(f"select {AGGREGATE} from ({self._join})").collect()[0])

    def asof(self) -> None:
        """DuckDB over the same files, with as many threads as Spark has."""
        reach = self._settings.wx_recent_minutes * 60_000_000
        with duckdb.connect() as connection:
            connection.execute(f"set threads = {self._settings.spark_cores}")
            connection.execute("set memory_limit = '8GB'")  # it needs 7 at ten million rows
            connection.execute(
                "create table weather as select *, epoch_us(obs_ts) as obs_us "
                "from read_parquet($weather) where location = $location",
                {"weather": self._weather, "location": self._settings.weather_location},
            )
            asked = connection.execute(
                asof_join(), {"arrivals": self._arrivals, "reach": reach}
            ).fetchone()
        self.expected = asked or ()

    def shuffles(self) -> list[tuple[str, list[str]]]:
        """What the join shuffles, and of which tables."""
        executed = self._sql(self._join)._jdf.queryExecution().executedPlan()  # noqa: SLF001
        return list(shuffles(executed))

    def _sql(self, text: str) -> DataFrame:
        args = {name: getattr(self._settings, name) for name in _PARAMETERS}
        return self._spark.sql(text, args=args)


def _paths(lake: Lake, table: Table, where: str) -> list[str]:
    """The Parquet files of a table without delete files."""
    found = lake.spark.sql(
        f"select file_path from {lake.name(table)}.data_files where {where} order by file_path"
    )
    return [unquote(urlparse(row["file_path"]).path) for row in found.collect()]


def measure_nearest(meter: Meter, report: Report, lake: Lake, *, judged: bool) -> None:
    """CPU of the join against both others, its sums against DuckDB's, its plan."""
    ways = Nearest(lake)
    rows = f"{lake.size.nearest_days * lake.size.per_day:,}"
    names = scan, join, asof = f"scan {rows}", f"nearest join {rows}", f"DuckDB ASOF {rows}"
    works = dict(zip(names, (Work(ways.scan), Work(ways.join), Work(ways.asof))))
    report.costs.update(meter.alternate(works, lake.size))
    report.ratio("nearest join / scan: CPU", join, scan, "cpu_sec", 2.5, judged=judged)
    report.ratio("nearest join / DuckDB ASOF: CPU", join, asof, "cpu_sec", 3, judged=judged)
    differ = sum(a != b for a, b in zip_longest(ways.joined, ways.expected))
    report.count("nearest join: sums unlike DuckDB's", differ, 0)
    found = ways.shuffles()
    of_arrivals = [text for text, tables in found if ARRIVALS.name in tables]
    report.count("nearest join: shuffles of arrivals", len(of_arrivals), 0)
    report.facts["nearest"] = {
        "rows": ways.joined[0], "matched": ways.joined[1],
        "sums": [str(value) for value in ways.joined], "shuffles": found,
    }  # fmt: skip
