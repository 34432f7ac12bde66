"""How contracts look as Iceberg metadata, and what keeps a job from writing."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.pipeline import TABLES
from lakehouse import contract
from lakehouse.snapshots import History
from lakehouse.table import ICEBERG_TYPES, Column, Table

TABLE = Table(
    database="x", name="t", doc="Made up.", owner="tests", key=("id", "at"),
    partition=("days(at)",),
    columns=(
        Column("id", "string", "Which.", required=True),
        Column("at", "timestamp", "When.", required=True),
        Column("many", "array<string>", "Which ones."),
    ),
)  # fmt: skip


def metadata(**changes: Any) -> dict[str, Any]:
    """Metadata that fits the contract, changed."""
    fields = [
        {"id": number, "name": column.name, "type": ICEBERG_TYPES[column.kind]}
        for number, column in enumerate(TABLE.all_columns, start=1)
    ]
    many = {"type": "list", "element": "string"}
    fields = [{**f, "type": many} if f["name"] == "many" else f for f in fields]
    day = {"source-id": 2, "transform": "day", "name": "at_day"}
    return {
        "schemas": [{"schema-id": 0, "fields": fields}],
        "current-schema-id": 0,
        "partition-specs": [{"spec-id": 0, "fields": [day]}],
        "default-spec-id": 0,
        "properties": contract.properties(TABLE),
        "snapshots": [{"snapshot-id": 1, "timestamp-ms": 0}],
        "refs": {"main": {"snapshot-id": 1}},
        **changes,
    }


def differences(**changes: Any) -> list[str]:
    """What differs."""
    return contract.differences(TABLE, History.parse("x.t", metadata(**changes)))


def test_what_fits_fits() -> None:
    """A table as its contract says differs in nothing."""
    assert differences() == []
    void = {"source-id": 1, "transform": "void", "name": "gone"}
    day = {"source-id": 2, "transform": "day", "name": "at_day"}
    assert differences(**{"partition-specs": [{"spec-id": 0, "fields": [void, day]}]}) == []


def test_columns_that_differ_are_named() -> None:
    """Missing, surprising and otherwise typed columns each have a sentence."""
    fields = metadata()["schemas"][0]["fields"]
    odd = [{**f, "type": "int"} if f["name"] == "id" else f for f in fields[:-1]]
    odd.append({"id": 99, "name": "more", "type": "string"})
    found = differences(schemas=[{"schema-id": 0, "fields": odd}])
    assert found == [
        "column id is int, not string",
        "column source_row is missing",
        "column more is not in the contract",
    ]


@pytest.mark.parametrize("operation", ["merge", "update", "delete"])
@pytest.mark.parametrize("level", ["snapshot", None])
def test_isolation_is_serializable(operation: str, level: str | None) -> None:
    """With snapshot isolation two writers of a new key both insert it, without an error."""
    name = f"write.{operation}.isolation-level"
    assert contract.properties(TABLE)[name] == "serializable"
    properties = {k: v for k, v in contract.properties(TABLE).items() if k != name}
    if level:
        properties[name] = level
    assert differences(properties=properties) == [f"{name} is {level}"]


def test_partitioning_differs() -> None:
    """A table laid out otherwise is refused."""
    assert len(differences(**{"partition-specs": [{"spec-id": 0, "fields": []}]})) == 1


def test_a_table_without_a_commit_is_refused() -> None:
    """Without a first commit main is no branch, and nothing can be fast-forwarded."""
    assert differences(refs={}, snapshots=[]) == ["main has no snapshot"]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.full_name)
def test_every_table_is_format_2(table: Table) -> None:
    """Athena and Firehose read no v3; rows are merged on read."""
    found = contract.properties(table)
    assert found["format-version"] == "2"
    assert found["write.merge.mode"] == "merge-on-read"
    assert "snapshot" not in [v for k, v in found.items() if k.endswith("isolation-level")]
