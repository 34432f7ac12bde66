"""`lake ingest SOURCE STREAM`: pull a source's answers into bronze."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import talk
from lakehouse.errors import UpstreamError, UsageError

if TYPE_CHECKING:
    from datetime import date

    from ingestion.options import PullOptions, PullResult

_ALL = "all"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ingest")(ingest)


def ingest(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="emt, weatherapi, openweather, calendar")
    ],
    stream: Annotated[
        str,
        typer.Argument(
            metavar="STREAM",
            help="emt: arrivals, lines, stops, timetables, calendar; "
            "weatherapi: current, history; openweather: current; calendar: derived",
        ),
    ],
    stops: Annotated[str, typer.Option(help="arrivals: 62,1390 or all")] = "",
    line: Annotated[str, typer.Option(help="arrivals: of this line only (3-digit code)")] = "",
    lines: Annotated[str, typer.Option(help="timetables: 001,361; all by default")] = "",
    location: Annotated[str, typer.Option(help="weather: else LAKE_WEATHER_LOCATION")] = "",
    city: Annotated[str, typer.Option(help="openweather: riohacha,patagonia; all by default")] = "",
    first: Annotated[str, typer.Option("--from", help="first day, YYYY-MM-DD")] = "",
    last: Annotated[str, typer.Option("--to", help="last day, YYYY-MM-DD")] = "",
    first_year: Annotated[int, typer.Option(help="derived: the calendar starts here")] = 2025,
    restart: Annotated[bool, typer.Option(help="begin a stopped pull anew")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout")] = False,
) -> None:
    """Pull a stream into bronze as answered; a stopped pull goes on where it was.

    Credentials: EMT_EMAIL, EMT_PASSWORD, WEATHERAPI_KEY and OPENWEATHER_API_KEY, or the secret
    that LAKE_SECRET_ID names.
    """
    from ingestion.options import PullOptions  # noqa: PLC0415

    options = PullOptions(
        stops=_listed(stops),
        line=line,
        lines=() if lines == _ALL else _listed(lines),
        location=location,
        cities=_listed(city),
        first=_day(first, "--from"),
        last=_day(last, "--to"),
        first_year=first_year,
        restart=restart,
    )
    result = _pull(source, stream, options)
    _show(result, as_json=as_json)
    if result.failed:
        failed, calls = len(result.failed), len(result.failed) + result.replies
        raise UpstreamError(
            f"{failed} of {calls} calls got no answer; the first: {result.failed[0]}",
            next_command="the same command later",
        )


def _pull(source: str, stream: str, options: PullOptions) -> PullResult:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415
    from rich.progress import TimeRemainingColumn as Remaining  # noqa: PLC0415

    from ingestion.clock import SystemClock  # noqa: PLC0415
    from ingestion.pull import pull  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task(f"{source}/{stream}", total=None)
        return pull(
            settings.load(),
            source,
            stream,
            clock=SystemClock(),
            options=options,
            progress=lambda done, total: bars.update(bar, completed=done, total=total),
        )


def _show(result: PullResult, *, as_json: bool) -> None:
    row: dict[str, Any] = {
        "stream": f"{result.source}/{result.stream}",
        "replies": result.replies,
        "failed": list(result.failed),
        "files": [str(file) for file in result.files],
    }
    if as_json:
        talk.out_json(row)
    else:
        talk.out_rows(
            [{**row, "failed": len(result.failed), "files": talk.listed(row["files"])}],
            as_json=False,
        )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _day(text: str, option: str) -> date | None:
    from datetime import date  # noqa: PLC0415

    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise UsageError(f"{option} is {text!r}, not a day such as 2026-03-02") from error
