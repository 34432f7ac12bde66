"""The files of sql/athena/: each says what it asks, stands on what is there, and takes values."""

from __future__ import annotations

import re

import pytest

from console.emulator.trino import lint
from console.questions import files, local, remote
from lakehouse.errors import UsageError
from lakehouse.settings import Settings

EVERY = files.everything()
LAKE = Settings(prefix="lake_dev", time_zone="Europe/Madrid")
# Maintenance that knows no holds, and what Athena has no counterpart for.
FORBIDDEN = re.compile(r"\b(optimize|vacuum|any_value)\b|\$all_|\btime with time zone\b")


def code(query: files.Query) -> str:
    """The SQL without its comments."""
    return "\n".join(line.partition("--")[0] for line in query.text.splitlines())


@pytest.mark.parametrize("query", EVERY, ids=lambda q: f"{q.kind}/{q.name}")
def test_the_first_line_asks_and_says_the_grain(query: files.Query) -> None:
    """A reader of the list learns what a row of the answer is."""
    assert query.text.startswith("-- ")
    assert re.search(r"\? (.+ )?One row ", query.title), query.title


@pytest.mark.parametrize("query", EVERY, ids=lambda q: f"{q.kind}/{q.name}")
def test_it_only_reads_and_only_what_athena_knows(query: files.Query) -> None:
    """A SELECT, without travel to a tag, without maintenance that knows no holds."""
    assert not FORBIDDEN.search(code(query).lower())
    assert lint.complaints(query.asked({})) == []
    assert local.parsed(local.translated(query.text, LAKE)).key in ("select", "union")


@pytest.mark.parametrize("query", EVERY, ids=lambda q: f"{q.kind}/{q.name}")
def test_what_may_be_replaced_is_there(query: files.Query) -> None:
    """A value put in place of an example changes the statement, and the example is gone."""
    values = {"table": "emt_silver.stops", "line": "361", "stop_id": "77", "label": "N1"}
    for example in query.examples:
        moment = example.text.startswith("current_timestamp")
        value = "2025-08-28T10:00" if moment else values.get(example.name, "x.y")
        before, after = query.asked({}), query.asked({example.name: value})
        assert before != after
        assert example.text not in after.replace("${prefix}_", "")
    assert "-- replace" not in query.asked({})


def test_two_of_the_questions_are_the_reference_s() -> None:
    """Arrivals of today with their weather; rates by line and hour of the last day."""
    names = {query.name for query in files.of_kind("questions")}
    assert {"arrivals_today_with_weather", "delay_rate_by_line_and_hour"} <= names
    assert len(names) >= 20


def test_every_table_a_file_names_has_a_contract() -> None:
    """A renamed table or view breaks a test, not an analyst's query."""
    from jobs.pipeline import TABLES  # noqa: PLC0415  pyspark

    known = {table.full_name for table in TABLES}
    known |= {f"views.{query.name}" for query in files.of_kind("views")}
    for query in EVERY:
        found = re.findall(r"\$\{prefix\}_(\w+)\.\"?(\w+)", code(query))
        assert {f"{space}.{name}" for space, name in found} <= known, query.name
        assert found, query.name


def test_views_come_after_what_they_stand_on() -> None:
    """In the order of making no view names one that is not made yet."""
    made: set[str] = set()
    for query in files.in_order():
        assert set(query.reads) <= made, query.name
        made.add(query.name)
    assert len(made) == len(files.of_kind("views"))
    assert [q.name for q in files.in_order(["headways"])] == [
        "arrivals",
        "bus_passages",
        "headways",
    ]


def test_a_view_has_no_column_with_a_zone() -> None:
    """Athena refuses a view with such a column; the contracts' times all have one."""
    for query in files.of_kind("views"):
        last = code(query).rpartition("\nselect")[2].partition("\nfrom")[0]
        for name in re.findall(
            r"^    (?:\w+\.)?(\w+_ts|started_at|ended_at),?$", last, re.MULTILINE
        ):
            text = code(query)
            standing_on = any(f"{view}." in text or view in text for view in query.reads)
            assert standing_on or re.search(rf"as timestamp\(6\)\) as {name}\b", text), name


def test_values_enter_quoted_or_not_at_all() -> None:
    """Nobody's value becomes SQL."""
    stop, snapshots = files.find("next_buses_at_stop"), files.find("snapshots")
    assert "stop_id = 'x'' or true --'" in stop.asked({"stop_id": "x' or true --"})
    for bad in ("stops", "a.b;drop", 'a."b"', "A.B"):
        with pytest.raises(UsageError, match=r"database\.table"):
            snapshots.asked({"table": bad})
    with pytest.raises(UsageError, match="time"):
        files.find("known_at").asked({"at": "a-tag"})
    with pytest.raises(UsageError, match="stop_id, not at"):
        stop.asked({"at": "x"})


def test_a_table_is_put_in_place_everywhere() -> None:
    """Also where its metadata are named."""
    text = files.find("snapshots").asked({"table": "emt_silver.stops"})
    assert '${prefix}_emt_silver."stops$snapshots"' in text
    assert "delay_weather_hourly" not in text


def test_a_time_or_a_snapshot_is_put_in_place() -> None:
    """A time is UTC where it names no zone; of a snapshot the version is read."""
    known = files.find("audit/known_at")
    assert "for timestamp as of timestamp '2025-08-28 10:00:00.000000 UTC'" in known.asked(
        {"at": "2025-08-28T12:00+02:00"}
    )
    assert "for version as of 5450401328357333824" in known.asked({"at": "5450401328357333824"})


def test_names_are_this_lake_s() -> None:
    """The prefix and the zone are filled in, the same as by Terraform."""
    text = files.filled(files.find("delays_by_line").asked({}), LAKE)
    assert "lake_dev_emt_gold.delay_weather_hourly" in text
    assert "at time zone 'Europe/Madrid'" in text
    for query in EVERY:
        assert "${" not in files.filled(query.text, LAKE)


def test_the_workgroup_is_the_lake_s() -> None:
    """Databases have no dashes; the other names of a deployment have."""
    assert remote.workgroup(Settings(prefix="lakehouse_dev")) == "lakehouse-dev"


def test_an_unknown_name_is_helped() -> None:
    """The error names what is near."""
    with pytest.raises(UsageError, match="did you mean known_at"):
        files.find("known_att")
    with pytest.raises(UsageError, match="no view arivals; did you mean arrivals"):
        files.view("arivals")
