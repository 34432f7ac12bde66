"""`lake sql`, `lake report`: ask, without Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import talk

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from console.reading import Lake
    from console.report.upkeep import Patient
    from lakehouse.settings import Settings

_AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
LIVE = "live sources"
ATTRIBUTION = (
    "EMT Madrid MobilityLabs (arrivals, lines, stops), WeatherAPI.com and OpenWeather (weather)"
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("sql")(sql)
    app.command("report")(report)


def sql(
    query: Annotated[str, typer.Argument(help="a SELECT over database.table and views.view names")],
    as_of: Annotated[str, typer.Option(help="a time (UTC), a snapshot id or a tag")] = "",
    as_json: _AsJson = False,
) -> None:
    """Ask the tables and views, now or as they were; gold tables always at one and the same run."""
    from console.questions import local  # noqa: PLC0415
    from console.reading import Lake, Moment  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    loaded = settings.load()
    lake = Lake(loaded)
    rows = local.sql(lake, loaded, query, Moment.parse(as_of))
    for note in dict.fromkeys(lake.notes):
        talk.say(note)
    talk.out_rows(rows, as_json=as_json)


def _time(at_ms: int) -> Any:
    from datetime import datetime, timezone  # noqa: PLC0415

    return datetime.fromtimestamp(at_ms / 1000, tz=timezone.utc)


def report(
    out: Annotated[str, typer.Option(help="the HTML file to write")] = "",
) -> None:
    """Write the report: one HTML file that needs no server and no network."""
    from pathlib import Path  # noqa: PLC0415

    from console.deployed.place import own_folder  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    loaded = settings.load()
    typer.echo(write_report(loaded, Path(out) if out else report_file(loaded, own_folder(loaded))))


def report_file(loaded: Settings, folder: Path) -> Path:
    """The report's file in this machine's folder, named by the place where the lake is not here."""
    return folder / (f"report-{loaded.place}.html" if loaded.in_bucket else "report.html")


def write_report(loaded: Settings, out: Path) -> Path:
    """The report of the lake as it is now."""
    from datetime import datetime, timezone  # noqa: PLC0415

    from console import report as page  # noqa: PLC0415
    from console.reading import Lake, Moment  # noqa: PLC0415

    lake = Lake(loaded)
    names = lake.tables()
    connection = lake.connect(names, Moment())
    facts = []
    for name in names:
        found, snapshot_id = lake.history(name), lake.snapshot(name, Moment())
        if snapshot_id is None or name.startswith("ops."):
            continue
        count = connection.execute(f"select count(*) from {name}").fetchall()[0][0]
        snapshot = found.snapshots[snapshot_id]
        newest = found.newest_receipt(snapshot_id)
        run_id = str(newest[1].get("run")) if newest else ""
        facts.append(page.TableFact(name, snapshot_id, _time(snapshot.at_ms), run_id, count))
    now = datetime.now(timezone.utc)
    return page.write(
        connection,
        out,
        generated_at=now,
        source=source_of(loaded),
        tables=facts,
        attribution=ATTRIBUTION,
        late_ratio=loaded.delay_ratio_thresh,
        patients=_patients(lake, set(names), now),
    )


def _patients(lake: Lake, known: set[str], now: datetime) -> list[Patient]:
    """The health of each table that there is."""
    from console import health  # noqa: PLC0415
    from console.report.upkeep import Patient  # noqa: PLC0415
    from jobs.pipeline import TABLES  # noqa: PLC0415

    return [
        Patient(health.examine(lake, t, now), health.through_time(lake.history(t.full_name)))
        for t in TABLES
        if t.full_name in known
    ]


def source_of(loaded: Settings) -> str:
    """Where this lake's data came from, as `lake demo` noted it; live or unknown otherwise."""
    from ingestion import places  # noqa: PLC0415

    note = places.read(places.root(loaded) / "source.txt")
    return note.decode().strip() if note else LIVE
