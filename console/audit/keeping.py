"""`lake tag`, `lake branch`, `lake rollback`: keep what tables say, or set them back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import talk
from console.audit import proving

if TYPE_CHECKING:
    from console.audit.rollback import Plan
    from lakehouse.settings import Settings

_Keep = Annotated[str, typer.Option(help="90d, or forever: what expiry leaves")]
_List = Annotated[bool, typer.Option("--list", help="what there is, of TABLE or of all")]
_Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("tag")(tag)
    app.command("branch")(branch)
    app.command("rollback")(rollback)
    proving.register(app)


def tag(
    words: Annotated[list[str] | None, typer.Argument(help="TABLE NAME; NAME with --all")] = None,
    whole: Annotated[bool, typer.Option("--all", help="all tables, at one moment")] = False,
    keep: _Keep = "",
    as_of: proving.AsOf = "",
    show: _List = False,
    delete: Annotated[bool, typer.Option("--delete", help="the tag NAME, of TABLE or all")] = False,
    as_json: proving.AsJson = False,
) -> None:
    """Name a snapshot, so that it stays and can be asked: lake tag TABLE|--all NAME."""
    from console.audit import refs  # noqa: PLC0415

    given = words or []
    if show or delete:
        _look(given, "tag", delete=delete, as_json=as_json)
        return
    lake, loaded, moment = proving.opened(as_of)
    if whole:
        (name,) = _take(given, "NAME")
        wanted = refs.of_all(lake, name, moment)
    else:
        table, name = _take(given, "TABLE", "NAME")
        wanted = [refs.of_one(lake, "tag", table, name, moment)]
    made = refs.put(loaded, refs.kept(wanted, keep))
    talk.out_rows(made, as_json=as_json)


def branch(
    words: Annotated[list[str] | None, typer.Argument(help="TABLE NAME")] = None,
    keep: _Keep = "",
    as_of: proving.AsOf = "",
    show: _List = False,
    delete: Annotated[bool, typer.Option("--delete", help="the branch NAME of TABLE")] = False,
    as_json: proving.AsJson = False,
) -> None:
    """Begin a branch of a table, to try on what main never shows: lake branch TABLE NAME."""
    from console.audit import refs  # noqa: PLC0415

    given = words or []
    if show or delete:
        _look(given, "branch", delete=delete, as_json=as_json)
        return
    lake, loaded, moment = proving.opened(as_of)
    table, name = _take(given, "TABLE", "NAME")
    wanted = [refs.of_one(lake, "branch", table, name, moment)]
    talk.out_rows(refs.put(loaded, refs.kept(wanted, keep)), as_json=as_json)


def _take(words: list[str], *wanted: str) -> list[str]:
    from lakehouse.errors import UsageError  # noqa: PLC0415

    if len(words) != len(wanted):
        raise UsageError(
            f"{' '.join(wanted)} is wanted, not {' '.join(words) or 'nothing'}",
            next_command="the same with --help",
        )
    return words


def _look(words: list[str], kind: str, *, delete: bool, as_json: bool) -> None:
    """List or delete tags or branches."""
    from console.audit import refs  # noqa: PLC0415

    lake, loaded, _ = proving.opened("")
    if not delete:
        tables = [*_take(words, "TABLE")] if words else lake.tables()
        talk.out_rows(refs.listed(lake, kind, tables), as_json=as_json, empty=f"no {kind}")
        return
    if kind == "branch" or len(words) > 1:
        table, name = _take(words, "TABLE", "NAME")
        tables = [table]
    else:
        (name,), tables = _take(words, "NAME"), lake.tables()
    talk.out_rows(refs.drop(loaded, lake, kind, name, tables), as_json=as_json)


def rollback(
    table: Annotated[str, typer.Argument(help="database.table; gold goes by its whole group")] = "",
    to: Annotated[str, typer.Option(help="a time (UTC), a snapshot id or a tag")] = "",
    why: Annotated[str, typer.Option(help="the reason, for who asks later")] = "",
    plan_only: Annotated[bool, typer.Option("--plan", help="show the plan and stop")] = False,
    show: Annotated[bool, typer.Option("--list", help="the rollbacks there were")] = False,
    yes: _Yes = False,
    as_json: proving.AsJson = False,
) -> None:
    """Set main of a table back to what it was; the next run takes again what was undone."""
    from console.audit import rollback as way  # noqa: PLC0415
    from console.audit import setback  # noqa: PLC0415

    lake, loaded, moment = proving.opened(to)
    if show:
        found = setback.receipts(lake, [table] if table else lake.tables())
        talk.out_rows(found, as_json=as_json, empty="no rollback")
        return
    _said(table, to, why, plan_only=plan_only)
    planned = way.plan(lake, table, moment)
    if plan_only or planned.is_empty or not as_json:
        _show(planned, as_json=as_json)
    if plan_only or planned.is_empty:
        talk.say("main is there already" if planned.is_empty else "a plan: nothing was touched")
        return
    talk.confirm(f"Set {planned.group.name} back as shown?", yes=yes)
    _set_back(loaded, planned, why, as_json=as_json)


def _set_back(loaded: Settings, planned: Plan, why: str, *, as_json: bool) -> None:
    from console.audit import setback  # noqa: PLC0415
    from console.audit.leases import held  # noqa: PLC0415

    receipt = setback.Receipt.of(planned, setback.who(loaded), why)
    with held(loaded, planned.group.name, talk.say) as still_held:
        setback.execute(loaded, planned, receipt, still_held)
    talk.say(f"set back by {receipt.by}, receipt {receipt.run_id}; lake run goes on from there")
    if as_json:
        talk.out_json({**planned.facts(), "receipt": vars(receipt)})


def _said(table: str, to: str, why: str, *, plan_only: bool) -> None:
    from lakehouse.errors import UsageError  # noqa: PLC0415

    if not (table and to):
        raise UsageError(
            "which table, and back to what?", next_command="lake rollback TABLE --to …"
        )
    if not (why or plan_only):
        raise UsageError(
            "a rollback leaves a receipt: why is it done?", next_command="the same with --why '…'"
        )


def _show(planned: Plan, *, as_json: bool) -> None:
    if as_json:
        talk.out_json(planned.facts())
        return
    rows: list[dict[str, Any]] = [move.row() for move in planned.moves]
    talk.out_rows(
        [{**row, "runs undone": talk.listed(row["runs undone"])} for row in rows], as_json=False
    )
    for note in planned.notes:
        talk.say(note)
