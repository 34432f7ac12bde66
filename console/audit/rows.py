"""Rows of one table at one moment, in an order and a writing that are always the same."""

from __future__ import annotations

import io
import json
import math
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

from lakehouse.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

_NAME = "asked"


def chosen(rows: pa.Table, where: str) -> pa.Table:
    """The rows for which the condition is true, ordered by all columns.

    Raises UsageError for a faulty condition.
    """
    import duckdb  # noqa: PLC0415

    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.register(_NAME, rows)
    condition = f" where ({where})" if where else ""
    try:
        found = connection.sql(f"select * from {_NAME}{condition} order by all")
        return found.to_arrow_table()
    except duckdb.Error as error:
        raise UsageError(f"--where: {str(error).strip()}") from error


def lines(rows: pa.Table) -> bytes:
    """One JSON object a row: times as ISO text in UTC with microseconds, numbers as they are."""
    found = (
        json.dumps(
            {name: _value(value) for name, value in row.items()},
            ensure_ascii=False,
            separators=(",", ":"),
            allow_nan=False,
        )
        for batch in rows.to_batches()
        for row in batch.to_pylist()
    )
    return "".join(line + "\n" for line in found).encode()


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def parquet(rows: pa.Table) -> bytes:
    """The same rows as Parquet."""
    from pyarrow import parquet as writer  # noqa: PLC0415

    out = io.BytesIO()
    writer.write_table(rows.replace_schema_metadata(None), out, compression="zstd")
    return out.getvalue()


def of_parquet(content: bytes) -> pa.Table:
    """The rows of a Parquet file."""
    from pyarrow import parquet as reader  # noqa: PLC0415

    return reader.read_table(io.BytesIO(content))
