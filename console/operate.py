"""`lake status`, `lake logs`, `lake cancel`: a deployed lake at work."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import talk

if TYPE_CHECKING:
    from console.deployed.lake import Deployed

_AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
_Where = Annotated[str, typer.Option("--place", help="emulated or aws; as set, or emulated")]
_Env = Annotated[str, typer.Option("--env", help="which deployment")]
# The time and the level that Spark's own lines begin with.
_CHATTER = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d (INFO|WARN) ")
_TITLES = {
    "executions": "executions of the state machine",
    "job_runs": "job runs of EMR Serverless",
    "tables": "tables",
    "queues": "queues",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("status")(status)
    app.command("logs")(logs)
    app.command("cancel")(cancel)


def status(place: _Where = "", environment: _Env = "dev", as_json: _AsJson = False) -> None:
    """What is deployed, its last executions and job runs, how fresh its tables are, its queues."""
    from console.deployed import lake  # noqa: PLC0415
    from console.deployed.place import choose  # noqa: PLC0415

    tell(lake.load(choose(place, environment)), as_json=as_json)


def tell(lake: Deployed, *, as_json: bool = False) -> None:
    """The status of a deployed lake on stdout."""
    from console.deployed import status as state  # noqa: PLC0415

    found = state.status(lake)
    if as_json:
        talk.out_json(found)
        return
    talk.out_rows([found["lake"]], as_json=False)
    for part, title in _TITLES.items():
        typer.echo(f"\n{title}")
        talk.out_rows(found[part], as_json=False, empty=f"{title}: none")


def logs(
    run: Annotated[str, typer.Argument(help="an execution or a job run; the last one")] = "",
    place: _Where = "",
    environment: _Env = "dev",
    whole: Annotated[bool, typer.Option("--all", help="what Spark says of itself, too")] = False,
    as_json: _AsJson = False,
) -> None:
    """What the drivers of an execution's job runs, or of one job run, wrote."""
    from console.deployed import lake, runs  # noqa: PLC0415
    from console.deployed.place import choose  # noqa: PLC0415

    found = lake.load(choose(place, environment))
    execution, jobs = runs.find(found, run)
    if execution and execution.why:
        talk.say(f"{execution.name} {execution.state}: {execution.why}")
    told: list[dict[str, Any]] = [{**vars(one), **runs.logs(found, one)} for one in jobs]
    if as_json:
        talk.out_json(told)
        return
    for one in told:
        why = f": {one['why']}" if one["why"] else ""
        talk.say(f"{one['id']} {one['name']} {one['state']}{why}")
        for line in (one["stderr"] + one["stdout"]).splitlines():
            if whole or not _CHATTER.match(line):
                typer.echo(line)


def cancel(
    run: Annotated[str, typer.Argument(help="an execution or a job run")],
    place: _Where = "",
    environment: _Env = "dev",
    as_json: _AsJson = False,
) -> None:
    """Stop an execution with its job runs, or one job run; what is published stays."""
    from console.deployed import lake, runs  # noqa: PLC0415
    from console.deployed.place import choose  # noqa: PLC0415

    stopped = runs.cancel(lake.load(choose(place, environment)), run)
    talk.say(f"stopped: {talk.listed(stopped)}")
    if as_json:
        talk.out_json({"stopped": stopped})
