"""`lake lineage`: what ran, from what, to what, for a catalogue of data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import talk
from lakehouse.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Iterable


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("lineage")(lineage)


def lineage(
    since: Annotated[
        str, typer.Option(help="only steps that ended at that time (UTC) or later")
    ] = "",
    out: Annotated[str, typer.Option(help="the file to write, one event a line")] = "",
    url: Annotated[
        str,
        typer.Option(envvar="OPENLINEAGE_URL", help="a server such as Marquez; stdout without"),
    ] = "",
) -> None:
    """Runs as OpenLineage events: START, COMPLETE or FAIL; telling them again is harmless."""
    from openlineage.client.serde import Serde  # noqa: PLC0415

    from console.openlineage import Teller  # noqa: PLC0415
    from console.reading import Lake  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    loaded = settings.load()
    events = Teller(loaded, Lake(loaded)).events(since)
    if url and not out:
        talk.say(f"sent {_send(url, events)} events")
        return
    lines = [Serde.to_json(event) for event in events]
    if not out:
        for line in lines:
            typer.echo(line)
        return
    from pathlib import Path  # noqa: PLC0415

    Path(out).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    talk.say(f"wrote {len(lines)} events to {out}")


def _send(url: str, events: Iterable[Any]) -> int:
    """Send each event, with the key of OPENLINEAGE_API_KEY if there is one; how many were sent.

    Raises UpstreamError where the server refuses one or does not answer; those before are there.
    """
    import os  # noqa: PLC0415
    from urllib.parse import urlsplit  # noqa: PLC0415

    from openlineage.client.transport.http import HttpConfig, HttpTransport  # noqa: PLC0415

    key = os.environ.get("OPENLINEAGE_API_KEY")
    auth = {"auth": {"type": "api_key", "apiKey": key}} if key else {}
    transport, sent = HttpTransport(HttpConfig.from_dict({"url": url, **auth})), 0
    try:
        for event in events:
            transport.emit(event)
            sent += 1
    except Exception as error:  # the library passes on whatever its HTTP client raises
        raise UpstreamError(
            f"{urlsplit(url).hostname} took {sent} events and refused the next: {error}",
            next_command="lake lineage --url …",
        ) from error
    finally:
        transport.close()
    return sent
