"""What each table is made from: inputs as the pipeline names them, columns by its SELECT."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from console import origins
from jobs.pipeline import GROUPS, TABLES
from lakehouse import sql
from lakehouse.job import GoldGroup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakehouse.job import Gold
    from lakehouse.table import Table


class Field(NamedTuple):
    """A column of a table, by the table's full name; of a stream's files, a path into a record.

    `decides` where its value only chooses among others.
    """

    table: str
    column: str
    decides: bool = False


def bronze(stream: str) -> str:
    """The name of a stream's bronze files among the inputs."""
    return f"bronze/{stream}"


def inputs(table: Table) -> tuple[str, ...]:
    """Full names of the tables, and `bronze/<stream>`s, that a table is made from, in order."""
    for group in GROUPS:
        if isinstance(group, GoldGroup):
            for gold in group.jobs:
                if gold.table == table:
                    return tuple(sorted({field.table for _, field in _read(gold, group)}))
            continue
        for silver in group.jobs:
            if silver.table == table:
                delivered = (source.full_name for source in silver.stream_tables)
                return (*(bronze(stream) for stream in silver.streams), *delivered)
    return ()


def columns(table: Table) -> dict[str, tuple[Field, ...]]:
    """Which columns of which tables each column of a gold table comes from.

    For silver, which paths into the records of which inputs; for other tables nothing. Values that
    enter, or by which a silver transform chooses; not those that only a WHERE or a JOIN compares.
    """
    paths = origins.known().get(table.full_name, {})
    if paths:
        return {
            column: tuple(Field(name, *one) for name in inputs(table) for one in found)
            for column, found in paths.items()
        }
    for group in GROUPS:
        if isinstance(group, GoldGroup):
            for job in group.jobs:
                if job.table == table:
                    found: dict[str, set[Field]] = {name: set() for name in table.names}
                    for column, field in _columns(job, group):
                        found[column].add(field)
                    return {name: tuple(sorted(fields)) for name, fields in found.items()}
    return {}


def select(table: Table) -> str | None:
    """The SELECT that makes a gold table; None for other tables."""
    for group in GROUPS:
        if isinstance(group, GoldGroup):
            for job in group.jobs:
                if job.table == table:
                    return sql.select(job.select)
    return None


def by_name() -> dict[str, Table]:
    """All tables of a lake by full name."""
    return {table.full_name: table for table in TABLES}


def _sources(group: GoldGroup) -> dict[str, Table]:
    """The tables that a group's SELECTs may read, by the name they read them by."""
    return {table.name: table for table in (*group.sources, *(job.table for job in group.jobs))}


def _read(job: Gold, group: GoldGroup) -> Iterator[tuple[str, Field]]:
    """Every table the SELECT names, as a field without a column."""
    import sqlglot  # noqa: PLC0415
    from sqlglot import expressions  # noqa: PLC0415

    known = _sources(group)
    tree = sqlglot.parse_one(sql.select(job.select), dialect="spark")
    for found in tree.find_all(expressions.Table):
        if found.name in known:
            yield "", Field(known[found.name].full_name, "")


@cache
def _columns(job: Gold, group: GoldGroup) -> tuple[tuple[str, Field], ...]:
    import sqlglot  # noqa: PLC0415
    from sqlglot import expressions  # noqa: PLC0415
    from sqlglot.lineage import lineage  # noqa: PLC0415

    known = _sources(group)
    schema = {name: {c.name: c.kind for c in t.all_columns} for name, t in known.items()}
    tree = sqlglot.parse_one(sql.select(job.select), dialect="spark")
    found = []
    for column in job.table.names:
        for node in lineage(column, tree, schema=schema, dialect="spark").walk():
            if not node.downstream and isinstance(node.source, expressions.Table):
                name = node.name.rsplit(".", 1)[-1].strip('"')
                found.append((column, Field(known[node.source.name].full_name, name)))
    return tuple(found)
