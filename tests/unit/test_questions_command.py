"""`lake questions` and `lake views` in the local place: no Spark, no Athena; DuckDB answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from console import query, tables
from console.questions import commands, files, local
from jobs.pipeline import TABLES
from lakehouse import settings
from lakehouse.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from lakehouse.settings import Settings


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake with every table and no row."""
    made = settings.load({}, home=str(tmp_path_factory.mktemp("lake")))
    tables.apply(made, TABLES)
    return made


@pytest.fixture
def home(empty: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment names that lake."""
    monkeypatch.setenv("LAKE_HOME", empty.home)
    return empty.root


def run(*words: str) -> Any:
    """What the command printed, as JSON."""
    app = typer.Typer()
    commands.register(app)
    query.register(app)
    done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=True)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return json.loads(done.stdout)


# Of a table without files the library does not know what its partitions are.
_EVERY = [f"{q.kind}/{q.name}" for q in files.everything() if q.name != "partitions"]


@pytest.mark.parametrize("name", _EVERY)
def test_every_file_is_read_by_duckdb(name: str, empty: Settings) -> None:
    """Names and types hold; a lake that nothing was put into yet is no error."""
    rows = local.ask(empty, files.find(name).asked({}))
    assert len(rows) <= 4  # classes without any row, and the snapshots of a table's making


def test_the_list_says_what_each_takes() -> None:
    """Everything is listed, with what may be replaced."""
    rows = run("questions")
    assert rows == run("questions", "list")
    assert {row["kind"] for row in rows} == {"views", "questions", "audit"}
    (row,) = [row for row in rows if row["name"] == "next_buses_at_stop"]
    assert row["takes"] == "stop_id='1'"
    assert row["question"].startswith("Which buses come next at my stop")


@pytest.mark.usefixtures("home")
def test_the_statement_is_shown_with_this_lake_s_names() -> None:
    """It can be copied; the city's zone is the lake's."""
    shown = run("questions", "show", "delays_by_line")
    assert "from emt_gold.delay_weather_hourly" in shown["sql"]
    assert "at time zone 'Europe/Madrid'" in shown["sql"]


@pytest.mark.usefixtures("home")
def test_a_question_is_answered() -> None:
    """By name, with a value or a table in place of an example."""
    assert run("questions", "run", "next_buses_at_stop", "--param", "stop_id=72") == []
    (row,) = run("questions", "run", "snapshots", "--table", "emt_silver.stops")
    assert row["operation"] == "append"
    with pytest.raises(UsageError, match="NAME=VALUE"):
        run("questions", "run", "snapshots", "--param", "stop_id")
    with pytest.raises(UsageError, match="did you mean emt_silver"):
        run("questions", "run", "snapshots", "--table", "emt_gold.stops")


@pytest.mark.usefixtures("home")
def test_sql_may_name_a_view() -> None:
    """A view is a table to who asks."""
    assert run("sql", "select count(*) as n from views.delays_by_line") == [{"n": 0}]
    both = 'select count(*) as n from views.arrivals as v, emt_silver."stops" as s'
    assert run("sql", both) == [{"n": 0}]


@pytest.mark.usefixtures("home")
def test_views_are_athena_s() -> None:
    """The local place has none to apply; the list is in the order of making."""
    names = [row["name"] for row in run("views")]
    assert names.index("arrivals") < names.index("bus_passages") < names.index("headways")
    with pytest.raises(ConfigurationError, match="no Athena"):
        run("views", "apply")
