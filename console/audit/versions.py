"""Every version that chosen rows of a table ever had on main, from what its snapshots changed.

A snapshot's change is read from the files it added, removed or touched with deletes; a version
that was written before the oldest snapshot still there is known, its writing is not.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from pyiceberg.expressions import (
    AlwaysTrue,
    And,
    GreaterThanOrEqual,
    In,
    LessThanOrEqual,
)
from pyiceberg.table import FileScanTask
from pyiceberg.types import DateType, IntegerType, LongType, StringType, TimestamptzType

from console.audit.fields import CONTRACTS, Fields, internal
from console.audit.files import Files, pruning
from console.reading import Moment
from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    import pyarrow as pa
    from pyiceberg.expressions import BooleanExpression
    from pyiceberg.schema import Schema

    from console.audit.files import Tasks
    from console.reading import Lake
    from lakehouse.snapshots import Snapshot

# Typed as they are called: to mypy they look like plain models of Pydantic.
_is_in: Callable[..., BooleanExpression] = In
_at_least: Callable[..., BooleanExpression] = GreaterThanOrEqual
_at_most: Callable[..., BooleanExpression] = LessThanOrEqual
Row = dict[str, Any]
Key = tuple[Any, ...]
_BOUNDED = (DateType, IntegerType, LongType, StringType, TimestamptzType)
# Iceberg compares no more values than these with a file's bounds.
_MOST_VALUES = 200


class Event(NamedTuple):
    """What a snapshot did to the rows of one key: mostly one row each, or none.

    `snapshot` is the oldest one there is for rows written before it; `known` is then False.
    """

    snapshot: Snapshot
    removed: list[Row]
    added: list[Row]
    known: bool = True


class Found(NamedTuple):
    """Rows that a condition is true of, by key: as they are now, and as they ever were."""

    now: dict[Key, list[Row]]
    ever: dict[Key, list[Row]]


class Versions:
    """The versions of rows of one table; `key` as in Fields.key, without one the whole row."""

    def __init__(self, lake: Lake, name: str, key: str = "") -> None:
        self._table = lake.table(name)
        self._name = name
        schema = self._table.schema()
        self._fields = Fields(schema, schema)
        ids = self._fields.key(name, key) or [f.field_id for f in schema.fields]
        self.key = [self._fields.names[i] for i in ids]
        self._ids = ids
        self._derived = CONTRACTS[name].derived if name in CONTRACTS and not key else ()
        self._history = lake.history(name)
        head = lake.snapshot(name, Moment())
        self._lineage = list(self._history.lineage(head)) if head is not None else []

    def find(self, condition: str) -> Found:
        """Rows of which the condition is true, now or of an earlier version.

        A file's rows were all there once: each file of any snapshot is read once, without its
        deletes. Raises UsageError for a condition that DuckDB does not understand.
        """
        files = Files(self._table, pruning(self._table.schema(), condition))
        head = files.tasks(self._lineage[0].id if self._lineage else None)
        ever = {path: t for s in self._lineage for (path, _), t in files.tasks(s.id).items()}
        words = {word.lower() for word in re.findall(r"\w+", condition)}
        ids = [
            f.field_id
            for f in self._table.schema().fields
            if f.field_id in self._ids or f.name in self._ranged or f.name.lower() in words
        ]
        undeleted = [FileScanTask(task.file) for task in ever.values()]
        past = self._matching(files.read(undeleted, self._selected(ids)), condition)
        now = self._matching(files.read(head.values(), self._selected(ids)), condition)
        return Found(self._by_key(now), self._by_key(past))

    def _by_key(self, rows: list[Row]) -> dict[Key, list[Row]]:
        found: dict[Key, list[Row]] = {}
        for row in rows:
            found.setdefault(_key([row[name] for name in self.key]), []).append(row)
        return found

    def _selected(self, ids: list[int]) -> Schema:
        return self._fields.schema.select(*(internal(i) for i in ids))

    def _named(self, rows: pa.Table) -> pa.Table:
        names = self._fields.names
        return rows.rename_columns([names[int(name[1:])] for name in rows.column_names])

    def _matching(self, rows: pa.Table, condition: str) -> list[Row]:
        import duckdb  # noqa: PLC0415

        wanted = ", ".join(f'"{n}"' for n in dict.fromkeys((*self.key, *self._ranged)))
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            connection.register("rows", self._named(rows))
            try:
                found = connection.sql(
                    f"select distinct {wanted} from rows where ({condition}\n) order by {wanted}"
                )
                return found.to_arrow_table().to_pylist() if found else []
            except duckdb.Error as error:
                raise UsageError(f"{self._name}: {str(error).strip()}") from error

    @cached_property
    def _ranged(self) -> list[str]:
        """Columns that are the same in all versions of a row, and whose bounds files have.

        The contract says that the key determines the derived columns, the partition's among them.
        """
        schema = self._table.schema()
        names = dict.fromkeys((*self.key, *self._derived))
        return [n for n in names if isinstance(schema.find_type(n), _BOUNDED)]

    def _bounds(self, rows: list[Row]) -> BooleanExpression:
        """What a file must hold to have a version of one of these rows."""
        found: BooleanExpression = AlwaysTrue()
        for name in self._ranged:
            values = {row[name] for row in rows}
            if None in values or not values:
                continue
            if len(values) <= _MOST_VALUES:
                found = And(found, _is_in(name, values))
            else:
                found = And(found, _at_least(name, min(values)), _at_most(name, max(values)))
        return found

    def of(self, chosen: dict[Key, list[Row]]) -> dict[Key, list[Event]]:
        """What happened to some of the rows found, by key and newest first."""
        found: dict[Key, list[Event]] = {key: [] for key in chosen}
        if not chosen:
            return found
        files = Files(self._table, self._bounds([r for rows in chosen.values() for r in rows]))
        for snapshot in self._lineage[:-1]:
            if snapshot.operation != "replace":  # compaction moves rows, it changes none
                before, after = files.tasks(snapshot.parent), files.tasks(snapshot.id)
                removed = self._rows(files, before, after, chosen)
                added = self._rows(files, after, before, chosen)
                for key in removed.keys() | added.keys():
                    event = _event(snapshot, removed.get(key, []), added.get(key, []))
                    if event.removed or event.added:
                        found[key].append(event)
        for snapshot in self._lineage[-1:]:
            for event_key, event in self._first(files, snapshot, chosen):
                found[event_key].append(event)
        return found

    def _first(
        self, files: Files, snapshot: Snapshot, wanted: Container[Key]
    ) -> Iterator[tuple[Key, Event]]:
        """The rows of the oldest snapshot there is: its own ones, and those it found.

        Expiry may have taken its parent, even the parent's id. Rows in files that it appended are
        its own; rows in files it only rewrote may be older.
        """
        tasks = files.tasks(snapshot.id)
        own = {i: t for i, t in tasks.items() if files.writers[i[0]] == snapshot.id}
        if snapshot.operation != "append" and (snapshot.parent is not None or own != tasks):
            own = {}
        for known, part in ((True, own), (False, {i: tasks[i] for i in tasks.keys() - own.keys()})):
            for key, rows in self._rows(files, part, {}, wanted).items():
                yield key, Event(snapshot, [], rows, known)

    def _rows(
        self, files: Files, held: Tasks, other: Tasks, wanted: Container[Key]
    ) -> dict[Key, list[Row]]:
        """Rows of the wanted keys in files that `other` does not hold alike, by key."""
        mine = [task for identity, task in held.items() if identity not in other]
        if not mine:
            return {}
        rows = self._named(files.read(mine, self._fields.schema))
        columns = [rows.column(name).to_pylist() for name in self.key]
        keys = [_key(values) for values in zip(*columns, strict=True)]
        places = [place for place, key in enumerate(keys) if key in wanted]
        found: dict[Key, list[Row]] = {}
        if not places:
            return found
        for place, row in zip(places, rows.take(places).to_pylist(), strict=True):
            found.setdefault(keys[place], []).append(row)
        return found


def _key(values: Iterable[Any]) -> Key:
    """A key that can be looked up: lists as tuples, NaN equal to itself."""
    return tuple(
        tuple(v) if isinstance(v, list) else "NaN" if isinstance(v, float) and v != v else v  # noqa: PLR0124
        for v in values
    )


def _event(snapshot: Snapshot, removed: list[Row], added: list[Row]) -> Event:
    """The rows that differ: those that a file carried over unchanged cancel out."""
    old, new = Counter(map(repr, removed)), Counter(map(repr, added))
    return Event(snapshot, _left(removed, old - new), _left(added, new - old))


def _left(rows: list[Row], times: Counter[str]) -> list[Row]:
    found = []
    for row in rows:
        if times[repr(row)] > 0:
            times[repr(row)] -= 1
            found.append(row)
    return found
