"""`lake demo`: the main job end to end, on simulated sources or a recorded folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console import talk

if TYPE_CHECKING:
    from lakehouse.settings import Settings

# Which recorded file feeds which stream, by the start of its name.
WORKBOOKS = (
    ("arrivals-*.xlsx", "emt/arrivals"),
    ("bus_lines.xlsx", "emt/lines"),
    ("bus_stops.xlsx", "emt/stops"),
    ("emt_lines.xlsx", "emt/timetables"),
    ("meteorology-*.xlsx", "weatherapi/current"),
)
JSON_LINES = (
    ("arrivals_polls_*.jsonl.gz", "emt/arrivals"),
    ("incidents_distinct.json", "emt/incidents"),
    ("bus_lines.xlsx", "emt/lines"),
    ("bus_stops.xlsx", "emt/stops"),
    ("emt_lines.xlsx", "emt/timetables"),
    ("weatherapi_current.jsonl", "weatherapi/current"),
)
_FORMS = {"xlsx": WORKBOOKS, "jsonl": JSON_LINES}
SIMULATED = "simulated sources: a made-up city, three days"
_WORST = (
    "select label, sum(delayed_preds) as late, sum(rated_preds) as rated "
    "from emt_gold.delay_weather_hourly group by label order by late desc limit 5"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    recorded: Annotated[str, typer.Option(help="a folder of recorded workbooks")] = "",
    form: Annotated[str, typer.Option(help="xlsx or jsonl, of the recorded folder")] = "xlsx",
    place: Annotated[str, typer.Option(help="local; or emulated: all of AWS, here")] = "local",
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout")] = False,
) -> None:
    """The main job: land or poll the sources, silver, gold, report. Again: nothing changes."""
    import os  # noqa: PLC0415

    from console.query import write_report  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415
    from lakehouse.errors import UsageError  # noqa: PLC0415

    if form not in _FORMS:
        raise UsageError(f"--form {form!r} is neither xlsx nor jsonl")
    if place != "local":
        _deployed(place, recorded_files(Path(recorded), form) if recorded else (), as_json=as_json)
        return
    loaded = settings.load()
    if recorded and not os.environ.get("LAKE_HOME"):
        # Simulated and recorded buses do not mix in one lake.
        loaded = replace(loaded, home=".lake-recorded")
    rows = _main_job(loaded, Path(recorded) if recorded else None, form)
    page = write_report(loaded, loaded.root / "report.html")
    talk.out_rows(rows, as_json=as_json, empty="nothing new: no table moved")
    talk.say(f"report: {page}")
    home = "" if loaded.home == ".lake" else f"LAKE_HOME={loaded.home} "
    talk.say(f'ask:    {home}.venv/bin/lake sql "{_WORST}"')


def _deployed(place: str, files: tuple[tuple[Path, str], ...], *, as_json: bool) -> None:
    """The same in the emulated AWS, and what to type next."""
    from console import operate  # noqa: PLC0415
    from console.deployed import demo as whole  # noqa: PLC0415
    from console.deployed.place import choose  # noqa: PLC0415

    shown = whole.run(choose(place), files)
    if as_json:
        talk.out_json({"tables": shown.tables, "report": str(shown.report)})
    else:
        operate.tell(shown.lake)
    moved = [line["table"] for line in shown.tables if line["moved"]]
    talk.say(f"moved:  {talk.listed(moved) or 'no table: all of it was there before'}")
    for table in whole.GOLD:
        talk.say(f"gold:   {shown.rows(table):,} rows in {table}")
    talk.say(f"report: {shown.report}")
    talk.say('ask:    eval "$(.venv/bin/lake env)", then in the same shell')
    talk.say(f'        .venv/bin/lake sql "{_WORST}"')
    talk.say("look:   .venv/bin/lake status; .venv/bin/lake logs; .venv/bin/lake rejected list")
    talk.say("remove: .venv/bin/lake destroy --yes && .venv/bin/lake down")


def _main_job(loaded: Settings, recorded: Path | None, form: str) -> list[dict[str, object]]:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    from console import session, tables  # noqa: PLC0415
    from console.pipeline import shown  # noqa: PLC0415
    from jobs.pipeline import GROUPS, TABLES  # noqa: PLC0415
    from lakehouse import run as way  # noqa: PLC0415

    made = tables.apply(loaded, TABLES)
    talk.say(f"lake {loaded.root}: {len(made)} table changes")
    with ThreadPoolExecutor(1) as beside:  # the sources are read while Spark starts
        if recorded:
            reading = beside.submit(land_recorded, loaded, recorded, form)
        else:
            reading = beside.submit(play, loaded)
        spark = session.start(loaded)
        reading.result()
    outcomes = way.run(spark, loaded, GROUPS, progress=talk.say)
    return shown(outcomes)


def note(loaded: Settings, text: str) -> None:
    """Remember where this lake's data came from, for the report."""
    from ingestion import places  # noqa: PLC0415

    places.publish(places.root(loaded) / "source.txt", f"{text}\n".encode())


def play(loaded: Settings) -> None:
    """Run the real ingestion against the simulated sources."""
    from console.simulator import scenario  # noqa: PLC0415

    note(loaded, SIMULATED)
    talk.say("polling the simulated sources over HTTP")
    scenario.play(loaded, progress=talk.say)


def recorded_files(folder: Path, form: str) -> tuple[tuple[Path, str], ...]:
    """The files of a recorded folder, each with its stream.

    Raises UsageError if the folder holds none of them.
    """
    from lakehouse.errors import UsageError  # noqa: PLC0415

    found = [(f, s) for pattern, s in _FORMS[form] for f in sorted(folder.glob(pattern))]
    if not found:
        expected = talk.listed(pattern for pattern, _ in _FORMS[form])
        raise UsageError(f"{folder} holds none of {expected}", next_command="make demo")
    return tuple(found)


def land_recorded(loaded: Settings, folder: Path, form: str) -> None:
    """Land the files of a recorded folder, and the calendar of those years."""
    from datetime import datetime, timezone  # noqa: PLC0415

    from ingestion.bronze import Stream  # noqa: PLC0415
    from ingestion.clock import SystemClock  # noqa: PLC0415
    from ingestion.landing import land  # noqa: PLC0415
    from ingestion.pull import pull  # noqa: PLC0415

    found = recorded_files(folder, form)
    note(loaded, f"recorded: {folder.name}")
    for file, stream in found:
        landed = land(
            loaded.root,
            file,
            Stream.parse(stream),
            now=datetime.now(timezone.utc),
            location=loaded.weather_location,
            keep_source=True,
        )
        talk.say(f"{landed.status}: {file.name} → {stream}, {landed.rows} rows {landed.reason}")
    pull(loaded, "calendar", "derived", clock=SystemClock())
