"""How a contract looks as Iceberg metadata: properties, partitioning, and what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.table import ICEBERG_TYPES

if TYPE_CHECKING:
    from lakehouse.snapshots import History
    from lakehouse.table import Table

_TRANSFORMS = {"days": "day", "months": "month"}


def partition_name(transform: str, column: str) -> str:
    """Iceberg's usual name of a partition field: event_ts_day."""
    return f"{column}_{_TRANSFORMS[transform]}"


def properties(table: Table) -> dict[str, str]:
    """The table properties a contract implies.

    Isolation is serializable everywhere: with `snapshot` two writers of the same new key both
    insert it, without an error. Athena and Firehose read format v2 at most.
    """
    wanted = {
        "format-version": "2",
        "write.format.default": "parquet",
        "write.parquet.compression-codec": "zstd",
        "write.distribution-mode": "hash",
        "write.metadata.delete-after-commit.enabled": "true",
        "write.metadata.previous-versions-max": "50",
        "lake.contract-version": str(table.version),
        "lake.owner": table.owner,
        **table.upkeep.properties,
    }
    for operation in ("merge", "update", "delete"):
        wanted[f"write.{operation}.mode"] = "merge-on-read"
        wanted[f"write.{operation}.isolation-level"] = "serializable"
    return wanted


def differences(table: Table, found: History) -> list[str]:
    """What keeps a job from writing: columns, types, partitioning, isolation. Empty is good."""
    wrong = []
    columns = found.columns
    for column in table.all_columns:
        kind = columns.get(column.name)
        if kind is None:
            wrong.append(f"column {column.name} is missing")
        elif kind != ICEBERG_TYPES[column.kind]:
            wrong.append(f"column {column.name} is {kind}, not {ICEBERG_TYPES[column.kind]}")
    declared = {c.name for c in table.all_columns}
    wrong += [f"column {name} is not in the contract" for name in columns if name not in declared]
    if partitioning(found) != [(_TRANSFORMS[t], c) for t, c in table.partition_fields]:
        wrong.append(f"partitioned by {partitioning(found)}")
    actual = found.metadata.get("properties") or {}
    for name, value in properties(table).items():
        if name.endswith("isolation-level") and actual.get(name) != value:
            wrong.append(f"{name} is {actual.get(name)}")
    if found.head() is None:
        wrong.append("main has no snapshot")
    return wrong


def partitioning(found: History) -> list[tuple[str, str]]:
    """(transform, source column) of the table's current partitioning."""
    current = found.metadata["default-spec-id"]
    spec = next(s for s in found.metadata["partition-specs"] if s["spec-id"] == current)
    schema_id = found.metadata["current-schema-id"]
    schema = next(s for s in found.metadata["schemas"] if s["schema-id"] == schema_id)
    names = {f["id"]: f["name"] for f in schema["fields"]}
    return [
        (f["transform"], names[f["source-id"]]) for f in spec["fields"] if f["transform"] != "void"
    ]
