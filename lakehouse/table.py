"""The contract of a table: columns, key, order of versions, layout and checks, in one value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lakehouse.errors import ContractError
from lakehouse.upkeep import Upkeep

AUDIT_NAMES = ("ingest_ts", "run_id", "source_uri", "source_row")
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
# Spark's name of a type → Iceberg's; times are instants, so Iceberg's kind with a zone.
ICEBERG_TYPES = {
    "string": "string",
    "boolean": "boolean",
    "int": "int",
    "bigint": "long",
    "double": "double",
    "date": "date",
    "timestamp": "timestamptz",
    "array<string>": "list<string>",
}
_PARTITION = re.compile(r"(days|months)\((\w+)\)\Z")


@dataclass(frozen=True)
class Column:
    """A column: `kind` is Spark's name of the type, `doc` says the meaning and the unit."""

    name: str
    kind: str
    doc: str
    required: bool = False
    sensitive: bool = False

    def __post_init__(self) -> None:
        """Refuse names that need quoting and types the whole lake cannot hold."""
        if not _NAME.match(self.name):
            raise ContractError(f"column {self.name!r}: not lower-case snake_case")
        if self.kind not in ICEBERG_TYPES:
            raise ContractError(f"column {self.name}: unknown type {self.kind!r}")
        if not self.doc:
            raise ContractError(f"column {self.name}: says nothing about itself")


@dataclass(frozen=True)
class Check:
    """A promise over rows; `sql` is true of a good row (`kind` row), or of the table (`table`).

    A `row` check rejects the row and never blocks; a `table` check is an aggregate over the rows
    a run would publish and blocks; a `warn` check is such an aggregate and only speaks.
    """

    name: str
    sql: str
    kind: str = "row"

    def __post_init__(self) -> None:
        """Refuse unknown kinds."""
        if self.kind not in ("row", "table", "warn"):
            raise ContractError(f"check {self.name}: unknown kind {self.kind!r}")


AUDIT_COLUMNS = (
    Column("ingest_ts", "timestamp", "When the run that wrote this version of the row began, UTC."),
    Column("run_id", "string", "The run that wrote this version of the row."),
    Column(
        "source_uri",
        "string",
        "Where it came from: the original dropped, the bronze file, or the event of a stream.",
        # A dropped file is called what a person called it.
        sensitive=True,
    ),
    Column(
        "source_row", "bigint", "The row of that file, 1-based; of collapsed rows the smallest."
    ),
)


@dataclass(frozen=True)
class Table:
    """A table. `key` identifies a row; `latest_by` is the source's time: the newer version wins.

    `derived` are columns that the key determines (an id that hashes event_ts determines it):
    a table may be partitioned only by columns of the key or derived from it, because a merge
    looks for the old row in the batch's partitions only. `ignored` columns are carried along but
    never make a row a changed one: a `latest_by` that only says when it was asked belongs there,
    or asking again would change every row; one that is content itself does not.
    """

    database: str
    name: str
    doc: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    owner: str
    latest_by: str = ""
    derived: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    partition: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    upkeep: Upkeep = Upkeep()  # noqa: RUF009  frozen, so one value serves all
    audited: bool = True
    version: int = 1
    _by_name: dict[str, Column] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        """Refuse a contract that contradicts itself.

        Raises ContractError naming the table and the column.
        """
        object.__setattr__(self, "_by_name", {c.name: c for c in self.all_columns})
        if len(self._by_name) != len(self.all_columns):
            raise ContractError(f"{self.full_name}: a column is declared twice")
        named = (*self.key, *self.derived, *self.ignored, *self.sort, *self.partition_columns)
        for name in (*named, *((self.latest_by,) if self.latest_by else ())):
            if name not in self._by_name:
                raise ContractError(f"{self.full_name}: no column {name}")
        for name in (*self.key, *self.partition_columns):
            if not self._by_name[name].required:
                raise ContractError(f"{self.full_name}: {name} must be required")
        for name in self.partition_columns:
            if self._by_name[name].kind not in ("date", "timestamp"):
                raise ContractError(f"{self.full_name}: {name} is no time, it makes no partitions")
            if self.key and name not in (*self.key, *self.derived):
                raise ContractError(
                    f"{self.full_name}: partitioned by {name}, which the key does not determine: "
                    "a row whose partition moved would be doubled"
                )

    @property
    def full_name(self) -> str:
        """database.table."""
        return f"{self.database}.{self.name}"

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The declared columns and, where the table is audited, the four audit columns."""
        return (*self.columns, *(AUDIT_COLUMNS if self.audited else ()))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the declared columns, in order, without the audit columns."""
        return tuple(c.name for c in self.columns)

    @property
    def compared(self) -> tuple[str, ...]:
        """Columns that tell whether a row changed: neither key, nor ignored, nor audit."""
        outside = (*self.key, *self.ignored)
        return tuple(n for n in self.names if n not in outside)

    @property
    def partition_columns(self) -> tuple[str, ...]:
        """Source columns of the partitioning."""
        return tuple(column for _, column in self.partition_fields)

    @property
    def partition_fields(self) -> tuple[tuple[str, str], ...]:
        """(transform, source column) of each partition field."""
        found = []
        for text in self.partition:
            match = _PARTITION.match(text)
            if not match:
                raise ContractError(f"{self.full_name}: unknown partitioning {text!r}")
            found.append((match.group(1), match.group(2)))
        return tuple(found)

    def column(self, name: str) -> Column:
        """The column of that name."""
        return self._by_name[name]

    def of_kind(self, kind: str) -> tuple[Check, ...]:
        """The checks of one kind."""
        return tuple(c for c in self.checks if c.kind == kind)
