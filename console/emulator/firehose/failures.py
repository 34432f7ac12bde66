"""Failed records in the bucket, as JSON lines, written until the bucket takes them.

AWS: "Handle failure in data transformation", "Handling errors for data format conversion",
"Understand custom prefixes for Amazon S3 objects" (Firehose). For records that an Iceberg table
did not take, AWS documents no shape: they have the one of format conversion.
"""

from __future__ import annotations

import base64
import gzip
import json
import uuid
from typing import TYPE_CHECKING, Any

from console.emulator.clock import epoch_ms

if TYPE_CHECKING:
    from datetime import datetime

    from console.emulator.clients import Clients
    from console.emulator.clock import EmulatedClock
    from console.emulator.firehose.records import Failure
    from console.emulator.firehose.settings import Settings

PROCESSING, ICEBERG = "processing-failed", "iceberg-failed"
_TIMES = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}


class Failures:
    """The failed records of a stream that still have to be written."""

    def __init__(self, clients: Clients, clock: EmulatedClock, region: str, stream: str) -> None:
        self._clients, self._clock, self._region, self._stream = clients, clock, region, stream
        self._waiting: list[tuple[str, bytes]] = []

    def add(self, settings: Settings, kind: str, prefix: str, failed: list[Failure]) -> None:
        """Keep them until they are written, as one object."""
        if not failed:
            return
        now = self._clock.now()
        body = "".join(json.dumps(_told(one, kind), ensure_ascii=False) + "\n" for one in failed)
        name = f"{self._stream}-1-{now:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}"
        is_zipped = settings.compression == "GZIP"
        key = expand(prefix or settings.error_prefix, kind, now) + name + ".gz" * is_zipped
        content = body.encode()
        self._waiting.append((key, gzip.compress(content) if is_zipped else content))

    def write(self, settings: Settings) -> None:
        """Write what waits. What the bucket does not take now is written at the next try."""
        client = self._clients.of("s3", self._region, settings.bucket_role)
        while self._waiting:
            key, content = self._waiting[0]
            client.put_object(Bucket=settings.bucket, Key=key, Body=content)
            self._waiting.pop(0)


def _told(failure: Failure, kind: str) -> dict[str, Any]:
    record = failure.record
    # A failed transformation gave nothing, so that what came in is kept.
    data = record.original if kind == PROCESSING else record.data
    place = {
        "sequenceNumber": record.source["sequenceNumber"],
        "subSequenceNumber": record.source["subsequenceNumber"],
    } if record.source else {}  # fmt: skip
    return {
        "attemptsMade": failure.attempts,
        "arrivalTimestamp": epoch_ms(record.arrival),
        "errorCode": failure.code,
        "errorMessage": failure.message,
        "attemptEndingTimestamp": epoch_ms(failure.ended),
        "rawData": base64.b64encode(data).decode(),
        **place,
        **failure.facts,
    }


def expand(prefix: str, kind: str, now: datetime) -> str:
    """The prefix with its expressions filled in; without any, kind and hour are appended."""
    if "!{" not in prefix:
        return f"{prefix}{kind}/{now:%Y/%m/%d/%H}/"
    text = prefix.replace("!{firehose:error-output-type}", kind)
    text = text.replace("!{firehose:random-string}", uuid.uuid4().hex[:11])
    start = "!{timestamp:"
    while start in text:
        before, _, rest = text.partition(start)
        pattern, _, after = rest.partition("}")
        for letters, code in _TIMES.items():
            pattern = pattern.replace(letters, now.strftime(code))
        text = before + pattern + after
    return text
