"""The recorded three days, from workbooks and from JSON lines, against the independent judge."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from lakehouse.table import AUDIT_NAMES
from tests.judge import emt

from .conftest import GOLD, SILVER, Made, demo

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {
    "arrivals_predictions": ("id",),
    "stops": ("stop_id",),
    "lines": ("line",),
    "lines_stops": ("line", "direction", "stop_id"),
    "lines_timetable": ("line", "day_type", "valid_from"),
    "service_calendar": ("day",),
    "incidents": ("guid",),
    "meteorology_current": ("location", "obs_ts"),
    "arrivals_weather": ("id",),
    "delay_weather_hourly": ("event_hour", "label"),
}
AVERAGES = ("avg_temp_c", "avg_wind_kph", "avg_precip_mm")
pytestmark = pytest.mark.recorded


@pytest.fixture(scope="session")
def judged(recorded: Path) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """What the judge computes from the same files, by form."""
    found = {}
    for form in ("xlsx", "jsonl"):
        silver = emt.silver(recorded, form=form, landed_at=datetime.now(timezone.utc))
        found[form] = {**silver, **emt.gold(silver)}
    return found


def _differences(name: str, expected: list[dict[str, Any]], actual: list[dict[str, Any]]) -> str:
    key = KEYS[name]
    by_key = {tuple(row[k] for k in key): row for row in actual}
    if len(by_key) != len(actual):
        return f"{len(actual) - len(by_key)} rows double a key"
    missing = [k for k in (tuple(row[c] for c in key) for row in expected) if k not in by_key]
    if missing or len(expected) != len(actual):
        return f"{len(expected)} expected, {len(actual)} there, missing {missing[:3]}"
    for row in expected:
        mine = by_key[tuple(row[c] for c in key)]
        for column, value in row.items():
            same = mine[column] == value
            if column in AVERAGES and value is not None and mine[column] is not None:
                same = mine[column] == pytest.approx(value, rel=1e-12)
            if not same and column != "updated_ts":  # landing differs by seconds
                return f"{column} of {row}: {mine[column]!r}"
    return ""


@pytest.mark.parametrize("table", [*SILVER, *GOLD])
def test_every_row_from_workbooks_is_as_judged(
    table: str, workbooks: tuple[Made, Any], judged: dict[str, Any]
) -> None:
    """All rows of all tables equal what the judge computes from the same workbooks."""
    short = table.split(".")[1]
    assert _differences(short, judged["xlsx"][short], workbooks[0].rows(table)) == ""


@pytest.mark.parametrize("table", [*SILVER, *GOLD])
def test_every_row_from_json_lines_is_as_judged(
    table: str, json_lines: tuple[Made, Any], judged: dict[str, Any]
) -> None:
    """All rows of all tables equal what the judge computes from the JSON lines."""
    short = table.split(".")[1]
    assert _differences(short, judged["jsonl"][short], json_lines[0].rows(table)) == ""


def test_workbooks_and_json_lines_give_the_same_gold(
    workbooks: tuple[Made, Any], json_lines: tuple[Made, Any]
) -> None:
    """The form of the files does not show in gold."""
    assert workbooks[0].checksums(GOLD) == json_lines[0].checksums(GOLD)


@pytest.mark.parametrize("form", ["xlsx", "jsonl"])
def test_every_answered_arrival_is_accounted_for(
    form: str, request: pytest.FixtureRequest, recorded: Path
) -> None:
    """24,011 polls, 43,949 arrivals: accepted + collapsed + rejected, as the judge counts them."""
    made, _ = request.getfixturevalue("workbooks" if form == "xlsx" else "json_lines")
    runs = [r for r in made.rows("ops.run") if r["table_name"] == "emt_silver.arrivals_predictions"]
    counted = {
        "polls": sum(r["records"] for r in runs),
        "answered": sum(r["rows_in"] for r in runs),
        "accepted": sum(r["accepted"] for r in runs),
        "collapsed": sum(r["collapsed"] for r in runs),
        "rejected": sum(r["rejected"] for r in runs),
    }
    assert (counted["polls"], counted["answered"]) == (24_011, 43_949)
    assert counted["accepted"] + counted["collapsed"] + counted["rejected"] == 43_949
    assert counted == emt.accounting(recorded, form=form, landed_at=datetime.now(timezone.utc))


def test_mean_matched_temperature_by_day(workbooks: tuple[Made, Any], recorded: Path) -> None:
    """Over all answered rows, so that a time zone read wrong would show."""
    made, _ = workbooks
    gold = {row["id"]: row for row in made.rows("emt_gold.arrivals_weather")}
    answered = emt.answered_ids(recorded, form="xlsx", landed_at=datetime.now(timezone.utc))
    by_day: dict[int, list[float]] = {}
    for row_id in answered:
        row = gold[row_id]
        assert row["obs_ts"] is not None, f"no observation for {row_id}"
        by_day.setdefault(row["event_ts"].day, []).append(row["temp_c"])
    means = {day: round(sum(values) / len(values), 4) for day, values in by_day.items()}
    assert means == {26: 26.1341, 27: 30.7910, 28: 26.1362}


def test_all_lines_are_accounted_for(workbooks: tuple[Made, Any]) -> None:
    """237 lines: 230 with days in 701 rows, 698 with a window; seven reported as without days."""
    made, _ = workbooks
    rows = made.rows("emt_silver.lines_timetable")
    windows = [r for r in rows if r["d1_start_time"] or r["d2_start_time"]]
    refused = [
        r for r in made.rows("ops.rejected_row") if r["table_name"] == "emt_silver.lines_timetable"
    ]
    assert (len({r["line"] for r in rows}), len(rows), len(windows)) == (230, 701, 698)
    assert {r["reason"] for r in refused} == {"a line without days"}
    without = {r["row_json"].split('"asked":"')[1][:3] for r in refused}
    assert without == {"090", "091", "092", "093", "096", "099", "721"}


def test_a_second_landing_and_run_moves_no_table(
    workbooks: tuple[Made, Any], recorded: Path, record_testsuite_property: Any
) -> None:
    """Everything again: no table's main moves, ops included."""
    made, _ = workbooks
    before, started = made.heads(), time.monotonic()
    _, said = demo(made.home, recorded, "xlsx")
    record_testsuite_property("second_run_seconds", round(time.monotonic() - started, 1))
    assert said == []
    assert made.heads() == before


