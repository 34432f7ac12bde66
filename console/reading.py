"""Reading the lake without Spark: PyIceberg finds the rows, DuckDB answers the question."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from console.tables import identifier, open_catalog
from lakehouse.errors import UsageError
from lakehouse.snapshots import MAIN, History, together

if TYPE_CHECKING:
    import duckdb
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table as IcebergTable

    from lakehouse.settings import Settings


@dataclass(frozen=True)
class Moment:
    """When to read: a time, a snapshot id, a tag or branch, or now (all empty)."""

    at: datetime | None = None
    snapshot_id: int | None = None
    ref: str = ""

    @classmethod
    def parse(cls, text: str) -> Moment:
        """A snapshot id, an ISO time (UTC where it names no zone), or the name of a tag."""
        if not text:
            return cls()
        if text.isdigit() and len(text) > 8:  # noqa: PLR2004  20250826 is a day, not a snapshot
            return cls(snapshot_id=int(text))
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return cls(ref=text)
        return cls(at=at if at.tzinfo else at.replace(tzinfo=timezone.utc))

    @property
    def is_now(self) -> bool:
        """Whether it means the present."""
        return self == Moment()


def _number(value: Any) -> Any:
    """A sum of whole numbers is a whole number again (DuckDB gives it 128 bits)."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value


