"""A contract refuses to contradict itself."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.errors import ContractError
from lakehouse.table import AUDIT_NAMES, Check, Column, Table

ID = Column("id", "string", "Which.", required=True)
AT = Column("at", "timestamp", "When.", required=True)
V = Column("v", "int", "How many.")


def made(**changes: Any) -> Table:
    """A good contract, changed."""
    start: dict[str, Any] = {
        "database": "x",
        "name": "t",
        "doc": "Made up.",
        "owner": "tests",
        "columns": (ID, AT, V),
        "key": ("id",),
    }
    return Table(**{**start, **changes})


def test_what_a_table_tells() -> None:
    """Names, audit columns and the compared ones come from one declaration."""
    table = made(latest_by="at", ignored=("v",), derived=("at",), partition=("days(at)",))
    assert table.full_name == "x.t"
    assert table.names == ("id", "at", "v")
    assert tuple(c.name for c in table.all_columns) == ("id", "at", "v", *AUDIT_NAMES)
    assert table.compared == ("at",)
    assert made(latest_by="at", ignored=("at",)).compared == ("v",)
    assert made().compared == ("at", "v")
    assert table.partition_fields == (("days", "at"),)
    assert made(audited=False).all_columns == (ID, AT, V)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"key": ("nothing",)}, "no column nothing"),
        ({"latest_by": "nothing"}, "no column nothing"),
        ({"sort": ("nothing",)}, "no column nothing"),
        ({"ignored": ("nothing",)}, "no column nothing"),
        ({"derived": ("nothing",)}, "no column nothing"),
        ({"partition": ("days(nothing)",)}, "no column nothing"),
        ({"key": ("v",)}, "must be required"),
        ({"partition": ("days(at)",)}, "doubled"),
        ({"partition": ("hours(at)",), "derived": ("at",)}, "unknown partitioning"),
        ({"partition": ("days(at), v",), "derived": ("at",)}, "unknown partitioning"),
        ({"columns": (ID, AT, V, V)}, "declared twice"),
        ({"columns": (ID, AT, Column("run_id", "string", "Mine."))}, "declared twice"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], reason: str) -> None:
    """A key that is not there or may be null, and a partition that the key does not determine."""
    with pytest.raises(ContractError, match=reason):
        made(**changes)


@pytest.mark.parametrize("partition", ["identity(id)", "days(id)", "months(v)"])
def test_only_times_make_partitions(partition: str) -> None:
    """Bounds are ranges of days: by anything else an old row would not be found, and doubled."""
    with pytest.raises(ContractError):
        made(partition=(partition,), derived=("v",))


def test_a_partition_is_never_null() -> None:
    """A row without its partition's time would lie outside all bounds, and be doubled."""
    loose = Column("at", "timestamp", "When, perhaps.")
    with pytest.raises(ContractError, match="at"):
        made(columns=(ID, loose, V), derived=("at",), partition=("days(at)",))


@pytest.mark.parametrize("name", ["", "Name", "a-b", "1a", "a b", "a;", "a\n"])
def test_column_names_are_plain(name: str) -> None:
    """A name that needs quoting would be one some engine cannot read."""
    with pytest.raises(ContractError, match="snake_case"):
        Column(name, "int", "Odd.")


def test_columns_are_typed_and_told() -> None:
    """A type the whole lake cannot hold, and a column that says nothing, are refused."""
    with pytest.raises(ContractError, match="unknown type"):
        Column("a", "decimal(5,2)", "Odd.")
    with pytest.raises(ContractError, match="says nothing"):
        Column("a", "int", "")


def test_checks_are_of_three_kinds() -> None:
    """A row check rejects, a table check blocks, a warning speaks; there is no fourth."""
    with pytest.raises(ContractError, match="unknown kind"):
        Check("c", "true", "error")
    checks = (Check("a", "true"), Check("b", "true", "table"), Check("c", "true", "warn"))
    assert made(checks=checks).of_kind("table") == (checks[1],)
