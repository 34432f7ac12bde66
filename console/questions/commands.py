"""`lake questions`, `lake views`: the SQL of sql/athena/ in every place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import talk

if TYPE_CHECKING:
    from lakehouse.settings import Settings

_AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
_questions = typer.Typer(help="What people ask of this data: list, show, run.")
_views = typer.Typer(help="The analysts' tables: list, make them views of Athena.")
_Name = Annotated[str, typer.Argument(help="a name of `lake questions`, also of views and audits")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_questions, name="questions")
    app.add_typer(_views, name="views")


@_questions.callback(invoke_without_command=True)
def _listed(context: typer.Context, as_json: _AsJson = False) -> None:
    """What people ask of this data: list, show, run."""
    if context.invoked_subcommand is None:
        list_questions(as_json=as_json)


@_questions.command("list")
def list_questions(as_json: _AsJson = False) -> None:
    """Every question, view and audit: its first line, and what may be replaced in it."""
    from console.questions import files  # noqa: PLC0415

    talk.out_rows([_line(query) for query in files.everything()], as_json=as_json)


def _line(query: Any) -> dict[str, Any]:
    return {
        "kind": query.kind,
        "name": query.name,
        "question": query.title,
        "takes": talk.listed(f"{e.name}={e.text}" for e in query.examples),
    }


@_questions.command("show")
def show(name: _Name, as_json: _AsJson = False) -> None:
    """The SQL of a question, for Athena, with this lake's names."""
    from console.questions import files  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    query, loaded = files.find(name), settings.load()
    text = query.text if loaded.in_bucket else files.without_prefix(query.text)
    text = files.filled(text, loaded)
    if as_json:
        talk.out_json({**_line(query), "sql": text})
        return
    typer.echo(text, nl=False)


@_questions.command("run")
def run(
    name: _Name,
    param: Annotated[
        list[str] | None, typer.Option("--param", help="NAME=VALUE in place of an example")
    ] = None,
    table: Annotated[str, typer.Option(help="the same as --param table=…")] = "",
    as_json: _AsJson = False,
) -> None:
    """The answer: from Athena where the lake is deployed, else from DuckDB on this machine."""
    from console.questions import files  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    values = dict(_pair(text) for text in param or ())
    if table:
        values["table"] = table
    loaded = settings.load()
    rows = answer(loaded, files.find(name).asked(values))
    talk.out_rows(rows, as_json=as_json)


def _pair(text: str) -> tuple[str, str]:
    from lakehouse.errors import UsageError  # noqa: PLC0415

    name, given, value = text.partition("=")
    if not given:
        raise UsageError(f"--param is NAME=VALUE, not {text!r}")
    return name, value


def answer(loaded: Settings, statement: str) -> list[dict[str, Any]]:
    """The answer of this place to a statement of sql/athena/."""
    if loaded.in_bucket:
        from console.questions import remote  # noqa: PLC0415

        return remote.ask(loaded, statement)
    from console.questions import local  # noqa: PLC0415

    return local.ask(loaded, statement)


@_views.callback(invoke_without_command=True)
def _views_listed(context: typer.Context, as_json: _AsJson = False) -> None:
    """The analysts' tables: list, make them views of Athena."""
    if context.invoked_subcommand is None:
        list_views(as_json=as_json)


@_views.command("list")
def list_views(as_json: _AsJson = False) -> None:
    """Every view in the order in which they are made, and what it stands on."""
    from console.questions import files  # noqa: PLC0415

    rows = [
        {"name": q.name, "question": q.title, "stands_on": talk.listed(q.reads)}
        for q in files.in_order()
    ]
    talk.out_rows(rows, as_json=as_json)


@_views.command("apply")
def apply(as_json: _AsJson = False) -> None:
    """Make every file of sql/athena/views a view of Athena, each after those it stands on."""
    from console.questions import remote  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    loaded = settings.load()
    rows = [{"view": name} for name in remote.apply(loaded, talk.say)]
    talk.out_rows(rows, as_json=as_json)
