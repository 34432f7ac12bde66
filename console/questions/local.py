"""Athena's SQL without Athena: written again for DuckDB, over the tables as PyIceberg reads them.

What DuckDB says is Trino's answer: tests ask both. Tables are read as `lake sql` reads them, the
tables of gold at one and the same run. FOR TIMESTAMP and FOR VERSION AS OF read a table at that
moment; before its first snapshot it is empty here, and an error in Athena.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from console.questions import files, metadata
from console.reading import Lake, Moment
from lakehouse.errors import UsageError

if TYPE_CHECKING:
    import duckdb
    from sqlglot import exp

    from lakehouse.settings import Settings


def ask(settings: Settings, statement: str) -> list[dict[str, Any]]:
    """The answer to a statement of sql/athena/ in this lake."""
    lake = Lake(settings)
    connection = lake.connect([], Moment())
    sources = _Sources(lake, connection)
    tree = parsed(translated(statement, settings))
    sources.make_views(_views_of(tree), settings)
    sources.offer(tree)
    return lake.rows_of(connection, _duckdb(tree))


def sql(lake: Lake, settings: Settings, query: str, moment: Moment) -> list[dict[str, Any]]:
    """The answer to a SELECT in DuckDB's words, over tables and views as they were at a moment."""
    names = lake.names_in(query)
    views = {name for name in names if name.startswith(f"{files.VIEWS}.")}
    if not views:
        return lake.ask(query, moment)
    connection = lake.connect([lake.named(name) for name in names if name not in views], moment)
    asked = sorted(name.partition(".")[2] for name in views)
    _Sources(lake, connection, moment).make_views(asked, settings)
    return lake.rows_of(connection, query)


def translated(statement: str, settings: Settings) -> str:
    """The statement with a local lake's names: no prefix."""
    return files.filled(files.without_prefix(statement), settings)


def parsed(statement: str) -> exp.Expr:
    """The statement as a tree. Raises UsageError where it is no SQL of Athena's."""
    import sqlglot  # noqa: PLC0415
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    try:
        return sqlglot.parse_one(statement, read="athena")
    except SqlglotError as error:
        raise UsageError(f"the question cannot be read: {error}") from error


def _duckdb(tree: exp.Expr) -> str:
    return str(tree.transform(_as_trino).sql(dialect="duckdb", comments=False))


def _as_trino(node: exp.Expr) -> exp.Expr:
    """Where DuckDB's function answers otherwise than Trino's of that name, the same by another."""
    from sqlglot import exp  # noqa: PLC0415

    if isinstance(node, exp.CountIf):  # of unknowns only: null there
        return exp.Filter(
            this=exp.Count(this=exp.Star()), expression=exp.Where(this=node.this.copy())
        )
    if isinstance(node, exp.Corr) and not isinstance(node.parent, exp.Nullif):  # of equals: NaN
        nan = exp.cast(exp.Literal.string("nan"), "double")
        return exp.Nullif(this=node.copy(), expression=nan)
    return node


def _tables(tree: exp.Expr) -> list[exp.Table]:
    from sqlglot import exp  # noqa: PLC0415

    return [table for table in tree.find_all(exp.Table) if table.db]


def _views_of(tree: exp.Expr) -> list[str]:
    return sorted({table.name for table in _tables(tree) if table.db == files.VIEWS})


class _Sources:
    """The tables that statements name, in one connection; each moment of a table once."""

    def __init__(
        self,
        lake: Lake,
        connection: duckdb.DuckDBPyConnection,
        moment: Moment = Moment(),  # noqa: B008
    ) -> None:
        self._lake = lake
        self._connection = connection
        self._present = moment
        self._known: dict[tuple[str, str], str] = {}

    def make_views(self, names: list[str], settings: Settings) -> None:
        """Make the views, each after those it stands on."""
        self._connection.execute(f"create schema if not exists {files.VIEWS}")
        for view in files.in_order(names):
            tree = parsed(translated(view.text, settings))
            self.offer(tree)
            self._connection.execute(f"create view {files.VIEWS}.{view.name} as {_duckdb(tree)}")

    def offer(self, tree: exp.Expr) -> None:
        """Make each table there, and let the tree name it as it is called there."""
        from sqlglot import exp  # noqa: PLC0415

        for table in _tables(tree):
            if table.db == files.VIEWS:
                continue
            version = table.args.get("version")
            key = (f"{table.db}.{table.name}", _duckdb(version) if version else "")
            if key not in self._known:
                self._known[key] = self._make(*key, self._moment(version))
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
            table.set("version", None)
            table.set("db", None)
            table.set("this", exp.to_identifier(self._known[key], quoted=True))

    def _make(self, name: str, when: str, moment: Moment) -> str:
        made = f"{name} {when}".strip()
        table, _, part = name.partition("$")
        lake = self._lake
        rows = metadata.rows(lake, table, part) if part else lake.rows(table, moment)
        self._connection.register(made, rows)
        return made

    def _moment(self, version: exp.Expr | None) -> Moment:
        if version is None:
            return self._present
        found = self._connection.sql(f"select {_duckdb(version.expression)} as at")
        value = found.to_arrow_table().to_pylist()[0]["at"]
        if isinstance(value, datetime):
            at = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
            return Moment(at=at)
        return Moment(snapshot_id=int(value))
