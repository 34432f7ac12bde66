"""JSON values to the types of Iceberg, by Firehose's rules.

AWS: "Supported data types" (Firehose, Apache Iceberg destination). A time is microseconds since
1970 or ISO-8601 with a T: seconds are taken for microseconds and land in 1970, as on AWS, and a
blank in the place of the T is a mismatch.
"""

from __future__ import annotations

import base64
import json
import math
import re
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from pyiceberg import types

if TYPE_CHECKING:
    from collections.abc import Callable

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)?")
_INT_BITS, _LONG_BITS = 31, 63


class MismatchError(ValueError):
    """A value that its column cannot take."""


class MissingError(ValueError):
    """A record without a column that is required, or without any column of the table."""


def row(record: dict[str, Any], columns: tuple[types.NestedField, ...]) -> dict[str, Any]:
    """The record as a row: unknown fields are skipped, missing optional ones are null.

    Raises MismatchError or MissingError, which name the column.
    """
    made = {}
    for column in columns:
        value = record.get(column.name)
        if value is None and column.required:
            raise MissingError(f"the required column {column.name} is missing")
        try:
            made[column.name] = None if value is None else convert(column.field_type, value)
        except MismatchError as error:
            raise MismatchError(f"column {column.name}: {error}") from error
    return made


@singledispatch
def convert(kind: types.IcebergType, value: Any) -> Any:
    """The value in Arrow's Python form. Raises MismatchError."""
    raise MismatchError(f"{kind} is not served here, so no {value!r}")


def _mismatch(kind: types.IcebergType, value: Any) -> MismatchError:
    return MismatchError(f"{json.dumps(value, ensure_ascii=False)[:80]} is no {kind}")


@convert.register
def _string(kind: types.StringType, value: Any) -> str:
    if not isinstance(value, str):
        raise _mismatch(kind, value)
    return value


@convert.register
def _boolean(kind: types.BooleanType, value: Any) -> bool:
    known = {"true": True, "false": False, "1": True, "0": False}
    text = str(value).lower() if isinstance(value, (bool, int, str)) else ""
    if text not in known:
        raise _mismatch(kind, value)
    return known[text]


def _whole(kind: types.IcebergType, value: Any, bits: int) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if not is_number and not (isinstance(value, str) and re.fullmatch(r"[+-]?\d+", value)):
        raise _mismatch(kind, value)
    number = int(value)
    if not -(2**bits) <= number < 2**bits:
        raise _mismatch(kind, value)
    return number


@convert.register
def _int(kind: types.IntegerType, value: Any) -> int:
    return _whole(kind, value, _INT_BITS)


@convert.register
def _long(kind: types.LongType, value: Any) -> int:
    return _whole(kind, value, _LONG_BITS)


def _real(kind: types.IcebergType, value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError) as error:
        raise _mismatch(kind, value) from error
    if not math.isfinite(number):
        raise _mismatch(kind, value)
    return number


convert.register(types.DoubleType, _real)
convert.register(types.FloatType, _real)


@convert.register
def _decimal(kind: types.DecimalType, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _mismatch(kind, value)
    try:
        number = Decimal(str(value))
        rounded = number.quantize(Decimal(1).scaleb(-kind.scale))
    except InvalidOperation as error:
        raise _mismatch(kind, value) from error
    if rounded != number or len(rounded.as_tuple().digits) > kind.precision:
        raise _mismatch(kind, value)
    return rounded


def _parsed(kind: types.IcebergType, value: Any, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(value)
    except (TypeError, ValueError) as error:
        raise _mismatch(kind, value) from error


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@convert.register
def _date(kind: types.DateType, value: Any) -> date:
    if _is_whole(value):
        return _parsed(kind, value, lambda days: _EPOCH.date() + timedelta(days=int(days)))  # type: ignore[no-any-return]
    return _parsed(kind, value, date.fromisoformat)  # type: ignore[no-any-return]


@convert.register
def _time(kind: types.TimeType, value: Any) -> time:
    if _is_whole(value):
        return _moment(kind, value).time()
    return _parsed(kind, value, time.fromisoformat)  # type: ignore[no-any-return]


def _moment(kind: types.IcebergType, microseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError as error:
        raise _mismatch(kind, microseconds) from error


def _timestamp(kind: types.IcebergType, value: Any, offsets: tuple[str, ...]) -> datetime:
    if _is_whole(value):
        return _moment(kind, value)
    found = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if found is None or not (found.group(2) or "").startswith(offsets):
        raise _mismatch(kind, value)
    parsed: datetime = _parsed(kind, value, datetime.fromisoformat)
    is_naive = parsed.tzinfo is None
    return parsed.replace(tzinfo=timezone.utc) if is_naive else parsed.astimezone(timezone.utc)


@convert.register
def _timestamptz(kind: types.TimestamptzType, value: Any) -> datetime:
    """In UTC; the documentation's examples have Z or nothing, and no other offset."""
    if isinstance(value, str) and re.search(r"T.*[+-]", value):
        raise _mismatch(kind, value)
    return _timestamp(kind, value, ("", "Z"))


@convert.register
def _timestamp_ntz(kind: types.TimestampType, value: Any) -> datetime:
    return _timestamp(kind, value, ("", "Z", "+", "-")).replace(tzinfo=None)


@convert.register
def _binary(kind: types.BinaryType, value: Any) -> bytes:
    """Base64, or hexadecimal digits."""
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError):
        return _parsed(kind, value, bytes.fromhex)  # type: ignore[no-any-return]


@convert.register
def _list(kind: types.ListType, value: Any) -> list[Any]:
    """An array, or its JSON in a string."""
    found = _parsed(kind, value, json.loads) if isinstance(value, str) else value
    if not isinstance(found, list):
        raise _mismatch(kind, value)
    return [None if one is None else convert(kind.element_type, one) for one in found]


@convert.register
def _map(kind: types.MapType, value: Any) -> list[tuple[Any, Any]]:
    if not isinstance(value, dict):
        raise _mismatch(kind, value)
    return [
        (convert(kind.key_type, key), None if one is None else convert(kind.value_type, one))
        for key, one in value.items()
    ]


@convert.register
def _struct(kind: types.StructType, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mismatch(kind, value)
    try:
        return row(value, kind.fields)
    except MissingError as error:
        raise MismatchError(str(error)) from error