def test_what_the_demo_says_adds_up(workbooks: tuple[Made, list[dict[str, Any]]]) -> None:
    """Every table is named once, and in = accepted + collapsed + rejected."""
    _, said = workbooks
    assert {row["table"] for row in said} == {*SILVER, *GOLD}
    for row in said:
        assert row["rows in"] == row["accepted"] + row["collapsed"] + row["rejected"], row


def test_audit_columns_name_run_file_and_row(workbooks: tuple[Made, Any]) -> None:
    """Every row says which run made it, from which file and row."""
    made, _ = workbooks
    runs = {row["run_id"] for row in made.rows("ops.run")}
    for table in (*SILVER, *GOLD):
        for row in made.rows(table):
            assert all(row[name] is not None for name in AUDIT_NAMES), (table, row)
            assert row["run_id"] in runs


def test_evidence_of_everything_verifies(workbooks: tuple[Made, Any], tmp_path: Path) -> None:
    """Each of all rows leads to its record, its run and its code; the data files say the same."""
    made, _ = workbooks
    out, tables = str(tmp_path / "bundle"), ",".join((*SILVER, *GOLD))
    made.lake("evidence", "--tables", tables, "--out", out, "--with-data")
    found = json.loads(made.lake("evidence", "verify", out, "--json").stdout)
    assert (found["findings"], found["open"]) == ([], [])
    assert found["checked"]["rows"] == sum(len(made.rows(table)) for table in (*SILVER, *GOLD))
