"""The safe ways into SQL text."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from lakehouse import sql
from lakehouse.errors import ContractError


def test_selects_are_found_by_name() -> None:
    """A SELECT is the file of that name; another name is an error that says it."""
    assert "from" in sql.select("gold/arrivals_weather")
    with pytest.raises(ContractError, match=r"sql/gold/nothing\.sql does not exist"):
        sql.select("gold/nothing")
    with pytest.raises(ContractError, match="does not exist"):
        sql.select("gold")


@pytest.mark.parametrize("name", ["a", "a_1", "lake.emt_gold.arrivals", "_x", "A.b"])
def test_identifiers_pass(name: str) -> None:
    """Plain names, with dots between."""
    assert sql.identifier(name) == name


@pytest.mark.parametrize(
    "name", ["", "a b", "a;", "a--", "1a", "a.", ".a", "a\n", "`a`", "a'", "ñ"]
)
def test_everything_else_is_refused(name: str) -> None:
    """Whatever could end a name and begin something else."""
    with pytest.raises(ContractError, match="is not an identifier"):
        sql.identifier(name)


def test_literals() -> None:
    """Times are in UTC to the microsecond, whatever zone they come in."""
    madrid = datetime(2025, 8, 26, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=2)))
    assert sql.timestamp(madrid) == "timestamp'2025-08-25 23:02:03.000004 UTC'"
    assert sql.midnight(date(2025, 8, 26)) == "timestamp'2025-08-26 00:00:00 UTC'"
    assert sql.day(date(2025, 8, 26)) == "date'2025-08-26'"


def test_any_of() -> None:
    """OR with brackets; of nothing, nothing."""
    assert sql.any_of(["a", "b and c"]) == "(a) or (b and c)"
    assert sql.any_of([]) == "false"
