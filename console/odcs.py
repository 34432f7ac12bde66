"""A contract as Open Data Contract Standard v3.0.2 (https://bitol-io.github.io), in YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakehouse.table import ICEBERG_TYPES

if TYPE_CHECKING:
    from lakehouse.table import Column, Table

_LOGICAL = {
    "string": "string",
    "boolean": "boolean",
    "int": "integer",
    "bigint": "integer",
    "double": "number",
    "date": "date",
    "timestamp": "date",
    "array<string>": "array",
}


def document(table: Table) -> str:
    """The contract of one table as YAML text."""
    import yaml  # noqa: PLC0415

    return str(yaml.safe_dump(contract(table), sort_keys=False, allow_unicode=True, width=100))


def contract(table: Table) -> dict[str, Any]:
    """The contract as plain values."""
    return {
        "apiVersion": "v3.0.2",
        "kind": "DataContract",
        "id": f"urn:lakehouse:{table.full_name}",
        "name": table.full_name,
        "version": f"{table.version}.0.0",
        "status": "active",
        "description": {"purpose": table.doc},
        "team": [{"username": table.owner, "role": "owner"}],
        "schema": [
            {
                "name": table.name,
                "physicalName": table.full_name,
                "physicalType": "table",
                "description": table.doc,
                "properties": [_property(table, column) for column in table.all_columns],
                "quality": [
                    {"name": check.name, "type": "sql", "query": check.sql, "mustBe": True,
                     "severity": "warning" if check.kind == "warn" else "error"}
                    for check in table.checks
                ],
            }
        ],
    }  # fmt: skip


def _property(table: Table, column: Column) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": column.name,
        "logicalType": _LOGICAL[column.kind],
        "physicalType": ICEBERG_TYPES[column.kind],
        "description": column.doc,
        "required": column.required,
    }
    if column.name in table.key:
        found |= {"primaryKey": True, "primaryKeyPosition": table.key.index(column.name) + 1}
    if column.name in table.partition_columns:
        found |= {"partitioned": True}
    if column.sensitive:
        found |= {"classification": "restricted"}
    return found
