"""Messages of one queue, gathered by number and time, as Pipes and Lambda poll for them.

AWS: "Batching and concurrency" (EventBridge Pipes), "Using Lambda with Amazon SQS".
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from console.emulator.answers import AwsError
from console.emulator.clients import Clients, account_of, last_part, region_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from console.emulator.server import Server

_RECEIVE = 10  # the most that SQS gives at once
_MOST = 10_000
_LONGEST_SEC = 300


def check(size: int, window_sec: int) -> None:
    """Raise AwsError for a batch that cannot be asked for."""
    if not 1 <= size <= _MOST or not 0 <= window_sec <= _LONGEST_SEC:
        raise AwsError("ValidationException", f"batch size {size}, window {window_sec} s")
    if size > _RECEIVE and window_sec == 0:
        raise AwsError(
            "ValidationException",
            f"Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            f"greater than {_RECEIVE}",
        )


class Gatherer:
    """One poller. `deliver` takes a batch and returns the messages that are done with.

    What it does not return stays in the queue: visible again after the queue's time-out, and in
    the dead-letter queue after the receives that the redrive policy allows. So a message is
    delivered at least once.
    """

    def __init__(
        self,
        server: Server,
        queue: str,
        role: str,
        batch: tuple[int, int, int],
        deliver: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
    ) -> None:
        self._clock, self._queue, self._deliver = server.clock, queue, deliver
        self._size, window_sec, self._bytes = batch
        self._window = timedelta(seconds=window_sec)
        clients = Clients(server)
        self._client, self._url = (
            clients.of("sqs", region_of(queue), role),
            clients.queue_url(queue),
        )
        self._held: list[dict[str, Any]] = []
        self._since: datetime | None = None

    def step(self) -> None:
        """Take what is there, and deliver if there is enough of it or the window is over."""
        if len(self._held) < self._size and self._is_something_there():
            self._receive()
        if self._is_due():
            batch = self._take()
            self._delete(self._deliver(batch))

    def _is_something_there(self) -> bool:
        """A look that costs no request, and leaves no trace in the request log."""
        from moto.sqs.models import sqs_backends  # noqa: PLC0415

        backend = sqs_backends[account_of(self._queue)][region_of(self._queue)]
        queue = backend.queues.get(last_part(self._queue))
        return queue is not None and queue.approximate_number_of_messages > 0

    def _receive(self) -> None:
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(_RECEIVE, self._size - len(self._held)),
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        self._held += answer.get("Messages", [])
        if self._held and self._since is None:
            self._since = self._clock.now()

    def _is_due(self) -> bool:
        if not self._held or self._since is None:
            return False
        return (
            len(self._held) >= self._size
            or sum(map(_weight, self._held)) >= self._bytes
            or self._clock.now() - self._since >= self._window
        )

    def _take(self) -> list[dict[str, Any]]:
        """As many of the oldest as one delivery can carry."""
        weight, count = 0, 0
        for message in self._held:
            weight += _weight(message)
            if count and weight > self._bytes:
                break
            count += 1
        batch, self._held = self._held[:count], self._held[count:]
        self._since = self._clock.now() if self._held else None
        return batch

    def _delete(self, done: list[dict[str, Any]]) -> None:
        for start in range(0, len(done), _RECEIVE):
            entries = [
                {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                for n, message in enumerate(done[start : start + _RECEIVE])
            ]
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)


def _weight(message: dict[str, Any]) -> int:
    return len(message["Body"].encode())


def record(message: dict[str, Any], queue: str) -> dict[str, Any]:
    """The message as a pipe or a function sees it."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: {
                "stringValue": value.get("StringValue"),
                "dataType": value["DataType"],
                "stringListValues": [],
                "binaryListValues": [],
            }
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue,
        "awsRegion": region_of(queue),
    }
