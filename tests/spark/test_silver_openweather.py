"""weather_observation: every way an answer comes, what is refused, and the recorded Valencia."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from console import tables
from ingestion.bronze import Origin, Record, Stream
from ingestion.landing import land, waiting, whose
from jobs.pipeline import SILVER_OPENWEATHER
from jobs.silver.openweather import weather_observation
from tests import airbyte
from tests.judge import openweather as judge
from tests.spark.lakes import LANDED, UTC, Lake, Row, utc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lakehouse.ledger import Outcome

JOB, TABLE = weather_observation.JOB, weather_observation.TABLE
NOON = utc("2025-08-26 17:00")
ASKED = {"city": "riohacha", "units": "metric"}
LAT, LON = 39.4699, -0.3763


def seconds(at: datetime) -> int:
    """Epoch seconds."""
    return int(at.timestamp())


def reply(**changes: Any) -> Row:
    """A reply about a place that OpenWeather calls by another name."""
    return {
        "coord": {"lon": -72.9, "lat": 11.5},
        "weather": [
            {"id": 500, "main": "Rain", "description": "lluvia ligera", "icon": "10d"},
            {"id": 701, "main": "Mist", "description": "niebla", "icon": "50d"},
        ],
        "base": "stations",
        "main": {"temp": 31, "feels_like": 35.5, "temp_min": 30.2, "temp_max": 31.9,
                 "pressure": 1010, "humidity": 62, "grnd_level": 1008},
        "visibility": 10_000,
        "wind": {"speed": 8.0, "deg": 360, "gust": 11.2},
        "rain": {"1h": 0.4},
        "clouds": {"all": 40},
        "dt": seconds(NOON),
        "sys": {"country": "CO", "sunrise": seconds(utc("2025-08-26 10:50")),
                "sunset": seconds(utc("2025-08-26 23:15"))},
        "timezone": -18_000,
        "id": 0,
        "name": "Otra Parte",
        "cod": 200,
        **changes,
    }  # fmt: skip


def main(**changes: Any) -> Row:
    """The reply's `main` with changes."""
    return {"main": {**reply()["main"], **changes}}


def hour(**changes: str) -> Row:
    """A row of a history file, all texts."""
    return {
        "time": "2016-07-01 13:00:00+02:00", "city_name": "Valencia", "temp": "300.15",
        "temp_min": "299.15", "temp_max": "301.15", "pressure": "1015", "humidity": "48",
        "wind_speed": "3", "wind_deg": "90", "rain_1h": "0", "rain_3h": "0", "snow_3h": "0",
        "clouds_all": "20", "weather_id": "801", "weather_main": "clouds",
        "weather_description": "few clouds", "weather_icon": "02d", **changes,
    }  # fmt: skip


# By name: the stream, what was asked, and the answer.
HISTORY = {"city": "valencia", "units": "standard", "lat": str(LAT), "lon": str(LON)}
ODD: dict[str, tuple[str, Row, Row]] = {
    "api": ("current", ASKED, reply()),
    "row": ("history", HISTORY, hour()),
    "bulk": (
        "history",
        HISTORY,
        {**hour(), "time": "", "dt": "1467370800", "timezone": "7200", "visibility": "9000"},
    ),
    "list": ("manual", ASKED, {"cod": "200", "list": [reply(), reply(dt=seconds(NOON) + 3600)]}),
    "zone": (
        "manual",
        {**ASKED, "zone": "America/Bogota", "ingest_date": "2025-08-27"},
        {"dt": seconds(NOON), "main": reply()["main"], "rain": {"3h": 1}, "clouds": {"all": 9}},
    ),
    "polar day": ("current", ASKED, reply(sys={"sunrise": 0, "sunset": 0})),
    "polar night": ("current", ASKED, reply(sys={}, dt=seconds(NOON) - 36_000)),
    "no unit": ("history", {"city": "valencia"}, hour()),
    "no city": ("current", {}, reply()),
    "no time": ("current", ASKED, reply(dt=None)),
    "odd time": ("current", ASKED, reply(dt="noon")),
    "no offset": ("history", HISTORY, hour(time="noon")),
    "odd number": ("current", ASKED, reply(**main(temp="warm"))),
    "kelvin": ("current", ASKED, reply(**main(temp=304.2))),
    "turned": ("current", ASKED, reply(wind={"speed": 2, "deg": 361})),
    "gale": ("history", HISTORY, hour(wind_speed="133")),
    "humid": ("current", ASKED, reply(**main(humidity=101))),
    "1978": ("current", ASKED, reply(dt=283_900_000)),
    "later": ("current", ASKED, reply(dt=seconds(LANDED) + 86_401)),
    "imperial": ("current", {**ASKED, "units": "imperial"}, reply()),
    "offset": ("current", ASKED, reply(timezone=50_401)),
    "far": ("current", ASKED, reply(dt=10**18, timezone=10**18)),
    "endless": ("history", HISTORY, hour(humidity="NaN")),
    "north": ("current", ASKED, reply(coord={"lat": "north", "lon": 1})),
    "gap": (
        "history",
        {**HISTORY, "zone": "Europe/Madrid"},
        hour(time="2016-03-27 02:30:00"),
    ),
    "by zone": ("history", {**HISTORY, "zone": "Europe/Madrid"}, hour(time="2016-07-01 13:00:00")),
    "by Z": ("history", HISTORY, hour(time="2016-07-01T11:00:00Z")),
    "a list": ("current", ASKED, reply(main=[1])),
}


