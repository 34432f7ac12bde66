"""The MERGE's static bounds cover the batch's partitions: all of them, and nothing else."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse import merge
from lakehouse.table import Column, Table

FIRST, LAST = date(2024, 1, 1), date(2026, 12, 31)
DAYS = st.dates(FIRST, LAST)
_LITERAL = re.compile(r"(?:timestamp|date)'([0-9-]{10})(?: 00:00:00 UTC)?'")


def table(transform: str, kind: str = "timestamp") -> Table:
    """A table partitioned by a time."""
    at = Column("at", kind, "When.", required=True)
    return Table(
        database="x", name="t", doc="Made up.", owner="tests",
        columns=(at,), key=("at",), partition=(f"{transform}(at)",),
    )  # fmt: skip


def covers(text: str, value: Any) -> bool:
    """Whether a predicate of bounds holds for a day or an instant."""

    def literal(match: re.Match[str]) -> str:
        day = date.fromisoformat(match.group(1))
        if isinstance(value, datetime):
            return repr(datetime(day.year, day.month, day.day, tzinfo=timezone.utc))
        return repr(day)

    python = _LITERAL.sub(literal, text.format(t="").replace("false", "False"))
    names = {"at": value, "datetime": __import__("datetime")}
    return bool(eval(python, {"__builtins__": {}}, names))  # noqa: S307  our own text


@given(st.sets(DAYS, max_size=20), st.lists(DAYS, max_size=20), st.integers(0, 86_399_999_999))
def test_days_are_covered_exactly(days: set[date], others: list[date], micros: int) -> None:
    """An instant is within the bounds if and only if its day is a partition of the batch."""
    text = merge.bounds(table("days"), {"at": list(days)})
    near = [d + timedelta(days=n) for d in days for n in (-1, 1)]
    for day in {*days, *others, *near}:
        start = datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
        assert covers(text, start + timedelta(microseconds=micros)) == (day in days)


@given(st.sets(DAYS, max_size=20), st.lists(DAYS, max_size=20))
def test_months_are_covered_exactly(days: set[date], others: list[date]) -> None:
    """The same by month, the first and the last moment included."""
    months = {d.replace(day=1) for d in days}
    text = merge.bounds(table("months"), {"at": list(months)})
    for day in {*days, *others}:
        for time in (datetime.min.time(), datetime.max.time()):
            moment = datetime.combine(day, time, timezone.utc)
            assert covers(text, moment) == (day.replace(day=1) in months)


@given(st.sets(DAYS, min_size=1, max_size=10), DAYS)
def test_dates_are_covered_exactly(days: set[date], other: date) -> None:
    """The same for a column of dates."""
    text = merge.bounds(table("days", "date"), {"at": list(days)})
    for day in {*days, other}:
        assert covers(text, day) == (day in days)


@given(st.sets(DAYS, min_size=1, max_size=40), st.sampled_from(["days", "months"]))
def test_ranges_are_few_and_apart(days: set[date], transform: str) -> None:
    """Adjacent partitions are one range, and ranges neither touch nor overlap."""
    starts = sorted({d.replace(day=1) if transform == "months" else d for d in days})
    found = merge.runs(starts, transform)
    assert [lo for lo, hi in found if lo >= hi] == []
    assert all(a[1] < b[0] for a, b in zip(found, found[1:], strict=False))
    assert len(found) <= len(starts)


def test_a_long_text_is_shortened_to_one_range() -> None:
    """More than 400 ranges are one range from the first to the last: wider, never narrower."""
    days = [FIRST + timedelta(days=2 * n) for n in range(merge.MAX_RANGES + 1)]
    text = merge.bounds(table("days"), {"at": days})
    assert text.count("at >=") == 1
    assert covers(text, datetime(2024, 1, 2, tzinfo=timezone.utc))
    assert not covers(text, datetime(2023, 12, 31, tzinfo=timezone.utc))
    assert covers(text, datetime.combine(days[-1], datetime.max.time(), timezone.utc))


@pytest.mark.parametrize(("values", "text"), [([], "(false)")])
def test_no_partition_is_nothing(values: list[date], text: str) -> None:
    """A batch without candidates looks at no row; a table without partitions at all."""
    assert merge.bounds(table("days"), {"at": values}) == text
    plain = Table("x", "t", "Made up.", (Column("a", "int", "A.", required=True),), ("a",), "tests")
    assert merge.bounds(plain, {}) == "true"
