"""What changed in a table between two states: rows by key, whatever files they lie in.

Files that both states hold alike are not compared; the rows of all others are, as a multiset, so
that rows which a compaction moved cancel out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.audit.difference import Counts, Difference, State
from console.audit.fields import Fields, internal
from console.audit.files import Files
from console.audit.history import Change
from console.reading import Moment
from lakehouse.errors import UsageError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from pyiceberg.schema import Schema
    from pyiceberg.table import FileScanTask

    from console.audit.files import Tasks
    from console.reading import Lake


def before_last_change(lake: Lake, name: str, to: State) -> Moment | None:
    """The state before the last snapshot up to `to` that changed a row; None: no row before.

    Raises UsageError if that state has been expired.
    """
    found = lake.history(name)
    for snapshot in found.lineage(to.snapshot_id) if to.snapshot_id else ():
        if Change.of(name, snapshot).is_none:
            continue
        if snapshot.parent is None:
            return None
        if snapshot.parent not in found.snapshots:
            raise UsageError(
                f"{name}: the state before its last change, snapshot {snapshot.parent}, is expired",
                next_command=f"lake history {name}",
            )
        return Moment(snapshot_id=snapshot.parent)
    return Moment(snapshot_id=to.snapshot_id) if to.snapshot_id else None


def diff(
    lake: Lake,
    name: str,
    since: Moment | None = None,
    to: Moment | None = None,
    *,
    key: str = "",
    columns: str = "",
    limit: int | None = None,
) -> Difference:
    """Compare two states of a table; `since` is by default the one before the last change."""
    new = State.of(lake, name, to or Moment())
    if since is None:
        start = before_last_change(lake, name, new)
        old = State.of(lake, name, start) if start else State(None, new.schema)
    else:
        old = State.of(lake, name, since)
    return Comparison(lake, name, old, new, key, columns).run(limit)


class Comparison:
    """One comparison of two states."""

    def __init__(
        self, lake: Lake, name: str, old: State, new: State, key: str, columns: str
    ) -> None:
        self._name = name
        self._states = (old, new)
        self._fields = Fields(old.schema, new.schema)
        self._key = self._fields.key(name, key)
        self._compared = self._fields.compared(name, self._key, columns)
        if not self._key:  # no key: a row is what it holds, it can only come and go
            self._key, self._compared = self._compared, []
        self._files = Files(lake.table(name))
        found = lake.history(name).snapshots
        first, then = (found[s.snapshot_id].sequence if s.snapshot_id else 0 for s in self._states)
        self._forward = first <= then

    def run(self, limit: int | None = None) -> Difference:
        """Compare; `limit` rows at most are told, all are counted."""
        import duckdb  # noqa: PLC0415

        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            shared = self._offer(connection)
            connection.execute(self._moved())
            if self._compared:
                self._offer_elsewhere(connection, shared)
                connection.execute(self._tally())
                connection.execute(self._matched())
            else:
                connection.execute(self._whole())
            counts, rows = _counts(connection), self._rows(connection, limit)
        key, compared = self._named(self._key), self._named(self._compared)
        return Difference(self._name, self._states, key, compared, counts, rows)

    def _named(self, ids: list[int]) -> list[str]:
        return [self._fields.names[i] for i in ids]

    def _selected(self, ids: list[int]) -> Schema:
        return self._fields.schema.select(*(internal(i) for i in ids))

    def _offer(self, connection: duckdb.DuckDBPyConnection) -> Tasks:
        """Offer the rows of files that differ as `old` and `new`; returns what both states hold."""
        old, new = (self._files.tasks(state.snapshot_id) for state in self._states)
        shared = {i: t for i, t in old.items() if i in new and not self._may_differ(t)}
        wanted = self._selected([*self._key, *self._compared])
        for side, tasks in (("old", old), ("new", new)):
            mine = [task for identity, task in tasks.items() if identity not in shared]
            rows = self._files.read(mine, wanted)
            connection.register(side, _emptied(rows, self._absent(side)))
        return shared

    def _absent(self, side: str) -> set[int]:
        """Compared columns that a state does not have, whatever its files hold."""
        lacking = self._fields.added if side == "old" else self._fields.dropped
        return lacking & {*self._key, *self._compared}

    def _may_differ(self, task: FileScanTask) -> bool:
        """Whether a file that both states hold shows other values at one: by a column it lacks.

        A column that came later is in no earlier file, and an id never comes back.
        """
        if self._absent("new") or (self._absent("old") and not self._forward):
            return True
        return any(i in (task.file.value_counts or {}) for i in self._absent("old"))

    def _offer_elsewhere(self, connection: duckdb.DuckDBPyConnection, shared: Tasks) -> None:
        """Offer the keys of files both states hold: one that moved may stand there a second time.

        A look at the key columns alone, and only if anything moved.
        """
        moved = connection.execute("select 1 from moved limit 1").fetchall()
        tasks = shared.values() if moved else ()
        connection.register("elsewhere", self._files.read(tasks, self._selected(self._key)))

    def _moved(self) -> str:
        """Rows that stand `n` times more often in the new state than in the old one."""
        every = _columns([*self._key, *self._compared])
        both = f"select {every}, 1 as s from new union all select {every}, -1 as s from old"
        return (
            f"create temp table moved as select {every}, sum(s)::bigint as n from ({both}) as b "
            f"group by {every} having sum(s) <> 0"
        )

    def _tally(self) -> str:
        """How many rows each moved key has in either state."""
        key = _columns(self._key)
        return (
            f"create temp table tally as select {key}, sum(o)::bigint as n_old, "
            f"sum(n)::bigint as n_new from (select {key}, 1 as o, 0 as n from old "
            f"union all select {key}, 0, 1 from new union all select {key}, 1, 1 from elsewhere"
            f") as k semi join moved as m on {_same(self._key, 'k', 'm')} group by {key}"
        )

    def _matched(self) -> str:
        """Moved keys with the row of either state; those of several rows without."""
        pairs = "".join(f", o.{c} as o_{c}, n.{c} as n_{c}" for c in map(internal, self._compared))
        single = "t.n_old <= 1 and t.n_new <= 1"
        return (
            f"create temp table matched as select t.*, case when not ({single}) then 'duplicate' "
            "when t.n_old = 0 then 'added' when t.n_new = 0 then 'removed' else 'changed' "
            f"end as change{pairs} from tally as t "
            f"left join moved as o on o.n < 0 and {single} and {_same(self._key, 't', 'o')} "
            f"left join moved as n on n.n > 0 and {single} and {_same(self._key, 't', 'n')}"
        )

    def _whole(self) -> str:
        """Rows without a key: each comes or goes, as many times as it stood more or less often."""
        return (
            f"create temp table matched as select {_columns(self._key)}, "
            "greatest(-n, 0) as n_old, greatest(n, 0) as n_new, "
            "if(n > 0, 'added', 'removed') as change from moved"
        )

    def _rows(
        self, connection: duckdb.DuckDBPyConnection, limit: int | None
    ) -> list[dict[str, Any]]:
        most = "" if limit is None else f" limit {limit}"
        order = _columns(self._key)
        found = connection.sql(f"select * from matched order by {order}, change{most}")
        return [self._row(row) for row in found.to_arrow_table().to_pylist()]

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        names, change = self._fields.names, row["change"]
        told = {"change": change, "key": {names[i]: row[internal(i)] for i in self._key}}
        if change == "duplicate" or max(row["n_old"], row["n_new"]) > 1:
            told["rows"] = {"old": row["n_old"], "new": row["n_new"]}
        if change == "duplicate":
            return told
        pairs = {
            names[i]: {"old": row[f"o_{internal(i)}"], "new": row[f"n_{internal(i)}"]}
            for i in self._compared
        }
        if change == "changed":
            differ = {n: p for n, p in pairs.items() if not _equal(p["old"], p["new"])}
            return {**told, "columns": differ}
        side = "new" if change == "added" else "old"
        return {**told, "columns": {name: {side: pair[side]} for name, pair in pairs.items()}}


def _counts(connection: duckdb.DuckDBPyConnection) -> Counts:
    found = connection.execute(
        "select change, count(*), sum(n_old + n_new)::bigint from matched group by change"
    ).fetchall()
    keyed = {"changed": 1, "duplicate": 1}
    said = {change: keys if change in keyed else rows for change, keys, rows in found}
    names = {"added": 0, "removed": 0, "changed": 0}
    return Counts(**{n: said.get(n, 0) for n in names}, duplicates=said.get("duplicate", 0))


def _columns(ids: list[int]) -> str:
    return ", ".join(internal(i) for i in ids)


def _same(ids: list[int], left: str, right: str) -> str:
    """Equal keys, nulls included."""
    pairs = ((f"{left}.{internal(i)}", f"{right}.{internal(i)}") for i in ids)
    return " and ".join(f"{a} is not distinct from {b}" for a, b in pairs)


def _equal(old: Any, new: Any) -> bool:
    """Whether two values are the same to SQL: NaN is, as in DuckDB's groups."""
    both_nan = old != old and new != new  # noqa: PLR0124  only NaN differs from itself
    return bool(old == new) or both_nan


def _emptied(rows: pa.Table, absent: set[int]) -> pa.Table:
    """The rows with these columns null."""
    import pyarrow as pa  # noqa: PLC0415

    for name in map(internal, absent):
        number = rows.schema.get_field_index(name)
        kind = rows.schema.field(number)
        rows = rows.set_column(number, kind, pa.nulls(rows.num_rows, kind.type))
    return rows
