"""meteorology_current: current and history replies, flat or below `response`, and rejections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.silver.meteorology import meteorology_current
from tests.spark.lakes import LANDED, Lake, Row, utc

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = utc("2025-08-26 10:00")
JOB, TABLE = meteorology_current.JOB, meteorology_current.TABLE


def observed(**changes: Any) -> Row:
    """What is observed at an instant."""
    return {
        "last_updated_epoch": int(NOON.timestamp()),
        "temp_c": 26.1,
        "humidity": 40,
        "wind_kph": 7.6,
        "wind_dir": "N",
        "is_day": 1,
        "condition": {"text": "Sunny", "code": 1000},
        "air_quality": {"co": 200.5, "pm2_5": 8, "us-epa-index": 1, "gb-defra-index": 2},
        **changes,
    }


def reply(at: int = 0, **changes: Any) -> Row:
    """A reply asked `at` minutes later."""
    place = {"name": "Madrid", "localtime_epoch": int(NOON.timestamp()) + 60 * at}
    return {"location": place, "current": observed(**changes)}


PAYLOADS: dict[str, Row] = {
    "nested": reply(),
    "recorded": {"run_ts_utc": "2025-08-26T10:05:00", "response": reply(at=5)},
    "history": {
        "location": {"name": "Madrid"},
        "forecast": {
            "forecastday": [
                {"hour": [{"time_epoch": int(NOON.timestamp()) + 3600 * n, "temp_c": n}]}
                for n in range(3)
            ]
        },
    },
    "no time": reply(last_updated_epoch=None),
    "odd number": reply(temp_c="warm"),
    "2009": reply(last_updated_epoch=1_200_000_000),
    "later": reply(last_updated_epoch=int(LANDED.timestamp()) + 86_401),
    "error": {"error": {"code": 1006, "message": "No matching location found."}},
}


@pytest.fixture(scope="module")
def answered(new_lake: Callable[[], Lake]) -> dict[str, list[Row]]:
    """What became of each payload, by its name."""
    lake = new_lake()
    file = lake.land("weatherapi/current", *PAYLOADS.values())
    found: dict[str, list[Row]] = {name: [] for name in PAYLOADS}
    for row in lake.judged(JOB, file):
        found[list(PAYLOADS)[row["source_row"] - 1]].append(row)
    return found


@pytest.mark.parametrize("name", ["nested", "recorded"])
def test_current_shapes(answered: dict[str, list[Row]], name: str) -> None:
    """A reply, alone or below `response`, is one observation of the place of the setting."""
    (row,) = answered[name]
    expected = {
        "location": "madrid",
        "location_name": "Madrid",
        "obs_ts": NOON,
        "temp_c": 26.1,
        "humidity": 40,
        "wind_kph": 7.6,
        "wind_dir": "N",
        "is_day": 1,
        "condition_code": 1000,
        "condition_text": "Sunny",
        "air_co": 200.5,
        "air_pm2_5": 8.0,
        "air_us_epa_index": 1,
        "air_gb_defra_index": 2,
        "precip_mm": None,
        "vis_km": None,
        "reject": None,
    }
    assert {key: row[key] for key in expected} == expected


def test_history(answered: dict[str, list[Row]]) -> None:
    """A history reply is one observation an hour, each with a place of its own."""
    found = [(row["item"], row["obs_ts"].hour, row["temp_c"]) for row in answered["history"]]
    assert found == [(0, 10, 0.0), (1, 11, 1.0), (2, 12, 2.0)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no time", "no obs_ts"),
        ("odd number", "temp_c is no number"),
        ("2009", "a time before 2010"),
        ("later", "a time a day after landing"),
        ("error", "no obs_ts"),
    ],
)
def test_rejections(answered: dict[str, list[Row]], name: str, reason: str) -> None:
    """What is no observation is a rejected row with its reason."""
    assert [row["reject"] for row in answered[name]] == [reason]


def test_the_asked_place_is_the_key(lake: Lake) -> None:
    """The place is the one asked for, in the words of the asking; else the setting's."""
    file = lake.land("weatherapi/current", reply(), request={"q": "40.4,-3.7"})
    assert [row["location"] for row in lake.judged(JOB, file)] == ["40.4,-3.7"]


def test_polling_again_changes_nothing(lake: Lake) -> None:
    """The same observation answered again is unchanged; a corrected one wins, an older loses."""
    lake.make(TABLE)

    def land(payload: Row) -> Row:
        file = lake.land("weatherapi/current", payload)
        counts = lake.put(TABLE, lake.judged(JOB, file))
        return {k: v for k, v in vars(counts).items() if v and k != "rows_in"}

    assert land(reply(at=5)) == {"inserted": 1}
    assert land(reply(at=20)) == {"unchanged": 1}
    assert land(reply(at=10, temp_c=27.0)) == {"updated": 1}
    assert land(reply(at=7, temp_c=28.0)) == {"older": 1}
    assert [row["temp_c"] for row in lake.rows(TABLE)] == [27.0]


def test_of_repeated_answers_the_smallest_row_stays(lake: Lake) -> None:
    """The same observation in many rows of a file names the first of them."""
    lake.make(TABLE)
    file = lake.land("weatherapi/current", reply(at=5), reply(at=5), reply(at=5))
    counts = lake.put(TABLE, lake.judged(JOB, file))
    assert (counts.inserted, counts.collapsed) == (1, 2)
    assert [row["source_row"] for row in lake.rows(TABLE)] == [1]
