"""`lake doctor`: is everything a run needs in order, and if not, what to type."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from console import talk
from lakehouse.errors import ConfigurationError, LakeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakehouse.settings import Settings

_LEAST_FREE = 2 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One check: whether it is in order, what was found, what to do."""

    check: str
    ok: bool
    found: str
    next_command: str = ""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    plan: Annotated[
        str, typer.Option(help="a plan instead, as `terraform show -json <plan>` told it")
    ] = "",
    deployed: Annotated[bool, typer.Option(help="what `lake deploy` deployed instead")] = False,
    environment: Annotated[str, typer.Option("--env", help="which deployment")] = "dev",
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout")] = False,
) -> None:
    """Check tools, disk, catalog, tables, pairs, branches and quarantine; exit 78 on a fault.

    With --plan or --deployed: what would break at run time though Terraform applies it.
    """
    from lakehouse import settings  # noqa: PLC0415

    findings = _planned(plan, environment) if plan or deployed else examine(settings.load())
    talk.out_rows([vars(finding) for finding in findings], as_json=as_json)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(78)


def _planned(plan: str, environment: str) -> list[Finding]:
    """The plan, or the state of what is deployed, read with the jobs and the contracts."""
    import json  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    from console.deployed.examine import examine as read  # noqa: PLC0415
    from console.deployed.place import choose  # noqa: PLC0415
    from console.deployed.planned import Planned  # noqa: PLC0415
    from console.deployed.workspace import Workspace  # noqa: PLC0415
    from console.package import PROJECT  # noqa: PLC0415
    from jobs.pipeline import GROUPS, TABLES  # noqa: PLC0415

    if plan:
        try:
            told = json.loads(Path(plan).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{plan} is no plan: {error}",
                next_command=f"terraform show -json lake.tfplan > {plan}",
            ) from error
    else:
        workspace = Workspace(choose("", environment), PROJECT)
        told = workspace.terraform(talk.say).state()
    return read(Planned(told), [group.name for group in GROUPS], TABLES)


def examine(loaded: Settings) -> list[Finding]:
    """All checks, each on its own: a failing one does not hide the others."""
    checks: tuple[Callable[[Settings], Finding], ...] = (
        _java, _jars, _disk, _tables, _pairs, _branches, _quarantine, _leases,
    )  # fmt: skip
    found = []
    for check in checks:
        name = check.__name__.strip("_")
        try:
            found.append(check(loaded))
        except LakeError as error:
            found.append(
                Finding(name, ok=False, found=error.message, next_command=error.next_command)
            )
        except Exception as error:  # noqa: BLE001  a doctor reports, whatever it meets
            found.append(Finding(name, ok=False, found=f"{type(error).__name__}: {error}"))
    return [replace(f, next_command="") if f.ok and f.check != "quarantine" else f for f in found]


def _java(_: Settings) -> Finding:
    from console import toolchain  # noqa: PLC0415

    home = toolchain.java_home()
    return Finding("java", (home / "bin" / "java").exists(), str(home), "make setup")


def _jars(loaded: Settings) -> Finding:
    from console import session  # noqa: PLC0415

    return Finding("jars", ok=True, found=f"{len(session.jars(loaded))} jars, hashes as locked")


def _disk(loaded: Settings) -> Finding:
    from console.deployed.place import own_folder  # noqa: PLC0415

    folder = own_folder(loaded)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    return Finding("disk", free > _LEAST_FREE, f"{free / 1e9:.1f} GB free", "df -h")


def _tables(loaded: Settings) -> Finding:
    from console.reading import Lake  # noqa: PLC0415
    from jobs.pipeline import TABLES  # noqa: PLC0415
    from lakehouse.contract import differences  # noqa: PLC0415

    lake = Lake(loaded)
    known = set(lake.tables())
    missing = [t.full_name for t in TABLES if t.full_name not in known]
    if missing:
        raise ConfigurationError(
            f"missing: {talk.listed(missing)}", next_command="lake tables apply"
        )
    wrong = [
        f"{t.full_name}: {d}" for t in TABLES for d in differences(t, lake.history(t.full_name))
    ]
    text = talk.listed(wrong) or f"{len(TABLES)} tables as their contracts say"
    return Finding("tables", not wrong, text, "lake tables plan" if wrong else "")


def _pairs(loaded: Settings) -> Finding:
    """Main of every gold table is what the commit record of its group names."""
    from console.reading import Lake, Moment  # noqa: PLC0415
    from jobs.pipeline import GROUPS  # noqa: PLC0415
    from lakehouse.job import GoldGroup  # noqa: PLC0415

    lake = Lake(loaded)
    torn = []
    for group in GROUPS:
        for job in group.jobs if isinstance(group, GoldGroup) else ():
            name = job.table.full_name
            if lake.snapshot(name, Moment()) != lake.history(name).head():
                torn.append(name)
    text = f"behind their commit record: {talk.listed(torn)}" if torn else "published together"
    return Finding("pairs", not torn, text, "lake run" if torn else "")


def _branches(loaded: Settings) -> Finding:
    from console.reading import Lake  # noqa: PLC0415

    lake = Lake(loaded)
    left = [
        (name, ref)
        for name in lake.tables()
        for ref in lake.history(name).refs
        if ref.startswith(("run_", "failed_"))
    ]
    waiting = sorted({ref.removeprefix("failed_") for _, ref in left if ref.startswith("failed_")})
    text = talk.listed(f"{name} {ref}" for name, ref in left) or "none left over"
    next_command = (
        f"lake publish {waiting[0]} or lake discard {waiting[0]}" if waiting else "lake run"
    )
    return Finding("branches", not left, text, next_command if left else "")


def _quarantine(loaded: Settings) -> Finding:
    from ingestion import places  # noqa: PLC0415
    from ingestion.quarantine import quarantined  # noqa: PLC0415

    entries = quarantined(places.root(loaded))
    text = f"{len(entries)} files" if entries else "empty"
    return Finding(
        "quarantine", ok=True, found=text, next_command="lake quarantine" if entries else ""
    )


def _leases(loaded: Settings) -> Finding:
    """Whose turn it is: landing's claims are files; those of runs too, or in the catalog."""
    from ingestion import places  # noqa: PLC0415

    root = places.root(loaded)
    claims = [(path.stem, places.read(path)) for path in places.glob(root / "leases", "*.json")]
    held = [name for name, text in claims if text and text.strip()]
    if loaded.in_bucket:
        held += _claims_in_catalog(loaded)
    text = f"held: {talk.listed(sorted(held))}" if held else "none held"
    return Finding("leases", ok=True, found=text)


def _claims_in_catalog(loaded: Settings) -> list[str]:
    from console.reading import Lake  # noqa: PLC0415
    from lakehouse.ledger import LEASE, RUN  # noqa: PLC0415

    properties = Lake(loaded).table(RUN.full_name).properties
    return [name.removeprefix(LEASE) for name in properties if name.startswith(LEASE)]
