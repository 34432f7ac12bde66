"""A contract as Open Data Contract Standard v3.1.0 (https://bitol-io.github.io), in YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console import lineage
from lakehouse.table import ICEBERG_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakehouse.table import Check, Column, Table

VERSION = "v3.1.0"
_LOGICAL = {
    "string": "string",
    "boolean": "boolean",
    "int": "integer",
    "bigint": "integer",
    "double": "number",
    "date": "date",
    "timestamp": "timestamp",
    "array<string>": "array",
}
_SEVERITY = {"row": "error", "table": "error", "warn": "warning"}


def document(table: Table) -> str:
    """The contract of one table as YAML text."""
    import yaml  # noqa: PLC0415

    return str(yaml.safe_dump(contract(table), sort_keys=False, allow_unicode=True, width=100))


def contract(table: Table) -> dict[str, Any]:
    """The contract as plain values."""
    made_of = lineage.columns(table)
    return {
        "apiVersion": VERSION,
        "kind": "DataContract",
        "id": f"urn:lakehouse:{table.full_name}",
        "name": table.full_name,
        "version": f"{table.version}.0.0",
        "status": "active",
        "domain": table.database.split("_")[0],
        "description": {"purpose": table.doc},
        "team": {"name": table.owner},
        "slaProperties": _promises(table),
        "schema": [
            {
                "name": table.name,
                "physicalName": table.full_name,
                "physicalType": "table",
                "description": table.doc,
                "dataGranularityDescription": grain(table),
                "properties": [
                    _property(table, column, made_of.get(column.name, ()))
                    for column in table.all_columns
                ],
                "quality": [_quality(table, check) for check in table.checks],
            }
        ],
    }


def grain(table: Table) -> str:
    """What one row stands for, by the key."""
    if not table.key:
        return "one row for each entry; there is no key"
    return f"one row for each {', '.join(table.key)}"


def _quality(table: Table, check: Check) -> dict[str, Any]:
    """A check as a query with one answer: the rows against it, or whether the table passes."""
    if check.kind == "row":
        query = f"select count(*) from {table.full_name} where not ({check.sql})"
        expected: dict[str, Any] = {"mustBe": 0, "unit": "rows"}
    else:
        query = f"select case when {check.sql} then 0 else 1 end from {table.full_name}"
        expected = {"mustBe": 0}
    return {
        "name": check.name,
        "type": "sql",
        "query": query,
        **expected,
        "severity": _SEVERITY[check.kind],
        "description": _MEANING[check.kind],
    }


_MEANING = {
    "row": "A row against it is refused and kept in ops.rejected_row.",
    "table": "A run whose rows break it is not published.",
    "warn": "It only speaks.",
}


def _promises(table: Table) -> list[dict[str, Any]]:
    """How long the past can be asked for, and how old the newest row may be."""
    found = [{"property": "retention", "value": table.upkeep.keep_days, "unit": "d"}]
    if table.upkeep.fresh_hours:
        found.append({"property": "latency", "value": table.upkeep.fresh_hours, "unit": "h"})
    return found


def _property(table: Table, column: Column, made_of: Iterable[lineage.Field]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": column.name,
        "logicalType": _LOGICAL[column.kind],
        "physicalType": ICEBERG_TYPES[column.kind],
        "description": column.doc,
        "required": column.required,
    }
    if column.kind.startswith("array<"):
        found["items"] = {"logicalType": _LOGICAL[column.kind[6:-1]]}
    if column.name in table.key:
        found |= {"primaryKey": True, "primaryKeyPosition": table.key.index(column.name) + 1}
    if column.name in table.partition_columns:
        position = table.partition_columns.index(column.name) + 1
        found |= {"partitioned": True, "partitionKeyPosition": position}
    sources = sorted({f"{field.table}:{field.column}" for field in made_of if not field.decides})
    if sources:
        found["transformSourceObjects"] = sources
    found["classification"] = "restricted" if column.sensitive else "internal"
    return found
