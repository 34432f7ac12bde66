"""A tiny model of the project's MERGE: which rows enter, change, stay or are refused."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Row = dict[str, Any]
Key = tuple[Any, ...]
AUDIT = frozenset({"ingest_ts", "run_id", "source_uri", "source_row"})


@dataclass
class Counts:
    """What became of the rows of one batch."""

    rows_in: int = 0
    rejected: int = 0
    collapsed: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    older: int = 0

    @property
    def accepted(self) -> int:
        """Return the rows that were set against the target."""
        return self.inserted + self.updated + self.unchanged + self.older

    def check(self) -> None:
        """Assert that every row is accounted for."""
        total = self.accepted + self.rejected + self.collapsed
        if self.rows_in != total:
            raise AssertionError(f"{self.rows_in} rows came in, {total} are accounted for: {self}")


def sha256(row: Row) -> str:
    """Hash a row's content as canonical JSON."""
    return hashlib.sha256(canonical(row).encode("utf-8")).hexdigest()


def canonical(row: Row) -> str:
    """Write a row as JSON with sorted keys; times and decimals as text."""
    return json.dumps(row, sort_keys=True, ensure_ascii=False, default=str)


def content(rows: Iterable[Row], columns: Iterable[str]) -> str:
    """Return a checksum of the rows' columns that their order doesn't change."""
    names = list(columns)
    lines = sorted(canonical({name: row.get(name) for name in names}) for row in rows)
    return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()


def apply(
    target: dict[Key, Row],
    batch: list[Row],
    *,
    key: tuple[str, ...],
    latest_by: str | None,
    replace: bool = False,
    hash_content: Callable[[Row], str] = sha256,
) -> Counts:
    """Merge a batch into the target, in place, and say what became of its rows."""
    counts = Counts(rows_in=len(batch))

    def version(row: Row) -> tuple[Any, ...]:
        latest = row.get(latest_by) if latest_by else None
        known = latest is not None
        return (known, latest if known else 0, hash_content(business(row, latest_by)))

    winners: dict[Key, Row] = {}
    for row in batch:
        row_key = tuple(row.get(name) for name in key)
        if None in row_key:
            counts.rejected += 1
            continue
        if row_key in winners:
            counts.collapsed += 1
        if row_key not in winners or version(row) > version(winners[row_key]):
            winners[row_key] = row
    for row_key, row in winners.items():
        fate = _fate(target.get(row_key), row, latest_by, version, replace=replace)
        setattr(counts, fate, getattr(counts, fate) + 1)
        if fate in ("inserted", "updated"):
            target[row_key] = dict(row)
    counts.check()
    return counts


def business(row: Row, latest_by: str | None) -> Row:
    """Return the columns that decide whether a row has changed."""
    return {name: row[name] for name in row if name not in AUDIT and name != latest_by}


def same(one: Row, other: Row) -> bool:
    """Compare two rows as SQL's null-safe equality does: null is null, NaN is NaN."""
    return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)


def _fate(
    held: Row | None,
    row: Row,
    latest_by: str | None,
    version: Callable[[Row], tuple[Any, ...]],
    *,
    replace: bool,
) -> str:
    if held is None:
        return "inserted"
    if same(business(held, latest_by), business(row, latest_by)):
        return "unchanged"
    return "updated" if replace or version(row) > version(held) else "older"


def _same(one: Any, other: Any) -> bool:
    nan = isinstance(one, float) and isinstance(other, float) and math.isnan(one + other)
    return (math.isnan(one) and math.isnan(other)) if nan else one == other
