"""Records that Firehose could not transform or deliver: found, and sent again as they were put.

They lie in the lake's bucket as JSON lines. AWS documents the keys for failed transformations and
for failed format conversions, and none for Iceberg tables: both spellings are read.
https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html
https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion-error-handling.html
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ingestion import bucket
from jobs.bronze.weatherapi_current import TABLE
from lakehouse import log
from lakehouse.errors import BadInputError, UsageError
from streaming import rows, sender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cloudpathlib import S3Path

    from ingestion.clock import Clock
    from ingestion.places import Mark
    from lakehouse.settings import Settings

# Where terraform/delivery.tf has Firehose write them, and where they lie once they were sent again.
ERRORS, REDRIVEN = "firehose-errors", "firehose-redriven"
STREAM_TABLE = TABLE.full_name
# A failed transformation gave nothing: what lies here is the record as it was put.
_UNCHANGED = f"/{ERRORS}/processing-failed/"


@dataclass(frozen=True)
class FailedRecord:
    """One line of an error object; `data` is None where the line itself cannot be read."""

    uri: str
    line: int
    reason: str
    attempts: int | None = None
    failed_at: datetime | None = None
    data: bytes | None = None

    @property
    def original(self) -> bytes | None:
        """The record as it was put: what the transform made of it holds it whole, as envelope."""
        if _UNCHANGED in self.uri:
            return self.data
        try:
            found = json.loads(self.data or b"")
            return str(found["envelope"]).encode()
        except (ValueError, TypeError, LookupError, RecursionError):
            return self.data

    def message(self) -> sender.Message:
        """The same record again. Raises BadInputError where the line cannot be read."""
        if self.original is None:
            raise BadInputError(f"{self.uri}, line {self.line}: {self.reason}")
        name = hashlib.sha256(self.original).hexdigest()
        return sender.Message(name, name, self.original)

    def told(self) -> dict[str, Any]:
        """For people: decoded, without secrets, and whether the transform here would take it."""
        data = self.original or b""
        return {
            "table_name": STREAM_TABLE,
            "reason": self.reason,
            "source_uri": self.uri,
            "source_row": self.line,
            "attempts": self.attempts,
            "rejected_at": self.failed_at,
            "transform_now": "" if self.original is None else _refusal(data),
            "record": log.redact(data.decode("utf-8", "backslashreplace")),
        }


def _refusal(data: bytes) -> str:
    try:
        rows.row(data.decode())
    except (BadInputError, UnicodeDecodeError) as error:
        return log.redact(f"refuses it: {error}")
    return "takes it"


def parse(uri: str, content: bytes) -> list[FailedRecord]:
    """The records of an error object."""
    return [_line(uri, n, text) for n, text in enumerate(content.splitlines(), 1) if text.strip()]


def _line(uri: str, number: int, text: bytes) -> FailedRecord:
    try:
        told = json.loads(text)
        data = base64.b64decode(told["rawData"], validate=True)
    except (ValueError, TypeError, LookupError) as error:
        return FailedRecord(uri, number, f"no line of Firehose's: {error!r}")
    code, message = (
        str(told.get(f"error{part}") or told.get(f"lastError{part}") or "")
        for part in ("Code", "Message")
    )
    return FailedRecord(
        uri,
        number,
        reason=log.redact(": ".join(filter(None, (code, message)))),
        attempts=told.get("attemptsMade"),
        failed_at=_time(told.get("attemptEndingTimestamp")),
        data=data,
    )


def _time(epoch_ms: Any) -> datetime | None:
    is_number = isinstance(epoch_ms, (int, float))
    return datetime.fromtimestamp(epoch_ms / 1000, timezone.utc) if is_number else None


def records(settings: Settings) -> list[FailedRecord]:
    """All that wait; none in the local place, which has no stream."""
    return [record for _, _, found in _objects(settings) for record in found]


def _objects(settings: Settings) -> Iterator[tuple[S3Path, Mark, list[FailedRecord]]]:
    """Each error object, what it was when it was read, and its records."""
    if not settings.in_bucket:
        return
    for path in bucket.files(bucket.root(settings) / ERRORS):
        seen = bucket.mark(path)
        content = bucket.read(path, seen)
        if seen is not None and content is not None:  # else somebody else was quicker
            yield path, seen, parse(str(path), content)


def summary(found: list[FailedRecord]) -> list[dict[str, Any]]:
    """How many failed for which reason, in the shape of refused rows."""
    by_reason: defaultdict[str, list[FailedRecord]] = defaultdict(list)
    for record in found:
        by_reason[record.reason].append(record)
    return [
        {
            "table_name": STREAM_TABLE,
            "reason": reason,
            "rows": len(mine),
            "first_source": min(record.uri for record in mine),
            "latest": max((r.failed_at for r in mine if r.failed_at), default=None),
        }
        for reason, mine in sorted(by_reason.items())
    ]


def redrive(
    settings: Settings,
    open_stream: Callable[[], sender.Stream],
    *,
    clock: Clock,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Send the records of each error object again, then move it; what was done, by object.

    Killed in between it sends them again the next time: with the same event id, so that silver
    has each once. An object with a line that cannot be read stays. Raises UsageError where there
    is none, and what `sender.send` raises.
    """
    done = []
    for path, seen, found in _objects(settings):
        try:
            messages = [record.message() for record in found]
        except BadInputError as error:
            say(f"left: {error.message}")
            done.append({"object": str(path), "records": len(found), "moved_to": None})
            continue
        sender.send(open_stream(), messages, clock=clock)
        target = _move(path, seen)
        done.append({"object": str(path), "records": len(found), "moved_to": str(target)})
    if not done:
        raise UsageError(f"no record of {STREAM_TABLE} failed", next_command="lake rejected list")
    return done


def _move(path: S3Path, seen: Mark) -> S3Path:
    """Out of the way, whole: nothing is lost if what was sent fails again."""
    key = f"{REDRIVEN}/{path.key.removeprefix(f'{ERRORS}/')}"
    target: S3Path = path.client.CloudPath(f"s3://{path.bucket}/{key}")
    bucket.copy(path, target)
    bucket.remove(path, seen)
    return target