class Lake:
    """The tables of a lake, for readers; `notes` are what an answer needs to be read rightly."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._catalog = open_catalog(settings)
        self._loaded: dict[str, IcebergTable] = {}
        self._histories: dict[str, History] = {}
        self.notes: list[str] = []

    def tables(self) -> list[str]:
        """All tables as database.table, in order."""
        names = [
            ".".join(name)
            for space in self._catalog.list_namespaces()
            for name in self._catalog.list_tables(space)
        ]
        prefix = f"{self._settings.prefix}_" if self._settings.prefix else ""
        return sorted(n[len(prefix) :] for n in names if n.startswith(prefix))

    def table(self, name: str) -> IcebergTable:
        """The table. Raises UsageError with near names for an unknown one."""
        if name not in self._loaded:
            known = self.tables()
            if name not in known:
                by_last = [k for k in known if k.split(".")[1] == name.rsplit(".", maxsplit=1)[-1]]
                near = by_last or difflib.get_close_matches(name, known, 3)
                hint = f"; did you mean {', '.join(near)}?" if near else ""
                next_command = "lake tables apply" if not known else "lake doctor"
                raise UsageError(f"no table {name}{hint}", next_command=next_command)
            self._loaded[name] = self._catalog.load_table(identifier(self._settings, name))
        return self._loaded[name]

    def history(self, name: str) -> History:
        """What the table's metadata file says, read as JSON."""
        if name not in self._histories:
            table = self.table(name)
            with table.io.new_input(table.metadata_location).open() as stream:
                self._histories[name] = History.parse(name, json.loads(stream.read()))
        return self._histories[name]

    def _forget(self, name: str) -> None:
        """Look the table up anew when it is asked for next."""
        self._loaded.pop(name, None)
        self._histories.pop(name, None)

    def snapshot(self, name: str, moment: Moment) -> int | None:
        """Which snapshot of a table to read; None for one that had none at that time.

        Tables that are published together are read at the snapshots that their commit record
        names, so that no answer mixes two runs. Raises UsageError for an unknown snapshot or tag.
        """
        own = self._own(name, moment)
        record = self._record_of(name, own)
        if record in (None, name) or moment.snapshot_id or moment.ref:
            return own
        head = self._own(record, moment)
        group = {name: self.history(name), record: self.history(record)}
        pair = together(group, record, head) if head is not None else None
        if pair is None:  # its first publish is under way: the record does not know of it yet
            return self.history(name).unpublished(own)
        found = pair.snapshots.get(name, own)
        if found not in self.history(name).snapshots:  # published since this table was looked up
            self._forget(name)
        return found

    def _own(self, name: str, moment: Moment) -> int | None:
        found = self.history(name)
        if moment.snapshot_id:
            if moment.snapshot_id in found.snapshots:
                return moment.snapshot_id
            raise UsageError(
                f"{name} has no snapshot {moment.snapshot_id}", next_command=f"lake history {name}"
            )
        if moment.ref:
            if moment.ref in found.refs:
                return found.refs[moment.ref]
            raise UsageError(
                f"{name} has no tag or branch {moment.ref!r}", next_command=f"lake history {name}"
            )
        return self._current_at(found, moment.at) if moment.at else found.head()

    def _current_at(self, found: History, at: datetime) -> int | None:
        """What was current at a time. Raises UsageError where expiry took the answer away."""
        since = found.known_since
        if since is not None and at.timestamp() * 1000 < since:
            first = datetime.fromtimestamp(since / 1000, tz=timezone.utc)
            raise UsageError(
                f"what {found.table} was at {at.isoformat()} is not known any more: snapshots "
                f"before {first.isoformat()} were expired",
                next_command=f"lake history {found.table}",
            )
        current = found.current_at(at)
        if current is None:
            self.notes.append(f"{found.table} had no snapshot yet at {at.isoformat()}: no rows")
        return current

    def schema(self, name: str, moment: Moment) -> Schema:
        """The columns a table has at that moment: the table's own now and of branches.

        As Iceberg has it, a branch is read with the table's schema, a snapshot or a tag with its
        own (https://iceberg.apache.org/docs/1.10.0/branching/#schema-selection-with-branches-and-tags).
        """
        table, snapshot_id = self.table(name), self.snapshot(name, moment)
        ref = self.history(name).metadata.get("refs", {}).get(moment.ref or MAIN, {})
        is_branch = bool(moment.ref) and ref.get("type") == "branch"
        snapshot = table.snapshot_by_id(snapshot_id) if snapshot_id else None
        own = None if snapshot is None else snapshot.schema_id
        if own is None or moment.is_now or is_branch:
            return table.schema()
        return table.schemas()[own]

    def _record_of(self, name: str, head: int | None) -> str | None:
        """The commit record of the group a table is published with, as its receipt says."""
        newest = self.history(name).newest_receipt(head) if head is not None else None
        record = newest[1].get("record") if newest else None
        return f"{name.split('.', maxsplit=1)[0]}.{record}" if record else None

    def connect(self, names: list[str], moment: Moment) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection in which the named tables are views, times in UTC."""
        import duckdb  # noqa: PLC0415

        connection = duckdb.connect()
        connection.execute("set timezone = 'UTC'")
        for name in names:
            space, short = name.split(".")
            connection.execute(f'create schema if not exists "{space}"')
            rows = self.rows(name, moment)
            connection.register(f"rows_{space}_{short}", rows)
            connection.execute(
                f'create view "{space}"."{short}" as select * from "rows_{space}_{short}"'
            )
        return connection

    def rows(self, name: str, moment: Moment) -> Any:
        """The table's rows at that moment; none before its first snapshot."""
        from pyiceberg.expressions import AlwaysTrue  # noqa: PLC0415
        from pyiceberg.io.pyarrow import ArrowScan  # noqa: PLC0415

        snapshot_id = self.snapshot(name, moment)
        table = self.table(name)
        fields = self.schema(name, moment)
        if snapshot_id is None:
            return fields.as_arrow().empty_table()
        tasks = table.scan(snapshot_id=snapshot_id).plan_files()
        return ArrowScan(table.metadata, table.io, fields, AlwaysTrue()).to_table(tasks)

    def ask(self, query: str, moment: Moment) -> list[dict[str, Any]]:
        """The answer to a SELECT, as row objects. Raises UsageError for a faulty one."""
        wanted = [self.named(name) for name in self.names_in(query)]
        return self.rows_of(self.connect(wanted, moment), query)

    def names_in(self, query: str) -> list[str]:
        """What a SELECT reads, as it names it. Raises UsageError for a faulty one."""
        import duckdb  # noqa: PLC0415

        try:
            found = duckdb.connect().get_table_names(query, qualified=True)
        except duckdb.Error as error:
            raise UsageError(f"the question cannot be read: {error}") from error
        # A table that has an alias is named `database.table AS alias`.
        return sorted({name.partition(" AS ")[0].replace('"', "") for name in found})

    def rows_of(self, connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
        """The answer in a connection, as row objects. Raises UsageError for a faulty question."""
        import duckdb  # noqa: PLC0415

        try:
            found = connection.sql(query)
            rows = [] if found is None else found.to_arrow_table().to_pylist()
        except duckdb.Error as error:
            raise UsageError(str(error).strip()) from error
        return [{name: _number(value) for name, value in row.items()} for row in rows]

    def named(self, name: str) -> str:
        """A name in a question as database.table. Raises UsageError for an unknown one."""
        plain = name.replace('"', "")
        if plain.count(".") != 1:
            self.table(plain if "." in plain else f"?.{plain}")
        self.table(plain)
        return plain
