"""Contracts as data, and the tables function that reads them inside AWS."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from console import contracts, functions
from console.tables import open_catalog
from jobs.pipeline import TABLES
from lakehouse import settings
from lakehouse.errors import ConfigurationError, ContractError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from lakehouse.table import Table

STOPS = next(table for table in TABLES if table.name == "stops")


@pytest.fixture
def ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put contracts where the zip would hold them, over a lake of this test's; gives the event."""
    monkeypatch.setenv("LAKE_HOME", str(tmp_path / "lake"))
    monkeypatch.delenv("LAKE_PLACE", raising=False)
    monkeypatch.setattr(functions, "SHIPPED", tmp_path / "contracts.json")

    def shipped(*tables: Table, action: str = "apply") -> dict[str, Any]:
        (tmp_path / "contracts.json").write_text(contracts.as_json(tables), "utf-8")
        return {"action": action, "digest": contracts.digest(tables)}

    return shipped


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.full_name)
def test_a_contract_is_read_back_as_it_was(table: Table) -> None:
    """What the zip holds is the contract that the jobs declare, to the last field."""
    read = contracts.from_json(contracts.as_json((table,)))
    assert read == (table,)
    assert read[0].all_columns == table.all_columns


def test_a_digest_tells_every_change() -> None:
    """The tables function is called again when anything of a contract changes."""
    column = replace(STOPS.columns[-1], doc="Something else.")
    changed = replace(STOPS, columns=(*STOPS.columns[:-1], column))
    assert contracts.digest((STOPS,)) == contracts.digest((STOPS,))
    assert contracts.digest((STOPS,)) != contracts.digest((changed,))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"tables": [{"columns": 1, "checks": []}]}'])
def test_foreign_contracts_are_refused(text: str) -> None:
    """A text of another version is refused by name, not by a stray KeyError."""
    with pytest.raises(ContractError, match="not what this code reads"):
        contracts.from_json(text)


def test_it_applies_once(ship: Any) -> None:
    """The function creates the tables, says so, and changes nothing the second time."""
    event = ship(*TABLES)
    first = functions.tables(event, None)
    assert {step["action"] for step in first["steps"]} == {"create"}
    assert first["tables"] == [table.full_name for table in TABLES]
    assert json.loads(json.dumps(first)) == first
    assert functions.tables(event, None)["steps"] == []


def test_it_plans_without_touching(ship: Any) -> None:
    """A plan tells the same and makes nothing."""
    told = functions.tables(ship(STOPS, action="plan"), None)
    assert [step["action"] for step in told["steps"]] == ["create"]
    assert not open_catalog(settings.load()).table_exists("emt_silver.stops")


def test_an_impossible_change_is_raised_with_its_reason(ship: Any) -> None:
    """A dropped column fails the invocation, and so the apply, before anything is changed."""
    functions.tables(ship(STOPS), None)
    gone = STOPS.compared[0]
    left = tuple(column for column in STOPS.columns if column.name != gone)
    dropped = replace(STOPS, columns=left, doc="Other words.")
    with pytest.raises(ConfigurationError, match=f"drop column {gone}: a column is never dropped"):
        functions.tables(ship(dropped), None)
    table = open_catalog(settings.load()).load_table("emt_silver.stops")
    assert table.properties["comment"] == STOPS.doc


def test_other_contracts_than_planned_are_refused(ship: Any) -> None:
    """A zip of another build than the plan's changes no table."""
    event = {**ship(STOPS), "digest": "0" * 64}
    with pytest.raises(ConfigurationError, match="000000000000 are wanted"):
        functions.tables(event, None)


def test_an_unknown_action_is_refused(ship: Any) -> None:
    """Only what it can do is asked of it."""
    with pytest.raises(UsageError, match="'drop'"):
        functions.tables(ship(STOPS, action="drop"), None)