@pytest.fixture(scope="module")
def answered(new_lake: Callable[[], Lake]) -> dict[str, list[Row]]:
    """What became of each payload, by its name: a file a stream, each record asked in its way."""
    lake = new_lake()
    records: dict[str, list[Record]] = {}
    for name, (stream, asked, payload) in ODD.items():
        row = len(records.setdefault(stream, [])) + 1
        records[stream].append(Record(payload, asked, Origin(name, stream, row)))
    files = [
        lake.bronze.write_file(Stream("openweather", stream), of, sha256=stream, fetched_at=LANDED)
        for stream, of in records.items()
    ]
    found: dict[str, list[Row]] = {name: [] for name in ODD}
    for row in lake.judged(JOB, *(str(file.relative_to(lake.settings.root)) for file in files)):
        found[row["source_uri"]].append(row)
    return found


def check(row: Row, expected: Row) -> None:
    """The row has these values; computed ones within a thousandth."""
    for name, value in expected.items():
        if isinstance(value, float):
            assert row[name] == pytest.approx(value, rel=1e-3), name
        else:
            assert row[name] == value, name


def test_a_reply(answered: dict[str, list[Row]]) -> None:
    """The asked city is the key, the first condition the main one, local time by the offset."""
    (row,) = answered["api"]
    air = judge.density(31, 62, 1008)
    expected = {
        "city": "riohacha", "event_ts": NOON, "local_ts": "2025-08-26 12:00:00",
        "local_date": datetime(2025, 8, 26, tzinfo=UTC).date(), "local_hour": 12,
        "is_daylight": True, "lat": 11.5, "lon": -72.9, "country": "CO", "temp_c": 31.0,
        "feels_like_c": 35.5, "temp_min_c": 30.2, "temp_max_c": 31.9, "humidity": 62,
        "pressure_hpa": 1010.0, "ground_pressure_hpa": 1008.0, "wind_speed_ms": 8.0,
        "wind_deg": 0, "wind_gust_ms": 11.2, "cloud_cover": 40, "rain_1h_mm": 0.4,
        "snow_1h_mm": None, "visibility_m": 10_000, "weather_id": 500, "weather_main": "Rain",
        "weather_desc": "lluvia ligera", "air_density_kg_m3": air,
        "wind_power_density_w_m2": 0.5 * air * 512,
        "solar_potential": judge.irradiance(judge.elevation(NOON, 11.5, -72.9), 40),
        "temp_bin": "hot", "wind_bin": "05 fresh breeze", "source": "api",
        "answered_ts": LANDED, "reject": None,
    }  # fmt: skip
    assert {*expected} - {"reject"} == {*TABLE.names}
    check(row, expected)


