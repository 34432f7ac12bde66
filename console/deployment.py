"""`lake build`, `lake deploy`, `lake env`, `lake destroy`: the lake as Terraform makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import talk

if TYPE_CHECKING:
    from console.deployed.lake import Deployed
    from console.deployed.place import Place
    from console.deployed.remove import Holdings
    from console.deployed.terraform import Changes
    from console.layers import Target

_AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
_Where = Annotated[str, typer.Option("--place", help="emulated or aws; as set, or emulated")]
_Env = Annotated[str, typer.Option("--env", help="dev, prod: terraform/environments/<env>.tfvars")]
_Yes = Annotated[bool, typer.Option("--yes", help="do not ask")]
_State = Annotated[
    str, typer.Option("--state-bucket", envvar="STATE_BUCKET", help="bucket of the state of AWS")
]
_Architecture = Annotated[
    str,
    typer.Option(help="x86_64 or arm64, of the functions; this machine's in the emulated place"),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("build")(build)
    app.command("deploy")(deploy)
    app.command("env")(env)
    app.command("destroy")(destroy)


def _target(architecture: str, *, emulated: bool) -> Target:
    from console.layers import Target, this_machine  # noqa: PLC0415

    if emulated and not architecture:
        return this_machine()
    return Target(architecture or "x86_64")


def build(architecture: _Architecture = "", as_json: _AsJson = False) -> None:
    """Pack what AWS runs into build/, described for Terraform by build/artifacts.json."""
    from console import build as builder  # noqa: PLC0415
    from console.package import PROJECT  # noqa: PLC0415

    target = _target(architecture, emulated=False)
    built = builder.build(PROJECT / "build", target, talk.say)
    rows = [
        {"part": part, "bytes": path.stat().st_size, "path": str(path.relative_to(PROJECT))}
        for part, path in built.parts.items()
    ]
    talk.out_rows(rows, as_json=as_json)


def deploy(
    place: _Where = "",
    environment: _Env = "dev",
    variables: Annotated[
        list[str] | None, typer.Option("--var", help="NAME=VALUE, besides the environment's")
    ] = None,
    state_bucket: _State = "",
    architecture: _Architecture = "",
    plan_only: Annotated[bool, typer.Option("--plan", help="show the plan and stop")] = False,
    yes: _Yes = False,
    as_json: _AsJson = False,
) -> None:
    """Build, plan and apply the whole lake. Again: only what has changed."""
    from console.deployed import deploy as way  # noqa: PLC0415
    from console.deployed.place import choose  # noqa: PLC0415

    chosen = choose(place, environment)
    target = _target(architecture, emulated=chosen.is_emulated)
    wanted: dict[str, Any] = {
        "target": target, "state_bucket": state_bucket, "variables": variables or []
    }  # fmt: skip
    if plan_only:
        terraform, planned = way.plan(chosen, talk.say, **wanted)
        typer.echo(terraform.show(way.PLAN), nl=False)
        talk.say(f"plan: {planned}")
        return

    def approve(planned: Changes) -> None:
        if not chosen.is_emulated and planned.total:
            talk.confirm(f"Apply to AWS, {chosen.environment}: {planned}?", yes=yes)

    found, changes = way.deploy(chosen, talk.say, approve, **wanted)
    _tell(chosen, found, changes, as_json=as_json)


def _tell(place: Place, found: Deployed, changes: Changes, *, as_json: bool) -> None:
    if as_json:
        talk.out_json({**vars(found), "changes": vars(changes)})
        return
    talk.say(f"{found.name} is deployed to {found.place}: {changes}")
    talk.say(f"look: lake status{place.options}")
    talk.say(f'work on it in this shell: eval "$(lake env{place.options})"')


def env(place: _Where = "", environment: _Env = "dev", as_json: _AsJson = False) -> None:
    """Variables by which a shell's next commands work on the deployed lake."""
    import shlex  # noqa: PLC0415

    from console.deployed import lake  # noqa: PLC0415
    from console.deployed.place import FOLDER, choose  # noqa: PLC0415

    chosen = choose(place, environment)
    found = {**lake.load(chosen).variables(), FOLDER: str(chosen.home)}
    if as_json:
        talk.out_json(found)
        return
    for name, value in sorted(found.items()):
        typer.echo(f"export {name}={shlex.quote(value)}")


def destroy(
    place: _Where = "",
    environment: _Env = "dev",
    delete_data: Annotated[
        bool, typer.Option("--delete-data", help="production's data too; there is no way back")
    ] = False,
    state_bucket: _State = "",
    yes: _Yes = False,
    as_json: _AsJson = False,
) -> None:
    """Remove the deployed lake with all it holds; production's data only with --delete-data."""
    from console.deployed import remove  # noqa: PLC0415
    from console.deployed.place import choose  # noqa: PLC0415

    chosen = choose(place, environment)

    def approve(planned: Changes, held: Holdings) -> None:
        talk.confirm(
            f"Remove {chosen.environment} ({chosen.name}): {planned}; lost: {held}?", yes=yes
        )

    changes, held = remove.destroy(
        chosen, talk.say, approve, delete_data=delete_data, state_bucket=state_bucket
    )
    talk.say(f"removed: {changes.remove} resources, {held}")
    if as_json:
        talk.out_json({"removed": changes.remove, **vars(held)})
