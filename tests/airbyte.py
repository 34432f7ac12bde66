"""Parquet files as Airbyte's S3 destination writes them, before and since its version 1.0.

The columns are those of its documents (integrations/destinations/s3 and its migration guide): the
reply's fields at the root, Snappy, every field optional, no name beginning with a digit.
"""

from __future__ import annotations

import io
import json
import uuid
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from datetime import datetime

_MORE = ("_airbyte_additional_properties", pa.map_(pa.string(), pa.string()))
_INTEGERS = ("id", "all", "dt", "timezone", "visibility", "cod", "sunrise", "sunset", "type")
_TEXTS = ("main", "description", "icon", "base", "name", "country")


def before_1_0(*replies: dict[str, Any], at: datetime) -> bytes:
    """Version 0: `_airbyte_ab_id`, and a map for what the schema does not know at every level."""
    rows = [
        {
            "_airbyte_ab_id": str(uuid.uuid4()),
            "_airbyte_emitted_at": at,
            **_named(reply),
            "_airbyte_additional_properties": [],
        }
        for reply in replies
    ]
    fields = [
        pa.field("_airbyte_ab_id", pa.string()),
        pa.field("_airbyte_emitted_at", pa.timestamp("ms", tz="UTC")),
        *(pa.field(name, _kind(name, rows, more=True)) for name in _names(rows)),
        pa.field(*_MORE),
    ]
    return _written(rows, fields)


def since_1_0(*replies: dict[str, Any], at: datetime) -> bytes:
    """Version 1: `_airbyte_raw_id` and `_airbyte_meta`; what has no schema is a text of JSON."""
    rows = [
        {
            "_airbyte_raw_id": str(uuid.uuid4()),
            "_airbyte_extracted_at": at,
            "_airbyte_generation_id": 0,
            "_airbyte_meta": {"changes": [], "sync_id": 7},
            **_named(reply),
            **{name: json.dumps(reply[name]) for name in ("weather", "rain") if name in reply},
        }
        for reply in replies
    ]
    change = pa.struct([(name, pa.string()) for name in ("field", "change", "reason")])
    fields = [
        pa.field("_airbyte_raw_id", pa.string()),
        pa.field("_airbyte_extracted_at", pa.timestamp("ms", tz="UTC")),
        pa.field("_airbyte_generation_id", pa.int64()),
        pa.field(
            "_airbyte_meta", pa.struct([("changes", pa.list_(change)), ("sync_id", pa.int64())])
        ),
        *(pa.field(name, _kind(name, rows, more=False)) for name in _names(rows)),
    ]
    return _written(rows, fields)


def _named(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply under the names that Avro allows: 1h is _1h."""
    return {
        name: {f"_{k}" if k[0].isdigit() else k: v for k, v in value.items()}
        if isinstance(value, dict)
        else value
        for name, value in reply.items()
    }


def _names(rows: list[dict[str, Any]]) -> list[str]:
    found = dict.fromkeys(name for row in rows for name in row)
    return [name for name in found if not name.startswith("_airbyte")]


def _kind(name: str, rows: list[dict[str, Any]], *, more: bool) -> pa.DataType:
    """The column's type by all its values: Airbyte knows it from the source's schema."""
    values = [row[name] for row in rows if row.get(name) is not None]
    if isinstance(values[0], dict):
        inner = dict.fromkeys(key for value in values for key in value)
        members = [(key, _kind(key, values, more=more)) for key in inner]
        return pa.struct([*members, *([_MORE] if more else [])])
    if isinstance(values[0], list):
        return pa.list_(_kind("item", [{"item": v} for found in values for v in found], more=more))
    if isinstance(values[0], str) or name in _TEXTS:
        return pa.string()
    return pa.int64() if name in _INTEGERS else pa.float64()


def _written(rows: list[dict[str, Any]], fields: list[pa.Field]) -> bytes:
    out = io.BytesIO()
    schema = pa.schema(fields)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), out, compression="snappy")
    return out.getvalue()
