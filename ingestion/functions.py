"""The Lambda functions of ingestion: `ingest` pulls on schedule, `land` takes what is dropped."""

from __future__ import annotations

import traceback
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from ingestion import bucket, events, landing, places
from ingestion.clock import SystemClock
from ingestion.options import PullOptions
from ingestion.pull import pull
from lakehouse import log, settings
from lakehouse.errors import BadInputError, LakeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudpathlib import S3Path

    from ingestion.events import Created
    from lakehouse.settings import Settings

STOP_MS = 180_000
"""A pull stops when so little time is left: a call may take two minutes, its flush some seconds."""
LAND_MS = 120_000
"""No file is begun with less time left: the largest workbook takes a minute."""


class Context(Protocol):
    """What Lambda tells of a call."""

    def get_remaining_time_in_millis(self) -> int:
        """The time until the function is killed."""
        ...


class _OutOfTimeError(Exception):
    """The plan is stopped before Lambda stops it."""


def ingest(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Pull the stream that a schedule names: `{"source", "stream", "options"}`.

    What can't be done in time is left to the next call, which goes on where this one stopped.
    Every LakeError is logged and raised: Lambda tries the call again, then it is a dead letter.
    """
    log.configure()
    try:
        return _pull(event, context)
    except LakeError as error:
        log.warn("ingest_failed", asked=event, error=type(error).__name__, reason=str(error))
        raise


def _pull(event: dict[str, Any], context: Context) -> dict[str, Any]:
    source, stream = (str(event.get(name, "")) for name in ("source", "stream"))
    options, clock = _options(event.get("options") or {}), SystemClock()
    stop_ms = min(STOP_MS, context.get_remaining_time_in_millis() / 2)
    came = (0, 0)

    def progress(done: int, total: int) -> None:
        nonlocal came
        came = done, total
        if done < total and context.get_remaining_time_in_millis() < stop_ms:
            raise _OutOfTimeError

    asked = {"stream": f"{source}/{stream}"}
    try:
        result = pull(
            settings.load(), source, stream, clock=clock, options=options, progress=progress
        )
    except _OutOfTimeError:
        said = {**asked, "finished": False, "done": came[0], "total": came[1]}
        log.warn("ingest_stopped_in_time", **said)
        return said
    files, failed = [str(file) for file in result.files], list(result.failed)
    said = {**asked, "finished": True, "replies": result.replies, "files": files, "failed": failed}
    log.event("ingested", **said)
    return said


def _options(told: Any) -> PullOptions:
    """Terraform gives every option as a list of texts."""
    if not isinstance(told, dict):
        raise UsageError("options is no object of lists of texts")
    readers = _readers()
    unknown = sorted(map(str, told.keys() - readers.keys()))
    if unknown:
        raise UsageError(f"unknown options: {', '.join(unknown)}; known: {', '.join(readers)}")
    return PullOptions(**{name: _read(readers, name, value) for name, value in told.items()})


def _read(readers: dict[str, Callable[[str, list[str]], Any]], name: str, value: Any) -> Any:
    try:
        return readers[name](name, _texts(name, value))
    except ValueError as error:
        raise UsageError(f"the option {name}: {error}") from error


def _readers() -> dict[str, Callable[[str, list[str]], Any]]:
    """What may be asked for; not `restart`, by which no long plan would ever end."""
    return {
        "stops": _all,
        "lines": _all,
        "line": _one,
        "location": _one,
        "cities": _all,
        "first": _day,
        "last": _day,
        "first_year": lambda name, texts: int(_one(name, texts)),
    }


def _texts(name: str, value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise UsageError(f"the option {name} is no list of texts")
    return texts


def _all(_name: str, texts: list[str]) -> tuple[str, ...]:
    return tuple(texts)


def _one(name: str, texts: list[str]) -> str:
    if len(texts) != 1:
        raise UsageError(f"the option {name} has one value, not {len(texts)}")
    return texts[0]


def _day(name: str, texts: list[str]) -> date:
    return date.fromisoformat(_one(name, texts))


def land(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Land the files that a batch of SQS messages tells of; answers which messages come again.

    A message comes again if its file could not be handled now. Whatever is wrong with a file is
    no reason: it goes to quarantine, with the reason. A message that is no event of this lake's
    raw is logged and done with; its file, if any, stays where it is.
    """
    log.configure()
    chosen = settings.load()
    root = bucket.root(chosen)
    stop_ms = min(LAND_MS, context.get_remaining_time_in_millis() / 2)
    failed = [
        message["messageId"]
        for message in event["Records"]
        if context.get_remaining_time_in_millis() < stop_ms
        or not _is_handled(message, root, chosen)
    ]
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def _is_handled(message: dict[str, Any], root: S3Path, chosen: Settings) -> bool:
    name = message["messageId"]
    try:
        told = events.created(message["body"], root.bucket)
    except UsageError as error:
        log.warn("event_refused", id=name, reason=error.message)
        return True
    try:
        _land(told, root, chosen)
    except Exception as error:  # noqa: BLE001  one file's trouble is not the others'
        why = str(error) if isinstance(error, LakeError) else traceback.format_exc()
        log.warn("landing_failed", id=name, key=told.key, error=type(error).__name__, reason=why)
        return False
    return True


def _land(told: Created, root: S3Path, chosen: Settings) -> None:
    """Land or quarantine the file; by the event's time, so that its duplicates are equal."""
    file, raw = bucket.at(root, told.key), root / "raw"
    stream = landing.stream_of(file, raw)
    if places.mark(file) is None:
        log.event("already_gone", key=told.key)
    elif not landing.is_finished(file, raw):
        log.warn("left_in_raw", key=told.key, reason="its name says hidden, or still being written")
    elif stream is None:
        reason = f"{told.key!r} is in no known raw/SOURCE/STREAM/"
        landing.set_aside(root, file, reason, now=told.at)
    else:
        try:
            place = landing.whose(stream, file, "", chosen)
            landing.land(root, file, stream, now=told.at, location=place, keep_source=False)
        except (BadInputError, UsageError) as error:
            if places.mark(file) is not None:  # else another call was quicker
                landing.set_aside(root, file, error.message, now=told.at)
