"""The columns of two states of a table as one set, told apart by field id and not by name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyiceberg.schema import Schema
from pyiceberg.types import NestedField

from jobs.pipeline import TABLES
from lakehouse.errors import UsageError
from lakehouse.table import AUDIT_NAMES

if TYPE_CHECKING:
    from lakehouse.table import Table

ALL = "all"
CONTRACTS: dict[str, Table] = {table.full_name: table for table in TABLES}


def split(text: str) -> list[str]:
    """Names of an option that takes several, separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def internal(field_id: int) -> str:
    """The name a column has in our own SQL: names may repeat and need quoting, ids do neither."""
    return f"f{field_id}"


@dataclass(frozen=True)
class Fields:
    """The columns that either of two schemas has, each at its widest type and latest name."""

    old: Schema
    new: Schema

    @property
    def schema(self) -> Schema:
        """All of them under their internal names, none required: one may be absent in a file."""
        # A type is only ever widened: the later schema has the wider one.
        first, then = sorted((self.old, self.new), key=lambda schema: schema.schema_id)
        found = {f.field_id: f.field_type for schema in (first, then) for f in schema.fields}
        order = [f.field_id for f in (*self.new.fields, *self.old.fields)]
        return Schema(
            *(NestedField(i, internal(i), found[i], required=False) for i in dict.fromkeys(order))
        )

    @property
    def names(self) -> dict[int, str]:
        """Field id → what people call it: by the new schema, and by the old one where dropped."""
        new = {f.field_id: f.name for f in self.new.fields}
        gone = {f.field_id: f.name for f in self.old.fields if f.field_id not in new}
        taken = set(new.values())
        return {**new, **{i: f"{n} (dropped)" if n in taken else n for i, n in gone.items()}}

    @property
    def dropped(self) -> set[int]:
        """Columns that only the old schema has."""
        return {f.field_id for f in self.old.fields} - {f.field_id for f in self.new.fields}

    @property
    def added(self) -> set[int]:
        """Columns that only the new schema has."""
        return {f.field_id for f in self.new.fields} - {f.field_id for f in self.old.fields}

    def ids(self, table: str, names: list[str]) -> list[int]:
        """The columns of these names, old names included. Raises UsageError for an unknown one."""
        known = {f.name: f.field_id for f in self.old.fields}
        known |= {name: i for i, name in self.names.items()}
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, 3)
                hint = f"; did you mean {', '.join(near)}?" if near else ""
                raise UsageError(f"{table} has no column {name}{hint}")
        return [known[name] for name in names]

    def key(self, table: str, asked: str) -> list[int]:
        """The columns that identify a row: as asked, or as the contract says; none for neither."""
        contract = CONTRACTS.get(table)
        return self.ids(table, split(asked) or list(contract.key if contract else ()))

    def compared(self, table: str, key: list[int], asked: str) -> list[int]:
        """The columns that tell whether a row changed.

        Audit columns differ with each writing, and the contract's ignored ones never count:
        neither is compared unless asked for, by name or as `all`.
        """
        if asked and asked != ALL:
            return [i for i in self.ids(table, split(asked)) if i not in key]
        contract = CONTRACTS.get(table)
        outside = () if asked else (*AUDIT_NAMES, *(contract.ignored if contract else ()))
        return [i for i, name in self.names.items() if i not in key and name not in outside]
