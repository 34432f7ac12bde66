"""Puts records into Firehose or Kinesis Data Streams; of a batch only what failed is put again.

https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
Both may take a record and lose the answer: it is then there twice, with the same event id.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from lakehouse.errors import (
    ConfigurationError,
    CredentialsError,
    LakeError,
    StorageError,
    UsageError,
)
from lakehouse.log import warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingestion.clock import Clock
    from lakehouse.settings import Settings

MAX_TRIES = 5
_BACKOFF_SEC = 0.2
# The smaller of both services' limits, for a record and for a call.
_RECORD_BYTES, _CALL_BYTES, _CALL_RECORDS = 1_000 * 1024, 4 * 1024 * 1024, 500
_DENIED = ("AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException")
_MISSING = ("ResourceNotFoundException", "InvalidArgumentException")


@dataclass(frozen=True)
class Message:
    """One record: `key` keeps the records of one place in order where there are shards."""

    event_id: str
    key: str
    data: bytes


class Stream(Protocol):
    """Where records are put."""

    name: str

    def put(self, messages: list[Message]) -> list[str]:
        """Put them in one call; why each was not taken, empty for a taken one."""
        ...


class FirehoseStream:
    """A delivery stream that takes records directly."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self.name = client, name

    def put(self, messages: list[Message]) -> list[str]:
        """As PutRecordBatch answers."""
        said = self._client.put_record_batch(
            DeliveryStreamName=self.name, Records=[{"Data": m.data} for m in messages]
        )
        return _whys(said["RequestResponses"], said["FailedPutCount"], messages)


class KinesisStream:
    """A Data Stream before the delivery stream."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self.name = client, name

    def put(self, messages: list[Message]) -> list[str]:
        """As PutRecords answers."""
        records = [{"Data": m.data, "PartitionKey": m.key} for m in messages]
        said = self._client.put_records(StreamName=self.name, Records=records)
        return _whys(said["Records"], said.get("FailedRecordCount", 0), messages)


def _whys(answers: list[dict[str, Any]], failed: int, messages: list[Message]) -> list[str]:
    """Why each record was not taken. Raises StorageError for an answer that contradicts itself."""
    whys = [answer.get("ErrorCode") or "" for answer in answers]
    if len(whys) != len(messages) or sum(map(bool, whys)) != failed:
        raise StorageError(f"{len(messages)} records put, {len(whys)} answered, {failed} failed")
    return whys


def open_stream(name: str, source: str, settings: Settings) -> Stream:
    """The stream of that name, of Firehose (`direct`) or of Kinesis (`kinesis`)."""
    import boto3  # noqa: PLC0415  heavy
    from botocore.config import Config  # noqa: PLC0415

    is_direct = source == "direct"
    client = boto3.client(
        "firehose" if is_direct else "kinesis",
        region_name=settings.region or None,
        endpoint_url=settings.endpoint or None,
        # Tries are counted here alone, so that all of them end before the function's time.
        config=Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1}),
    )
    return FirehoseStream(client, name) if is_direct else KinesisStream(client, name)


def send(stream: Stream, messages: list[Message], *, clock: Clock) -> int:
    """Put all messages; how many calls it took.

    Raises StorageError if the stream does not take them in the end, ConfigurationError if there
    is no such stream, CredentialsError if it may not be written to.
    """
    calls = 0
    for part in _parts(messages):
        left, attempt = part, 0
        while left:
            attempt, calls = attempt + 1, calls + 1
            whys = _put(stream, left)
            left = [message for message, why in zip(left, whys, strict=True) if why]
            codes = sorted({why for why in whys if why})
            if left and attempt == MAX_TRIES:
                text = f"{stream.name}: {len(left)} of {len(messages)} records were not taken"
                raise StorageError(f"{text}: {', '.join(codes)}", next_command="lake status")
            if left:
                warn("put_again", stream=stream.name, records=len(left), codes=codes)
                clock.sleep(_BACKOFF_SEC * 2**attempt * random.uniform(0.5, 1))  # noqa: S311  jitter
    return calls


def _parts(messages: list[Message]) -> Iterator[list[Message]]:
    """The messages in calls of a size that both services take. Raises UsageError for a giant."""
    part: list[Message] = []
    size = 0
    for message in messages:
        more = len(message.data) + len(message.key.encode())
        if more > _RECORD_BYTES:
            raise UsageError(f"event {message.event_id} has {more} bytes, over {_RECORD_BYTES}")
        if part and (len(part) == _CALL_RECORDS or size + more > _CALL_BYTES):
            yield part
            part, size = [], 0
        part.append(message)
        size += more
    if part:
        yield part


def _put(stream: Stream, messages: list[Message]) -> list[str]:
    """One call; a call that failed as a whole took none, as far as we know."""
    from botocore import exceptions as aws  # noqa: PLC0415

    try:
        return stream.put(messages)
    except aws.ClientError as error:
        code = error.response["Error"]["Code"]
        if code in (*_DENIED, *_MISSING):
            raise _refusal(stream, code, str(error)) from error
        return [code] * len(messages)
    except (aws.HTTPClientError, aws.ConnectionError) as error:
        return [type(error).__name__] * len(messages)


def _refusal(stream: Stream, code: str, text: str) -> LakeError:
    if code in _DENIED:
        return CredentialsError(f"{stream.name} may not be written to: {text}")
    return ConfigurationError(f"{stream.name}: {text}", next_command="lake deploy")
