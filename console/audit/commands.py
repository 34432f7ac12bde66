"""`lake history`, `lake diff`, `lake blame`: a table's past, without Spark."""

from __future__ import annotations

from typing import Annotated

import typer

from console import talk

_AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
_Table = Annotated[str, typer.Argument(help="database.table")]
_Key = Annotated[str, typer.Option(help="columns that identify a row; by default the contract's")]
_MOMENT = "a time (UTC), a snapshot id, a tag or a branch"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("history")(history)
    app.command("diff")(diff)
    app.command("blame")(blame)


def history(table: _Table, as_json: _AsJson = False) -> None:
    """The table's snapshots, newest first: when, by which run, job and code, from what."""
    from console.audit.history import brief, lines  # noqa: PLC0415
    from console.reading import Lake  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    rows = lines(table, Lake(settings.load()).history(table))
    talk.out_rows(rows if as_json else brief(rows), as_json=as_json)


def diff(
    table: _Table,
    since: Annotated[
        str, typer.Option("--from", help=f"{_MOMENT}; by default before the last change")
    ] = "",
    to: Annotated[str, typer.Option("--to", help=f"{_MOMENT}; by default now")] = "",
    key: _Key = "",
    columns: Annotated[
        str, typer.Option(help="compare only these, or `all`: audit columns as well")
    ] = "",
    limit: Annotated[int, typer.Option(help="rows at most; all are counted")] = 1000,
    summary: Annotated[bool, typer.Option("--summary", help="the counts alone")] = False,
    as_json: _AsJson = False,
) -> None:
    """The rows that were added, removed and changed between two states of a table."""
    from console.audit.diff import diff as compare  # noqa: PLC0415
    from console.reading import Lake, Moment  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    lake = Lake(settings.load())
    start = Moment.parse(since) if since else None
    most = 0 if summary else limit
    found = compare(lake, table, start, Moment.parse(to), key=key, columns=columns, limit=most)
    for line in (*dict.fromkeys(lake.notes), *found.words()):
        talk.say(line)
    if as_json:
        talk.out_json(found.nested())
    elif not summary:
        talk.out_rows(found.flat(), as_json=False, empty="no row differs")


def blame(
    table: _Table,
    where: Annotated[str, typer.Option(help="which rows: a condition in SQL, now or once true")],
    columns: Annotated[
        str, typer.Option(help="tell of these, or of `all`: audit columns as well")
    ] = "",
    key: _Key = "",
    limit: Annotated[int, typer.Option(help="rows at most")] = 20,
    deep: Annotated[
        bool, typer.Option("--deep", help="name the rows that gold rows were made of")
    ] = False,
    as_json: _AsJson = False,
) -> None:
    """Who made a row what it is, column by column: run, code, source, and every earlier version."""
    from console.audit.blame import Blame, flat, flat_behind  # noqa: PLC0415
    from console.reading import Lake  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    loaded = settings.load()
    found = Blame(loaded, Lake(loaded), table, key=key, columns=columns)
    number, rows = found.rows(where, limit, deep=deep)
    if number > limit:
        talk.say(f"{number:,} rows are or were so; of the first {limit} (--limit):")
    if as_json:
        talk.out_json(rows)
        return
    talk.out_rows(flat(rows), as_json=False, empty="no row is or was so")
    if deep and rows:
        typer.echo("\nmade of")
        talk.out_rows(flat_behind(rows), as_json=False, empty="nothing: the table is not gold")