@pytest.mark.parametrize("name", ["row", "bulk"])
def test_a_history_row(answered: dict[str, list[Row]], name: str) -> None:
    """Kelvin by the stream's unit, the place as asked; the time by its text or its epoch."""
    (row,) = answered[name]
    at = utc("2016-07-01 11:00")
    height = judge.elevation(at, LAT, LON)
    assert answered["no unit"][0]["temp_c"] == row["temp_c"]
    expected = {
        "city": "valencia", "event_ts": at, "local_ts": "2016-07-01 13:00:00", "local_hour": 13,
        "is_daylight": True, "temp_c": 27.0, "temp_min_c": 26.0, "temp_max_c": 28.0,
        "humidity": 48, "rain_1h_mm": 0.0, "snow_1h_mm": None, "weather_main": "Clouds",
        "solar_potential": judge.irradiance(height, 20), "source": "history",
        "answered_ts": None, "reject": None,
    }  # fmt: skip
    check(row, expected)


def test_a_time_without_an_offset(answered: dict[str, list[Row]]) -> None:
    """The asked zone tells it; UTC alone tells the instant, and no local time."""
    (zoned,), (plain,) = answered["by zone"], answered["by Z"]
    at = utc("2016-07-01 11:00")
    check(zoned, {"event_ts": at, "local_ts": "2016-07-01 13:00:00", "reject": None})
    check(plain, {"event_ts": at, "local_ts": None, "local_hour": None, "reject": None})


def test_a_list_of_hours(answered: dict[str, list[Row]]) -> None:
    """A history reply is one observation an hour, each with a place of its own."""
    found = [(row["item"], row["event_ts"], row["reject"]) for row in answered["list"]]
    assert found == [(0, NOON, None), (1, NOON + timedelta(hours=1), None)]


def test_what_an_old_reply_leaves_out(answered: dict[str, list[Row]]) -> None:
    """Local time by the asked zone, answered on the day of the file; the rest is unknown."""
    (row,) = answered["zone"]
    expected = {
        "local_ts": "2025-08-26 12:00:00", "rain_1h_mm": None, "wind_bin": None,
        "weather_main": None, "wind_power_density_w_m2": None, "solar_potential": None,
        "is_daylight": None, "answered_ts": utc("2025-08-27"), "source": "manual", "reject": None,
    }  # fmt: skip
    check(row, expected)


def test_daylight_without_a_sunrise(answered: dict[str, list[Row]]) -> None:
    """Where the answer has neither sunrise nor sunset the sun's elevation decides."""
    (day,), (night,) = answered["polar day"], answered["polar night"]
    assert (day["is_daylight"], night["is_daylight"], night["solar_potential"]) == (True, False, 0)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no city", "no city"),
        ("no time", "no event_ts"),
        ("odd time", "dt is no number"),
        ("no offset", "no event_ts"),
        ("odd number", "temp_c is no number"),
        ("kelvin", "a temperature that no place on Earth has"),
        ("turned", "wind_deg is no direction"),
        ("gale", "a wind faster than any measured"),
        ("humid", "humidity is no percentage"),
        ("1978", "a time before 1979"),
        ("later", "a time a day after landing"),
        ("imperial", "units that are neither metric nor standard"),
        ("offset", "an offset from UTC that no place has"),
        ("far", "no event_ts"),
        ("endless", "humidity is no number"),
        ("north", "lat is no number"),
        ("gap", "a local time that the spring change of clocks skips"),
        ("a list", "the record does not have the shape of its stream"),
    ],
)
def test_rejections(answered: dict[str, list[Row]], name: str, reason: str) -> None:
    """What is no observation is a rejected row with its reason."""
    assert [row["reject"] for row in answered[name]] == [reason]


def dropped(lake: Lake, path: str, content: bytes) -> None:
    """Put a file into raw and land it as `lake land` does."""
    file = lake.settings.root / "raw" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    for found, stream in waiting(lake.settings.root, settle_sec=0):
        place = whose(stream, found, "", lake.settings)
        root = lake.settings.root
        done = land(root, found, stream, now=LANDED, location=place, keep_source=False)
        assert done.status == "landed", done.reason


def counts(outcomes: list[Outcome]) -> dict[str, int]:
    """What a run did, without what it did not."""
    return {k: v for one in outcomes for k, v in vars(one.counts).items() if v}


