"""`lake tables plan|apply`, `lake contracts export|docs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from console import talk

if TYPE_CHECKING:
    from console.tables import Step

_tables = typer.Typer(
    help="Create and evolve the tables from their contracts.", no_args_is_help=True
)
_contracts = typer.Typer(help="The tables' contracts.", no_args_is_help=True)
_AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_tables, name="tables")
    app.add_typer(_contracts, name="contracts")


def _show(steps: list[Step], *, as_json: bool, empty: str) -> None:
    talk.out_rows([vars(step) for step in steps], as_json=as_json, empty=empty)


@_tables.command("plan")
def plan(as_json: _AsJson = False) -> None:
    """What `apply` would change; nothing is touched. Exit code 78 if something is refused."""
    from console import tables  # noqa: PLC0415
    from jobs.pipeline import TABLES  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    steps = tables.plan(settings.load(), TABLES)
    _show(steps, as_json=as_json, empty="every table is as its contract says")
    if any(step.refused for step in steps):
        raise typer.Exit(78)


@_tables.command("apply")
def apply(as_json: _AsJson = False) -> None:
    """Create and evolve the tables; a change that would lose data is refused."""
    from console import tables  # noqa: PLC0415
    from jobs.pipeline import TABLES  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    steps = tables.apply(settings.load(), TABLES)
    _show(steps, as_json=as_json, empty="every table is as its contract says")


@_contracts.command("export")
def export(
    out: Annotated[str, typer.Option(help="Folder to write one YAML file a table to")] = "",
) -> None:
    """The contracts as Open Data Contract Standard v3.1 (YAML), on stdout or into a folder."""
    from pathlib import Path  # noqa: PLC0415

    from console.odcs import document  # noqa: PLC0415
    from jobs.pipeline import TABLES  # noqa: PLC0415

    for table in TABLES:
        if out:
            Path(out).mkdir(parents=True, exist_ok=True)
            path = Path(out) / f"{table.full_name}.odcs.yaml"
            path.write_text(document(table), encoding="utf-8")
            talk.say(f"wrote {path}")
        else:
            typer.echo("---\n" + document(table), nl=False)


@_contracts.command("docs")
def docs(
    out: Annotated[str, typer.Option(help="The Markdown file to write; stdout without")] = "",
) -> None:
    """The table catalogue: purpose, grain, columns, checks, lineage, a first question each."""
    from pathlib import Path  # noqa: PLC0415

    from console import catalogue  # noqa: PLC0415
    from console.package import PROJECT  # noqa: PLC0415
    from jobs.pipeline import TABLES  # noqa: PLC0415

    text = catalogue.page(TABLES, PROJECT / "sql" / "athena" / "questions")
    if out:
        Path(out).write_text(text, encoding="utf-8")
        talk.say(f"wrote {out}")
    else:
        typer.echo(text, nl=False)
