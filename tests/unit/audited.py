"""Small tables that change at random by PyIceberg alone, beside a model that copies every state."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyiceberg.expressions import In
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform, IdentityTransform, MonthTransform
from pyiceberg.types import DateType, IntegerType, LongType, NestedField, StringType

from console import tables
from console.reading import Lake
from lakehouse import settings
from tests.judge.past import Past

if TYPE_CHECKING:
    from pathlib import Path

    from pyiceberg.table import Table

    from lakehouse.settings import Settings

NAME = "made.things"
ID, DAY, A, B = 1, 2, 3, 4
FIELDS = Schema(
    NestedField(ID, "id", LongType(), required=True),
    NestedField(DAY, "day", DateType(), required=False),
    NestedField(A, "a", IntegerType(), required=False),
    NestedField(B, "b", StringType(), required=False),
)


def made(home: Path) -> tuple[Settings, Table]:
    """An empty table in a lake of its own."""
    chosen = settings.load({}, home=str(home))
    catalog = tables.open_catalog(chosen)
    catalog.create_namespace("made")
    return chosen, catalog.create_table(NAME, schema=FIELDS)


def reader(chosen: Settings) -> Lake:
    """A fresh reader."""
    return Lake(chosen)


class Walk:
    """A random walk over the ways a table changes; the same seed is the same walk."""

    def __init__(self, home: Path, seed: int) -> None:
        self.settings, self.table = made(home)
        self.random = random.Random(seed)  # noqa: S311  a walk, no secret
        self.past = Past()
        self.names = {f.field_id: f.name for f in FIELDS.fields}
        self.rows: dict[int, dict[int, Any]] = {}
        self._next = 1

    def go(self, steps: int) -> Walk:
        """Walk, from two rows on."""
        self.insert(), self.insert()
        ways = [self.insert, self.insert, self.update, self.update, self.delete, self.rewrite]
        ways += [self.add, self.rename, self.drop, self.widen, self.repartition]
        for _ in range(steps):
            self.random.choice(ways)()
        return self

    def _values(self, key: int) -> dict[int, Any]:
        """A row of all columns: the day follows from the key, others may be null or equal."""
        some: dict[int, Any] = {ID: key, DAY: date(2026, 1, 1) + timedelta(days=20 * (key % 4))}
        for column in self.names.keys() - {ID, DAY}:
            kind = self.table.schema().find_type(column)
            text = isinstance(kind, StringType)
            some[column] = self.random.choice([None, "x", "y"] if text else [None, 0, 7])
        return some

    def _append(self, rows: dict[int, dict[int, Any]]) -> None:
        schema = self.table.schema().as_arrow()
        named = [{self.names[c]: v for c, v in row.items()} for row in rows.values()]
        self.table.append(pa.Table.from_pylist(named, schema=schema))
        self.rows |= rows
        self._note()

    def _remove(self, keys: list[int]) -> None:
        if keys:
            self.table.delete(In("id", keys))
            self.rows = {k: row for k, row in self.rows.items() if k not in keys}
            self._note()

    def _note(self) -> None:
        snapshot = self.table.current_snapshot()
        assert snapshot is not None
        names = {f.field_id: f.name for f in self.table.schemas()[snapshot.schema_id].fields}
        self.past.note(snapshot.snapshot_id, names, self.rows)

    def commits(self) -> dict[int, int]:
        """Snapshot → the noted one of the same commit: a delete of PyIceberg may make two."""
        noted, found = {state.snapshot_id for state in self.past.states}, {}
        last = 0
        for snapshot in reversed(self.table.metadata.snapshots):
            last = snapshot.snapshot_id if snapshot.snapshot_id in noted else last
            found[snapshot.snapshot_id] = last
        return found

    def _some(self) -> list[int]:
        return self.random.sample(sorted(self.rows), min(len(self.rows), self.random.randint(1, 3)))

    def insert(self) -> None:
        """New rows."""
        keys = range(self._next, self._next + self.random.randint(1, 4))
        self._next = keys.stop
        self._append({key: self._values(key) for key in keys})

    def update(self) -> None:
        """New values for some rows, some of them the same as before."""
        keys = self._some()
        self._remove(keys)
        if keys:
            self._append({key: self._values(key) for key in keys})

    def delete(self) -> None:
        """Some rows go."""
        self._remove(self._some())

    def rewrite(self) -> None:
        """The same rows in other files."""
        rows = self.rows
        self._remove(sorted(rows))
        if rows:
            self._append(rows)

    def add(self) -> None:
        """A new column, also one of a name that was used before."""
        free = [n for n in ("c", "d", "e") if n not in self.names.values()]
        if free:
            with self.table.update_schema() as update:
                update.add_column(free[0], self.random.choice([IntegerType(), StringType()]))
            self._learn()

    def _learn(self) -> None:
        self.names = {f.field_id: f.name for f in self.table.schema().fields}

    def _others(self) -> list[str]:
        return sorted(name for c, name in self.names.items() if c not in (ID, DAY))

    def rename(self) -> None:
        """Another name for a column, maybe one that a dropped column had."""
        free = [n for n in ("a", "b", "c", "d", "e", "f") if n not in self.names.values()]
        if self._others():
            with self.table.update_schema() as update:
                update.rename_column(self.random.choice(self._others()), self.random.choice(free))
            self._learn()

    def drop(self) -> None:
        """One column less; its values stay in the files."""
        if len(self._others()) > 1:
            gone = self.random.choice(self._others())
            with self.table.update_schema(allow_incompatible_changes=True) as update:
                update.delete_column(gone)
            self._learn()
            for row in self.rows.values():
                for column in [c for c in row if c not in self.names]:
                    del row[column]

    def widen(self) -> None:
        """An int becomes a long."""
        schema = self.table.schema()
        ints = [f.name for f in schema.fields if isinstance(f.field_type, IntegerType)]
        if ints:
            with self.table.update_schema() as update:
                update.update_column(self.random.choice(ints), field_type=LongType())

    def repartition(self) -> None:
        """Other partitions for the files to come."""
        by = [("day", IdentityTransform()), ("day", MonthTransform()), ("id", BucketTransform(2))]
        with self.table.update_spec() as update:
            for one in self.table.spec().fields:
                update.remove_field(one.name)
        name, transform = self.random.choice(by)
        with self.table.update_spec() as update:
            update.add_field(name, transform, f"part_{len(self.table.specs())}_{name}")


def put(table: Table, *rows: dict[str, Any], **receipt: str) -> int:
    """Append rows with a receipt; returns the snapshot."""
    frame = pa.Table.from_pylist(list(rows), schema=table.schema().as_arrow())
    table.append(frame, snapshot_properties={f"lake.{k}": v for k, v in receipt.items()})
    return head(table)


def head(table: Table) -> int:
    """The snapshot main is at."""
    found = table.refresh().current_snapshot()
    assert found is not None
    return found.snapshot_id
