"""AWS: "Supported data types" (Firehose, Apache Iceberg destination)."""

from __future__ import annotations

from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Any

import pytest
from pyiceberg import types

from console.emulator.firehose import values

NOON = datetime(2024, 9, 4, 18, 56, 15, 99000, tzinfo=timezone.utc)
ZONED, PLAIN = types.TimestamptzType(), types.TimestampType()
LIST = types.ListType(element_id=1, element=types.IntegerType())
MAP = types.MapType(key_id=1, key_type=types.StringType(), value_id=2, value_type=types.LongType())
STRUCT = types.StructType(
    types.NestedField(1, "text", types.StringType(), required=True),
    types.NestedField(2, "code", types.IntegerType()),
)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (types.StringType(), "año", "año"),
        (types.BooleanType(), True, True),
        (types.BooleanType(), "false", False),
        (types.BooleanType(), 1, True),
        (types.IntegerType(), 7, 7),
        (types.IntegerType(), "-7", -7),
        (types.LongType(), 2**40, 2**40),
        (types.DoubleType(), 7, 7.0),
        (types.FloatType(), "7.5", 7.5),
        (types.DecimalType(5, 2), "7.50", Decimal("7.50")),
        (types.DateType(), "2024-09-04", date(2024, 9, 4)),
        (types.DateType(), 19970, date(2024, 9, 4)),
        (types.TimeType(), "18:56:15.096", time(18, 56, 15, 96000)),
        (types.TimeType(), 3_600_000_000, time(1)),
        (ZONED, 1_725_476_175_099_000, NOON),
        (ZONED, "2024-09-04T18:56:15.099Z", NOON),
        (ZONED, "2024-09-04T18:56:15.099", NOON),
        (PLAIN, "2024-09-04T11:56:15.099-07:00", NOON.replace(tzinfo=None)),
        (PLAIN, 1_725_476_175_099_000, NOON.replace(tzinfo=None)),
        (types.BinaryType(), "aGk=", b"hi"),
        (LIST, [1, None, "3"], [1, None, 3]),
        (LIST, "[1, 2]", [1, 2]),
        (MAP, {"a": 1}, [("a", 1)]),
        (STRUCT, {"text": "sun", "other": 1}, {"text": "sun", "code": None}),
    ],
)
def test_a_value_becomes_what_its_column_holds(kind: Any, value: Any, expected: Any) -> None:
    """Every form that the documentation's examples show."""
    found = values.convert(kind, value)
    assert found == expected
    assert type(found) is type(expected)


def test_seconds_are_taken_for_microseconds() -> None:
    """WeatherAPI's *_epoch fields land in 1970, as on AWS."""
    assert values.convert(ZONED, 1_725_476_175).year == 1970


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (types.StringType(), 7),
        (types.StringType(), {"a": 1}),
        (types.BooleanType(), "yes"),
        (types.BooleanType(), 2),
        (types.IntegerType(), 2**31),
        (types.IntegerType(), 7.5),
        (types.IntegerType(), True),
        (types.IntegerType(), "7.0"),
        (types.LongType(), "x"),
        (types.DoubleType(), True),
        (types.DoubleType(), "nan"),
        (types.DoubleType(), [1]),
        (types.DecimalType(3, 1), "7.55"),
        (types.DecimalType(3, 1), 12345),
        (types.DateType(), "04/09/2024"),
        (types.TimeType(), "noon"),
        (ZONED, "2024-09-04 18:56"),
        (ZONED, "2024-09-04 18:56:15"),
        (ZONED, "2024-09-04T18:56:15-07:00"),
        (ZONED, "2024-13-04T18:56:15Z"),
        (ZONED, 1_725_476_175.5),
        (ZONED, True),
        (ZONED, 10**30),
        (types.BinaryType(), "no base"),
        (LIST, "1, 2"),
        (LIST, ["x"]),
        (MAP, [1]),
        (STRUCT, "sun"),
        (STRUCT, {"code": 1}),
        (types.UUIDType(), "7f3e"),
    ],
)
def test_a_value_that_does_not_fit_is_a_mismatch(kind: Any, value: Any) -> None:
    """Nothing is rounded, cut, or guessed; WeatherAPI's times with a blank do not fit."""
    with pytest.raises(values.MismatchError):
        values.convert(kind, value)


COLUMNS = (
    types.NestedField(1, "at", ZONED, required=True),
    types.NestedField(2, "temp_c", types.DoubleType()),
)


def test_a_row_has_the_columns_of_its_table() -> None:
    """Unknown fields are skipped, case counts, a missing optional one is null."""
    record = {"at": 0, "Temp_C": 3, "unknown": 1}
    made = values.row(record, COLUMNS)
    assert made == {"at": datetime(1970, 1, 1, tzinfo=timezone.utc), "temp_c": None}


def test_a_row_says_which_column_is_wrong() -> None:
    """A missing required column and a mismatch name it."""
    with pytest.raises(values.MissingError, match="required column at"):
        values.row({"temp_c": 3}, COLUMNS)
    with pytest.raises(values.MismatchError, match="column temp_c"):
        values.row({"at": 0, "temp_c": "warm"}, COLUMNS)
