"""`lake rejected`: rows that silver refused, and records that Firehose could not deliver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import talk

if TYPE_CHECKING:
    from lakehouse.settings import Settings

_AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
_Table = Annotated[str, typer.Argument(help="database.table")]
_rejected = typer.Typer(
    help="Rows of silver and records of Firehose that were refused.", no_args_is_help=True
)
_BY_REASON = (
    "select table_name, reason, count(*) as rows, min(source_uri) as first_source, "
    "max(rejected_at) as latest from ops.rejected_row group by all order by all"
)
_ROWS = "select * from ops.rejected_row order by table_name, source_uri, source_row, item, reason"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_rejected, name="rejected")


@_rejected.command("list")
def rejected_list(as_json: _AsJson = False) -> None:
    """How many rows or records were refused, by reason."""
    from console import failed  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    loaded = settings.load()
    rows = [*failed.summary(failed.records(loaded)), *_ask(loaded, _BY_REASON)]
    talk.out_rows(rows, as_json=as_json, empty="nothing was refused")


@_rejected.command("show")
def rejected_show(
    table: _Table,
    limit: Annotated[int, typer.Option(help="rows at most")] = 20,
    as_json: _AsJson = False,
) -> None:
    """Refused rows or records as they came, with file and row."""
    from console import failed  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    loaded = settings.load()
    if table == failed.STREAM_TABLE:
        _must_stream(loaded)
        mine = [record.told() for record in failed.records(loaded)[:limit]]
    else:
        mine = [row for row in _ask(loaded, _ROWS) if row["table_name"] == table][:limit]
    talk.out_rows(mine, as_json=as_json, empty=f"no refused rows of {table}")


@_rejected.command("redrive")
def rejected_redrive(table: _Table, as_json: _AsJson = False) -> None:
    """Read the files, or send the records, again: after mending."""
    from console import failed, pipeline  # noqa: PLC0415

    if table == failed.STREAM_TABLE:
        talk.out_rows(_send_again(), as_json=as_json)
        talk.say("sent; what fails again is in `lake rejected list` after the stream's buffering")
    else:
        pipeline.redrive(table, as_json=as_json)


def _send_again() -> list[dict[str, Any]]:
    from functools import cache  # noqa: PLC0415

    from console import failed  # noqa: PLC0415
    from ingestion.clock import SystemClock  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415
    from streaming import sender  # noqa: PLC0415
    from streaming.producer import Destination  # noqa: PLC0415

    loaded = settings.load()
    _must_stream(loaded)
    to = Destination.load()
    opened = cache(lambda: sender.open_stream(to.name, to.source, loaded))
    return failed.redrive(loaded, opened, clock=SystemClock(), say=talk.say)


def _must_stream(loaded: Settings) -> None:
    """Raise UsageError in the local place."""
    from lakehouse.errors import UsageError  # noqa: PLC0415

    if not loaded.in_bucket:
        raise UsageError(
            "the local place has no stream: current weather is landed as files there",
            next_command='eval "$(lake env)", to work on a deployed lake',
        )


def _ask(loaded: Settings, query: str) -> list[dict[str, Any]]:
    from console.reading import Lake, Moment  # noqa: PLC0415

    return Lake(loaded).ask(query, Moment())
