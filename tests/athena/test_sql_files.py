"""Every file of sql/athena/ on Trino, over tables that our own jobs wrote, against golden rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from console.athena import QueryError
from console.questions import files, local, remote
from lakehouse.errors import UsageError
from tests.athena import golden, made

if TYPE_CHECKING:
    from console.emulator.server import Server
    from console.questions.files import Query
    from lakehouse.settings import Settings

EVERY = files.everything()
# Athena documents the table; Trino has it from a later version on than the one that runs here.
NEWER = {"refs"}


@pytest.fixture
def town(emulator: Server) -> Settings:
    """The lake that is asked, its views made."""
    return made.lake(emulator)


@pytest.fixture
def values(town: Settings) -> dict[str, dict[str, str]]:
    """What stands in place of examples."""
    return golden.values(town)


def test_every_file_has_golden_rows() -> None:
    """No file goes untested, none answers nothing, and no rows outlive their file."""
    kept = {path.relative_to(golden.FOLDER) for path in golden.FOLDER.rglob("*.jsonl")}
    assert kept == {golden.path(query).relative_to(golden.FOLDER) for query in EVERY}
    for query in EVERY:
        assert golden.read(query), f"{query.kind}/{query.name} answers nothing"


@pytest.mark.parametrize("query", EVERY, ids=lambda q: f"{q.kind}/{q.name}")
def test_trino_and_duckdb_give_the_golden_rows(
    query: Query, town: Settings, values: dict[str, dict[str, str]]
) -> None:
    """What is asked in Athena and what is asked of the local lake has one answer, the known one."""
    statement = query.asked(values.get(query.name, {}))
    assert golden.canonical(local.ask(town, statement)) == golden.read(query)
    if query.name in NEWER:
        with pytest.raises(QueryError, match="unknown type 'refs'"):
            remote.ask(town, statement)
        return
    assert golden.canonical(remote.ask(town, statement)) == golden.read(query)


# Of a lake younger than their examples, a day, they are an error.
OLDER = {"changed_between", "rows_changed_between"}


@pytest.mark.parametrize("name", sorted(OLDER))
def test_a_time_before_the_first_snapshot_is_an_error(name: str, town: Settings) -> None:
    """As it stands such a file asks for yesterday; nothing was known then, and Athena says so."""
    with pytest.raises(QueryError, match="No version history table"):
        remote.ask(town, files.find(name).asked({}))


def test_known_a_second_ago_is_what_the_table_says(town: Settings) -> None:
    """As it stands the file works on any lake: it asks for a second ago, now not being past."""
    table = "select count(*) as n from ${prefix}_emt_gold.delay_weather_hourly"
    assert [{"n": len(remote.ask(town, files.find("known_at").asked({})))}] == remote.ask(
        town, table
    )


def test_views_are_made_again(town: Settings) -> None:
    """A second apply replaces each by the same; their columns have no time with a zone."""
    assert list(remote.apply(town)) == [view.name for view in files.in_order()]


def test_sql_may_name_views(town: Settings) -> None:
    """`lake sql` reads views as it reads tables, also as they were."""
    from console.reading import Lake, Moment  # noqa: PLC0415

    lake, count = Lake(town), "select sum(total_preds) as n from views.delays_by_line"
    now = local.sql(lake, town, count, Moment())
    plain = "select count(*) as n from emt_gold.arrivals_weather"
    assert now == local.sql(lake, town, plain, Moment())
    before = Moment.parse(golden.values(town)["known_at"]["at"])
    assert local.sql(lake, town, count, before)[0]["n"] < now[0]["n"]
    with pytest.raises(UsageError, match="no view delays_by_lin; did you mean delays_by_line"):
        local.sql(lake, town, "select * from views.delays_by_lin", Moment())


def test_a_part_that_duckdb_cannot_give_is_told(town: Settings) -> None:
    """What the local place cannot answer is an error that says where it can be asked."""
    statement = 'select * from ${prefix}_emt_gold."delay_weather_hourly$manifests"'
    with pytest.raises(UsageError, match="manifests is not there in this place"):
        local.ask(town, statement)
    assert remote.ask(town, statement)