def test_every_way_at_once_and_again(lake: Lake) -> None:
    """Both forms of Airbyte, by hand and pulled: each observation once; again, no table moves."""
    lake.make_for(SILVER_OPENWEATHER)
    day = "year=2025/month=08/day=26"
    late = reply(dt=seconds(NOON) - 86_400)
    alone = reply(dt=seconds(NOON) - 3_600)
    at = NOON + timedelta(minutes=5)
    lake.land("openweather/current", reply(), at=at, request=ASKED)
    old, new = (
        f"airbyte/openweather/city-riohacha/{day}/2025_08_26_175622770{n}_0.parquet" for n in "01"
    )
    dropped(lake, old, airbyte.before_1_0(reply(), alone, late, late, at=at))
    dropped(lake, new, airbyte.since_1_0(reply(), late, at=at + timedelta(minutes=9)))
    by_hand = json.dumps([reply(dt=seconds(NOON) - 172_800), late]).encode()
    dropped(lake, "manual/city-Patagonia/ingest_date=2025-08-28/past.json", by_hand)
    assert counts(lake.run(SILVER_OPENWEATHER)) == {"rows_in": 9, "inserted": 5, "collapsed": 4}
    found = {(row["city"], row["event_ts"]): row for row in lake.rows(TABLE)}
    earlier = NOON - timedelta(days=1)
    assert {key: (row["source"], row["rain_1h_mm"]) for key, row in found.items()} == {
        ("riohacha", NOON): ("airbyte", 0.4),
        ("riohacha", NOON - timedelta(hours=1)): ("airbyte", 0.4),
        ("riohacha", earlier): ("airbyte", 0.4),
        ("patagonia", earlier): ("manual", 0.4),
        ("patagonia", NOON - timedelta(days=2)): ("manual", 0.4),
    }
    before = lake.heads(TABLE)
    assert lake.run(SILVER_OPENWEATHER) == []
    assert lake.heads(TABLE) == before
    again = {**reply(), "cod": "200"}
    file = lake.land("openweather/current", again, at=at + timedelta(hours=1), request=ASKED)
    asked_again = lake.put(TABLE, lake.judged(JOB, file))
    assert (asked_again.unchanged, asked_again.rows_in) == (1, 1)


@pytest.fixture(scope="module")
def history(recorded: Path) -> Path:
    """The recorded hours of Valencia."""
    return recorded.parent / "openweather_valencia" / "history_2015_2017.csv.gz"


def test_the_recorded_hours(new_lake: Callable[[], Lake], history: Path) -> None:
    """All 26,304 hours are accounted for, and each is what an independent judge makes of it."""
    lake = new_lake().make_for(SILVER_OPENWEATHER)
    stream, place = Stream("openweather", "history"), f"valencia:lat={LAT}&lon={LON}"
    root = lake.settings.root
    land(root, history, stream, now=LANDED, location=place, keep_source=True)
    told = counts(lake.run(SILVER_OPENWEATHER))
    assert told == {"rows_in": 26_304, "inserted": 26_303, "rejected": 1}
    name = tables.identifier(lake.catalog_settings, TABLE.full_name)
    kept = tables.open_catalog(lake.catalog_settings).load_table(name).scan().to_arrow()
    found = {row["event_ts"]: row for row in kept.to_pylist()}
    hours = judge.rows(history)
    expected = [judge.exact(hour) for hour in hours if judge.possible(hour)]
    assert [{k: found[row["event_ts"]][k] for k in row} for row in expected] == expected
    assert {row["city"] for row in found.values()} == {"valencia"}
    _check_physics(list(found.values()))


def _check_physics(rows: list[Row]) -> None:
    """Density, wind and sun of each row by the judge's other formulas."""
    sums = dict.fromkeys(("power", "sun"), (0.0, 0.0))
    for row in rows:
        air = judge.density(row["temp_c"], row["humidity"], row["pressure_hpa"])
        assert judge.near(row["air_density_kg_m3"], air, relative=1e-3)
        power = 0.5 * air * row["wind_speed_ms"] ** 3
        height = judge.elevation(row["event_ts"], LAT, LON)
        sun = judge.irradiance(height, row["cloud_cover"])
        assert judge.near(row["solar_potential"], sun, relative=0, absolute=0.5)
        assert row["is_daylight"] == (height > 0) or math.isclose(height, 0, abs_tol=0.03)
        for what, mine, its in (
            ("power", power, row["wind_power_density_w_m2"]),
            ("sun", sun, row["solar_potential"]),
        ):
            sums[what] = sums[what][0] + mine, sums[what][1] + its
    for mine, its in sums.values():
        assert judge.near(its, mine, relative=1e-3)
