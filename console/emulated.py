"""`lake up`, `lake down`, `lake tick`: the emulated AWS as a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import talk

if TYPE_CHECKING:
    from datetime import datetime

    from console.deployed.place import Place
    from console.emulator.background import Background

_AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
_TICK_SECONDS = 3600


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("tick")(tick)


def up(
    port: Annotated[int, typer.Option(help="0 takes a free one")] = 0,
    as_json: _AsJson = False,
) -> None:
    """Start the emulated AWS; what is in it lives as long as it runs. Again: nothing changes."""
    from console.deployed.place import choose  # noqa: PLC0415

    place = choose("emulated")
    found = ensure(place, port)
    told = {"url": found.url, "pid": found.pid, "folder": str(place.emulator_folder)}
    if as_json:
        talk.out_json({**told, "state": "memory"})


def ensure(place: Place, port: int = 0) -> Background:
    """The emulator of a place, started if there is none yet.

    Raises ConfigurationError where its packages are missing.
    """
    from console.emulator import background  # noqa: PLC0415

    _installed()
    found = background.running(place.emulator_folder)
    if found is None:
        found = background.start(place.emulator_folder, port)
        talk.say(f"an emulated AWS listens on {found.url}; its log: {place.emulator_folder}")
        talk.say("its state is in memory: `lake down` or the machine's end deletes all that is in")
    else:
        talk.say(f"an emulated AWS listens on {found.url} already")
    return found


def _installed() -> None:
    """Raise ConfigurationError where the emulator's packages are not there."""
    from importlib.util import find_spec  # noqa: PLC0415

    from lakehouse.errors import ConfigurationError  # noqa: PLC0415

    missing = [name for name in ("moto", "flask", "flask_cors") if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"the emulated AWS needs {', '.join(missing)}", next_command="make setup-aws"
        )


def down(as_json: _AsJson = False) -> None:
    """Stop the emulated AWS, and delete what is in it."""
    import shutil  # noqa: PLC0415

    from console.deployed.place import choose  # noqa: PLC0415
    from console.emulator import background  # noqa: PLC0415

    place = choose("emulated")
    was_there = background.stop(place.emulator_folder)
    for folder in place.home.glob("deployed/emulated-*"):
        shutil.rmtree(folder)
    talk.say("stopped; what was in it is gone" if was_there else "no emulated AWS was running")
    if as_json:
        talk.out_json({"stopped": was_there})


def tick(
    until: Annotated[
        str, typer.Option(help="a time with its zone, such as 2026-03-01T10:00:00Z")
    ] = "",
    as_json: _AsJson = False,
) -> None:
    """Set the emulated clock ahead, firing schedules on the way; without a time: what comes."""
    from console.deployed.place import choose  # noqa: PLC0415

    url = choose("emulated").emulator().url
    told = ask(url, {"until": _moment(until).isoformat()} if until else None)
    if as_json:
        talk.out_json(told)
        return
    talk.say(f"it is {told['now']} in the emulated place")
    if until:
        talk.out_rows(told["fired"], as_json=False, empty="no schedule was due")
    else:
        talk.out_rows(told["upcoming"], as_json=False, empty="there is no schedule")


def _moment(text: str) -> datetime:
    from datetime import datetime  # noqa: PLC0415

    from lakehouse.errors import UsageError  # noqa: PLC0415

    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--until {text!r} is no time", next_command="lake tick --until 2026-03-01T10:00:00Z"
        ) from error
    if found.tzinfo is None:
        raise UsageError(
            f"--until {text} has no zone", next_command=f"lake tick --until {found.isoformat()}Z"
        )
    return found


def ask(url: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    """What comes next, or what a tick fired. Raises UsageError for what it refuses."""
    import json  # noqa: PLC0415
    from urllib.error import HTTPError  # noqa: PLC0415
    from urllib.request import Request, urlopen  # noqa: PLC0415

    from lakehouse.errors import UsageError  # noqa: PLC0415

    data = json.dumps(body).encode() if body else None
    request = Request(f"{url}/_lake/tick", data=data)  # noqa: S310  loopback http
    try:
        with urlopen(request, timeout=_TICK_SECONDS) as reply:  # noqa: S310  likewise
            return dict(json.loads(reply.read()))
    except HTTPError as error:
        raise UsageError(f"refused: {error.read().decode('utf-8', 'replace')[:500]}") from error
