"""`lake evidence`, `lake evidence verify`, `lake reproduce`: prove what tables say."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads it
from typing import TYPE_CHECKING, Annotated

import typer

from console import talk

if TYPE_CHECKING:
    from console.reading import Lake, Moment
    from lakehouse.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
AsOf = Annotated[str, typer.Option(help="a time (UTC), a snapshot id or a tag; now for none")]
_SHOWN = 10
_evidence = typer.Typer(
    help="What the lake says, as a bundle that an outsider can check without it.",
    invoke_without_command=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_evidence, name="evidence")
    app.command("reproduce")(reproduce)


def opened(as_of: str) -> tuple[Lake, Settings, Moment]:
    """The lake of the settings, they themselves, and the moment meant."""
    from console.reading import Lake, Moment  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    loaded = settings.load()
    return Lake(loaded), loaded, Moment.parse(as_of)


@_evidence.callback()
def evidence(
    context: typer.Context,
    tables: Annotated[str, typer.Option(help="database.table, and more after commas")] = "",
    as_of: AsOf = "",
    where: Annotated[str, typer.Option(help="a condition that holds for each row, as in SQL")] = "",
    out: Annotated[Path | None, typer.Option(help="the folder to make")] = None,
    with_data: Annotated[bool, typer.Option(help="the tables' data files too")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the rows, the tables' metadata, receipts, sources and code, with SHA-256 of all."""
    from console.audit import evidence as way  # noqa: PLC0415
    from ingestion import places  # noqa: PLC0415
    from lakehouse.errors import DataQualityError, UsageError  # noqa: PLC0415

    if context.invoked_subcommand:
        return
    names = tuple(dict.fromkeys(name.strip() for name in tables.split(",") if name.strip()))
    if not names or out is None:
        raise UsageError("of which tables, and to where?", next_command="--tables … --out DIR")
    lake, loaded, moment = opened(as_of)
    asked = way.Question(names, as_of, where, with_data)
    made = way.Evidence(lake, places.root(loaded), asked, moment)
    fingerprint = made.write(out)
    talk.say(f"{len(made.files.files) + 1} files; check them: lake evidence verify {out}")
    talk.say("tell the fingerprint by another way than the bundle")
    talk.out_rows([{"bundle": str(out), "fingerprint": fingerprint}], as_json=as_json)
    if made.missing:
        lost = next(iter(made.missing.items()))
        raise DataQualityError(f"{len(made.missing)} sources are missing: {lost[0]}: {lost[1]}")


@_evidence.command("verify")
def evidence_verify(
    folder: Annotated[Path, typer.Argument(help="the bundle")],
    fingerprint: Annotated[str, typer.Option(help="the one you were told")] = "",
    as_json: AsJson = False,
) -> None:
    """Check a bundle: every hash, and what its files say of each other; needs no lake."""
    from console.audit import verify as way  # noqa: PLC0415
    from lakehouse.errors import DataQualityError  # noqa: PLC0415

    found = way.verify(folder)
    wrong = list(found.findings)
    if fingerprint and fingerprint != found.fingerprint:
        wrong.insert(0, f"the fingerprint is {found.fingerprint}: another bundle")
    if as_json:
        talk.out_json({**vars(found), "findings": wrong, "good": not wrong})
    for line in found.open:
        talk.say(f"open: {line}")
    if wrong:
        more = f" (and {len(wrong) - _SHOWN} more)" if len(wrong) > _SHOWN else ""
        raise DataQualityError("; ".join(wrong[:_SHOWN]) + more)
    counts = talk.listed(f"{n} {what}" for what, n in found.checked.items())
    talk.say(f"good: {counts}; fingerprint {found.fingerprint}")


def reproduce(
    run: Annotated[str, typer.Argument(help="a run of gold, as lake history names it")],
    anyway: Annotated[bool, typer.Option(help="also by other code than the run's")] = False,
    as_json: AsJson = False,
) -> None:
    """Compute a gold run again from its inputs as they were, and compare; writes nothing."""
    from console import session  # noqa: PLC0415
    from console.audit import reproduce as way  # noqa: PLC0415
    from lakehouse.errors import DataQualityError  # noqa: PLC0415

    lake, loaded, _ = opened("")
    found = way.find(lake, run)
    way.check_code(found, talk.say, anyway=anyway)
    spark = session.start(loaded)
    results = way.Again(spark, loaded, found, talk.say).compare()
    talk.out_rows([result.row() for result in results], as_json=as_json)
    for note in way.since(lake, found):
        talk.say(note)
    differ = [result for result in results if not result.equal]
    if differ:
        raise DataQualityError(
            f"run {run} is not reproduced: {'; '.join(str(result) for result in differ)}",
            next_command=f"lake history {differ[0].table}",
        )
