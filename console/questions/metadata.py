"""A table's metadata as rows, with the columns that Trino and Athena give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from pyiceberg.table import Table as IcebergTable

    from console.reading import Lake

# https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-table-metadata.html
_RENAMED = {
    "partitions": {"total_data_file_size_in_bytes": "total_size"},
}


def rows(lake: Lake, name: str, part: str) -> Any:
    """The rows of `name$part`. Raises UsageError for a part that only Trino or Athena has."""
    table = lake.table(name)
    inspect = table.inspect
    known: dict[str, Callable[[], pa.Table]] = {
        "files": lambda: _files(table),
        "history": inspect.history,
        "partitions": inspect.partitions,
        "refs": inspect.refs,
        "snapshots": inspect.snapshots,
    }
    if part not in known:
        raise UsageError(
            f"{name}${part} is not there in this place; {', '.join(sorted(known))} are",
            next_command="lake deploy, and ask there",
        )
    found = _instants(known[part]())
    renamed = _RENAMED.get(part, {})
    return found.rename_columns([renamed.get(column, column) for column in found.column_names])


def _files(table: IcebergTable) -> pa.Table:
    """The data files; the library fails over a table that has none yet."""
    import pyarrow as pa  # noqa: PLC0415

    snapshot = table.current_snapshot()
    if snapshot and snapshot.manifests(table.io):
        return table.inspect.data_files()
    kinds = {"content": "int8", "file_path": "string", "file_format": "string"}
    numbers = dict.fromkeys(("record_count", "file_size_in_bytes"), "int64")
    return pa.schema(list({**kinds, **numbers}.items())).empty_table()


def _instants(table: pa.Table) -> pa.Table:
    """Times with their zone: the library gives UTC without it."""
    import pyarrow as pa  # noqa: PLC0415

    for number, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz is None:
            kind = pa.timestamp(field.type.unit, "UTC")
            table = table.set_column(number, field.name, table.column(number).cast(kind))
    return table
