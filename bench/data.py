"""The bench's rows: made by Spark from hashes of their number, so every run has the same ones.

A bigger table has more days, never denser ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FIRST = datetime(2026, 1, 1, tzinfo=timezone.utc)
LOCATION = "madrid"
LINES = 200
CALENDAR_DAYS = 730
# Numbers from here on belong to rows that no loaded day has.
_NEW = 1_000_000_000
_DAY_SEC = 86_400
_OBSERVED_EVERY_SEC = 1_200


@dataclass(frozen=True)
class Size:
    """How much is measured: days of the tables, arrivals a day, rows of a change, small commits.

    Of each work `warm_up` runs are not counted, then `rounds` are.
    """

    small_days: int
    large_days: int
    nearest_days: int
    per_day: int
    change: int
    append: int
    commits: int
    warm_up: int
    rounds: int


FULL = Size(
    small_days=3,
    large_days=90,
    nearest_days=30,
    per_day=333_334,
    change=100_000,
    append=50_000,
    commits=300,
    warm_up=1,
    rounds=3,
)
SMALL = Size(
    small_days=3,
    large_days=9,
    nearest_days=9,
    per_day=1_000,
    change=200,
    append=100,
    commits=30,
    warm_up=0,
    rounds=1,
)


def midnight(day: int) -> datetime:
    """The instant the day of that number begins."""
    return FIRST + timedelta(days=day)


def _pick(of: str, salt: int, choices: int) -> str:
    """SQL for a number from 0 to `choices` - 1, as good as drawn."""
    return f"pmod(xxhash64({of}, {salt}), {choices})"


def arrivals(numbers: DataFrame) -> DataFrame:
    """Arrivals from rows of (n, day): two and two are the buses of one poll, after 05:00 UTC."""
    start = int(FIRST.timestamp()) + 5 * 3_600
    polls = numbers.selectExpr("n", "day", "n div 2 as poll").selectExpr(
        "*",
        f"1 + int(pow({_pick('poll', 2, 1_000_000)} / 1e6, 1.6) * {LINES}) as number",
        f"{_pick('n', 7, 1_800)} as seconds",
    )
    return polls.selectExpr(
        "sha2(string(n), 256) as id",
        f"timestamp_seconds({start} + day * {_DAY_SEC} + {_pick('poll', 1, 68_400)}) as event_ts",
        "lpad(string(number), 3, '0') as line",
        "string(number) as label",
        f"string(1 + {_pick('poll', 3, 4_800)}) as stop_id",
        f"concat('DESTINATION ', {_pick('number', 4, 400)}) as destination",
        f"{_pick('n', 5, 2)} = 0 as is_head",
        f"int({_pick('n', 6, 5)}) as deviation",
        f"string(1000 + {_pick('n', 8, 2_000)}) as bus",
        f"if({_pick('n', 9, 20)} = 0, null, int(seconds)) as estimate_arrive_sec",
        "int(seconds * 5) as distance_bus_m",
        "'1' as position_type_bus",
        f"-3.7 + ({_pick('n', 10, 1_000)} - 500) / 8000 as lon",
        f"40.42 + ({_pick('n', 11, 1_000)} - 500) / 8000 as lat",
        "concat('bench/day-', day) as source_uri",
        "n as source_row",
    )


def days_of_arrivals(spark: SparkSession, size: Size, first: int, after: int) -> DataFrame:
    """All arrivals of the days from `first` until before `after`, a partition a day."""
    numbers = spark.range(first * size.per_day, after * size.per_day, numPartitions=after - first)
    return arrivals(numbers.selectExpr("id as n", f"id div {size.per_day} as day"))


def change(spark: SparkSession, size: Size) -> DataFrame:
    """A change of the days 1 and 2: half of it rows that are there, later by a minute."""
    quarter = size.change // 4
    two_days = spark.range(1, 3).selectExpr("id as day")
    each = two_days.crossJoin(spark.range(quarter))
    old = arrivals(each.selectExpr(f"id + day * {size.per_day} as n", "day"))
    later = old.selectExpr(
        *(name for name in old.columns if name != "estimate_arrive_sec"),
        "coalesce(estimate_arrive_sec, 0) + 60 as estimate_arrive_sec",
    ).select(*old.columns)
    new = arrivals(each.selectExpr(f"id + (day - 1) * {quarter} + {_NEW} as n", "day"))
    return later.unionByName(new)


def new_rows(spark: SparkSession, size: Size) -> DataFrame:
    """New arrivals of day 1 alone."""
    numbers = spark.range(2 * _NEW, 2 * _NEW + size.append)
    return arrivals(numbers.selectExpr("id as n", "1 as day"))


def weather(spark: SparkSession, days: int) -> DataFrame:
    """An observation about every 20 minutes, some missing, and none for four hours of each 5th day.

    It begins and ends two hours outside the days.
    """
    start = int(FIRST.timestamp()) - 7_200
    count = (days * _DAY_SEC + 4 * 3_600) // _OBSERVED_EVERY_SEC
    observed = spark.range(count).selectExpr(
        "id", f"{start} + id * {_OBSERVED_EVERY_SEC} + {_pick('id', 1, 600)} as seconds"
    )
    since = f"(seconds - {int(FIRST.timestamp())})"
    hour = f"{since} div 3600"
    outage = f"pmod({hour} div 24, 5) = 1 and pmod({hour}, 24) between 10 and 13"
    return observed.where(f"{_pick('id', 2, 50)} <> 0 and not ({outage})").selectExpr(
        f"'{LOCATION}' as location",
        "timestamp_seconds(seconds) as obs_ts",
        f"5 + {_pick('id', 3, 200)} / 10 as temp_c",
        f"{_pick('id', 4, 500)} / 10 as wind_kph",
        f"if({_pick('id', 5, 6)} = 0, {_pick('id', 6, 80)} / 10, 0) as precip_mm",
        f"int(60 + {_pick('id', 7, 40)}) as humidity",
        f"1 + {_pick('id', 8, 15)} as vis_km",
        f"{_pick('id', 9, 11)} as uv",
        f"{_pick('id', 10, 400)} / 10 as air_pm10",
        f"{_pick('id', 11, 250)} / 10 as air_pm2_5",
        "'Sunny' as condition_text",
        "'bench/weather' as source_uri",
        "id as source_row",
    )


def lines(spark: SparkSession) -> DataFrame:
    """Every line of the arrivals, with a label of its own."""
    return spark.range(1, LINES + 1).selectExpr(
        "lpad(string(id), 3, '0') as line",
        "string(id) as label",
        "'A' as name_a",
        "'B' as name_b",
        "'bench/lines' as source_uri",
        "id as source_row",
    )


def timetables(spark: SparkSession) -> DataFrame:
    """Both directions of every line on every type of day."""
    types = spark.sql("select explode(array('LA', 'VI', 'SA', 'FE')) as day_type")
    headway = f"int(4 + {_pick('id', 1, 20)})"
    return (
        spark.range(1, LINES + 1)
        .crossJoin(types)
        .selectExpr(
            "lpad(string(id), 3, '0') as line",
            "string(id) as label",
            "day_type",
            "date'2026-01-01' as valid_from",
            *(
                part
                for d in ("d1", "d2")
                for part in (
                    f"'05:30' as {d}_start_time",
                    f"'23:30' as {d}_stop_time",
                    f"{headway} as {d}_min_freq",
                    f"{headway} + 5 as {d}_max_freq",
                )
            ),
            "'bench/timetables' as source_uri",
            "id as source_row",
        )
    )


def calendar(spark: SparkSession) -> DataFrame:
    """Two years of days, typed by their weekday."""
    return spark.range(CALENDAR_DAYS).selectExpr(
        "date_add(date'2026-01-01', int(id)) as day",
        "case weekday(date_add(date'2026-01-01', int(id))) when 4 then 'VI' when 5 then 'SA' "
        "when 6 then 'FE' else 'LA' end as day_type",
        "'derived' as origin",
        "'bench/calendar' as source_uri",
        "id as source_row",
    )
