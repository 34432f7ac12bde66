"""`lake land` and `lake quarantine`: files into the lake, and what could not be landed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from console import talk
from lakehouse.errors import BadInputError, LakeError, Transient, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingestion.bronze import Stream
    from ingestion.landing import Landed
    from ingestion.places import LakePath
    from lakehouse.settings import Settings

_NAMED = 10
_COLUMNS = ("file", "stream", "status", "rows", "bad_rows", "reason")
_QUARANTINE_COLUMNS = ("at", "source", "stream", "name", "rows_kept", "reason", "next_command")


def register(app: typer.Typer, clock: Callable[[], datetime] | None = None) -> None:
    """Add the commands to `app`; `clock` says when files are landed."""
    clock = clock or _utc_now

    @app.command("land")
    def land(
        files: Annotated[
            list[Path] | None,
            typer.Argument(metavar="FILE…", help="Left where they are. None: sweep raw/."),
        ] = None,
        to: Annotated[
            str, typer.Option(metavar="SOURCE/STREAM", help="Such as emt/arrivals.")
        ] = "",
        location: Annotated[
            str,
            typer.Option(
                help="Whose weather a file is: a place, or a city (valencia:lat=39.47&lon=-0.38). "
                "Else LAKE_WEATHER_LOCATION, or the city-NAME of its path."
            ),
        ] = "",
        *,
        as_json: Annotated[bool, typer.Option("--json", help="Print row objects.")] = False,
    ) -> None:
        """Land files: Excel, JSON, JSON lines (also .gz), CSV or Parquet."""
        _land(files or [], to, location, clock(), as_json=as_json)

    @app.command("quarantine")
    def quarantine(
        *,
        as_json: Annotated[bool, typer.Option("--json", help="Print row objects.")] = False,
    ) -> None:
        """List the files that could not be landed, wholly or in part, and why."""
        _quarantine(as_json=as_json)


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class _Work:
    """The files of one call."""

    root: LakePath
    files: list[tuple[LakePath, Stream]]
    now: datetime
    location: str
    chosen: Settings

    def run(self) -> tuple[list[Landed], list[LakeError]]:
        """Land every file; one that fails never stops the others."""
        from rich.console import Console  # noqa: PLC0415

        from ingestion.landing import land, whose  # noqa: PLC0415
        from ingestion.places import is_below  # noqa: PLC0415

        raw = self.root / "raw"
        landed: list[Landed] = []
        failed: list[LakeError] = []
        with Console(stderr=True).status("") as status:
            for number, (file, stream) in enumerate(self.files, start=1):
                at = f"{number} of {len(self.files)}  {_shown(file.name)}"
                try:
                    done = land(
                        self.root,
                        file,
                        stream,
                        now=self.now,
                        location=whose(stream, file, self.location, self.chosen),
                        keep_source=not is_below(file, raw),
                        step=lambda step, at=at: status.update(f"{at}: {step}"),  # type: ignore[misc]
                    )
                except (Transient, UsageError) as error:
                    failed.append(error)
                    talk.say(f"{at}: {error.message}")
                else:
                    landed.append(done)
                    talk.say(f"{at}: {_outcome(done)}")
        return landed, failed


def _land(files: list[Path], to: str, location: str, now: datetime, *, as_json: bool) -> None:
    from ingestion import streams  # noqa: PLC0415
    from ingestion.bronze import Stream  # noqa: PLC0415
    from ingestion.landing import strays, waiting  # noqa: PLC0415
    from ingestion.places import below, root  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    if bool(files) != bool(to):
        raise UsageError("FILE and --to go together", next_command="lake land FILE --to emt/stops")
    chosen = settings.load()
    lake = root(chosen)
    work: list[tuple[LakePath, Stream]] = []
    if files:
        stream = Stream.parse(to)
        streams.kind(stream)
        _check_files(files)
        work = [(file, stream) for file in files]
    else:
        work = waiting(lake)
    landed, failed = _Work(lake, work, now, location, chosen).run()
    _show(landed, as_json=as_json)
    left = [] if files else strays(lake)
    _judge(landed, failed, [str(below(path, lake)) for path in left])


def _check_files(files: list[Path]) -> None:
    """Refuse the call before anything is done, if a name in it is mistyped."""
    missing = [_shown(str(file)) for file in files if not file.is_file()]
    if missing:
        raise UsageError(f"no such file: {', '.join(missing)}")


def _judge(landed: list[Landed], failed: list[LakeError], left: list[str]) -> None:
    """Say with the exit code that not everything is in the lake."""
    bad = [done for done in landed if done.reason]
    if failed:
        raise failed[0]
    if bad:
        named = [f"{_shown(done.file.name)}: {done.reason}" for done in bad[:_NAMED]]
        more = [f"and {len(bad) - _NAMED} more"] if len(bad) > _NAMED else []
        raise BadInputError(
            f"{len(bad)} of {len(landed)} files are not wholly in the lake: "
            + "; ".join(named + more),
            next_command="lake quarantine",
        )
    if left:
        names = ", ".join(_shown(name) for name in left[:_NAMED])
        raise UsageError(f"in no known raw/SOURCE/STREAM, or no plain file: {names}")


def _quarantine(*, as_json: bool) -> None:
    from ingestion.places import root  # noqa: PLC0415
    from ingestion.quarantine import quarantined  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    entries = [asdict(entry) for entry in quarantined(root(settings.load()))]
    if not as_json:
        entries = [{key: entry[key] for key in _QUARANTINE_COLUMNS} for entry in entries]
    talk.out_rows(entries, as_json=as_json, empty="quarantine is empty")


def _show(landed: list[Landed], *, as_json: bool) -> None:
    rows = [
        {
            "file": _shown(str(done.file)),
            "stream": str(done.stream),
            "status": done.status,
            "rows": done.rows,
            "bad_rows": done.bad_rows,
            "reason": done.reason,
            "bronze": str(done.bronze) if done.bronze else None,
            "sha256": done.sha256,
        }
        for done in landed
    ]
    if not as_json:
        rows = [{key: row[key] for key in _COLUMNS} for row in rows]
    talk.out_rows(rows, as_json=as_json, empty="nothing to land")


def _outcome(done: Landed) -> str:
    rows = f", {done.rows:,} rows" if done.rows else ""
    return f"{done.status}{rows}" + (f" ({done.reason})" if done.reason else "")


def _shown(name: str) -> str:
    """A name from outside, without what would steer a terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in name)
