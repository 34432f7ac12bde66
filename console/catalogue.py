"""The table catalogue, a page of Markdown made from the contracts and the pipeline alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console import lineage
from console.odcs import grain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lakehouse.table import Column, Table

# The line under the title says how the page is made, so that nobody edits it.
_HEAD = """# Tables

Made from the contracts by `lake contracts docs --out docs/tables.md`; a test keeps it in step.
A table's name here is database.table; on AWS `<prefix>_` stands before it (`LAKE_PREFIX`).
"""
_ROOMS = ("bronze", "silver", "gold", "ops")


def page(tables: Iterable[Table], questions: Path | None = None) -> str:
    """The whole catalogue; `questions` is the folder whose SQL files are named beside a table."""
    listed = sorted(tables, key=lambda table: (_ROOMS.index(_room(table)), table.full_name))
    asked = _asked(questions) if questions else {}
    parts = [
        _HEAD,
        _contents(listed),
        "## Where everything comes from\n\n" + _picture(listed),
        *(_section(table, asked.get(table.full_name, [])) for table in listed),
    ]
    return "\n".join(parts)


def sample(table: Table) -> str:
    """A first question to a table: its newest rows, without its audit columns."""
    shown = ", ".join((*table.key, *table.compared)[:6] or table.names[:6])
    order = table.latest_by or next(iter(table.partition_columns), "")
    newest = f" order by {order} desc" if order else ""
    return f"select {shown} from {table.full_name}{newest} limit 10"


def _room(table: Table) -> str:
    return table.database.rsplit("_", maxsplit=1)[-1]


def _contents(tables: list[Table]) -> str:
    lines = ["| table | one row for each | owner | what it holds |", "|---|---|---|---|"]
    for table in tables:
        name = f"[`{table.full_name}`](#{_anchor(table)})"
        key = ", ".join(table.key) or "entry"
        lines.append(f"| {name} | {key} | {table.owner} | {_cell(table.doc)} |")
    return "\n".join(lines) + "\n"


def _anchor(table: Table) -> str:
    return table.full_name.replace(".", "")


def _picture(tables: list[Table]) -> str:
    """Boxes and arrows from bronze files to gold, in Mermaid, which GitHub draws."""
    lines = ["```mermaid", "flowchart LR"]
    edges = [(one, table.full_name) for table in tables for one in lineage.inputs(table)]
    for name in sorted({name for edge in edges for name in edge}):
        shape = f'[/"{name}"/]' if "/" in name else f'["{name}"]'
        lines.append(f"    {_node(name)}{shape}")
    lines += [f"    {_node(source)} --> {_node(target)}" for source, target in edges]
    return "\n".join([*lines, "```"]) + "\n"


def _node(name: str) -> str:
    """Files and a table may be called alike but for a sign."""
    return name.replace("/", "__").replace(".", "_")


def _section(table: Table, asked: list[str]) -> str:
    facts = [
        f"- **Grain**: {grain(table)}",
        f"- **Owner**: {table.owner}; contract version {table.version}",
        f"- **Made from**: {_sources(table)}",
        f"- **Of two versions of a row**: {_winner(table)}",
        f"- **Partitioned by**: {_codes(table.partition) or 'nothing'}",
        f"- **Sorted within by**: {_codes(table.sort) or 'nothing'}",
        f"- **Kept and fresh**: {_upkeep(table)}",
    ]
    if asked:
        facts.append(f"- **Asked by**: {_codes(asked)}")
    return "\n".join(
        [
            f"## {table.full_name}\n\n{table.doc}\n",
            *facts,
            "",
            _checks(table) + f"```sql\n{sample(table)}\n```\n",
            _columns(table),
        ]
    )


def _winner(table: Table) -> str:
    if not table.key:
        return "there are none, rows are only added"
    return f"the greater `{table.latest_by}` wins" if table.latest_by else "the later run's wins"


def _upkeep(table: Table) -> str:
    upkeep = table.upkeep
    kept = f"its past can be asked for {upkeep.keep_days} days back"
    promise = f"its newest row is at most {upkeep.fresh_hours} h old"
    return f"{kept}; {promise if upkeep.fresh_hours else 'no promise how new its rows are'}"


def _sources(table: Table) -> str:
    found = _codes(lineage.inputs(table))
    if not found:
        return "what the runs themselves do" if table.database == "ops" else "Firehose's delivery"
    return f"{found} by `jobs/{_room(table)}`"


def _checks(table: Table) -> str:
    if not table.checks:
        return ""
    lines = ["| named by what breaks it | what must hold | if not |", "|---|---|---|"]
    meaning = {"row": "the row is refused", "table": "nothing is published", "warn": "it is said"}
    lines += [
        f"| {_cell(check.name)} | `{_cell(check.sql)}` | {meaning[check.kind]} |"
        for check in table.checks
    ]
    return "\n".join(lines) + "\n\n"


def _columns(table: Table) -> str:
    origins = lineage.columns(table)
    head = "| column | type | | meaning and unit |" + (" from |" if origins else "")
    lines = [head, "|---|---|---|---|" + ("---|" if origins else "")]
    for column in table.all_columns:
        line = (
            f"| `{column.name}` | {column.kind} | {_marks(table, column)} | {_cell(column.doc)} |"
        )
        if origins:
            line += f" {_origin(origins.get(column.name, ()))} |"
        lines.append(line)
    return "\n".join(lines) + "\n"


def _origin(fields: tuple[lineage.Field, ...]) -> str:
    """The columns it comes from, by table; the paths into a record, which all its streams share.

    What only decides is told where nothing else is.
    """
    fields = tuple(f for f in fields if not f.decides) or fields
    if any("/" in field.table for field in fields):
        return ", ".join(dict.fromkeys(f"`{field.column}`" for field in fields))
    by_table: dict[str, list[str]] = {}
    for field in fields:
        by_table.setdefault(field.table.split(".")[1], []).append(field.column)
    return "; ".join(f"{name}: {', '.join(found)}" for name, found in by_table.items())


def _marks(table: Table, column: Column) -> str:
    marks = {
        "key": column.name in table.key,
        "required": column.required and column.name not in table.key,
        "sensitive": column.sensitive,
    }
    return ", ".join(mark for mark, is_so in marks.items() if is_so)


def _asked(folder: Path) -> dict[str, list[str]]:
    """Which questions name which table, as `<prefix>_database.table`."""
    found: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.sql")):
        text = file.read_text(encoding="utf-8")
        for name in lineage.by_name():
            if "${prefix}_" + name in text:
                found.setdefault(name, []).append(f"{folder.name}/{file.stem}")
    return found


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
