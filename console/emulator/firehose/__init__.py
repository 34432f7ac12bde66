"""Firehose with an Iceberg destination: buffers, transform, commits, failed records.

AWS: "Deliver data to Apache Iceberg Tables with Amazon Data Firehose", "PutRecordBatch". moto keeps
such a stream, answers, and delivers nothing.
"""

from __future__ import annotations

import base64
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from console.emulator.answers import AwsError, NotEmulatedError
from console.emulator.firehose import settings
from console.emulator.firehose.stream import Stream
from console.emulator.server import ACCOUNT
from console.emulator.workers import Crew

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.answers import Answer
    from console.emulator.calls import Call
    from console.emulator.server import Server

_MOST_RECORDS = 500
_RECORD_BYTES, _BATCH_BYTES = 1000 * 1024, 4 * 1024 * 1024
_DESTINATION = "IcebergDestinationConfiguration"


class Firehose:
    """All streams with an Iceberg destination."""

    def __init__(self, server: Server) -> None:
        self._server, self._crew, self._lock = server, Crew(), threading.Lock()
        self._streams: dict[tuple[str, str], Stream] = {}
        server.at_stop(self._crew.close)

    def create(self, call: Call, forward: Callable[[], Answer]) -> Answer:
        """Around CreateDeliveryStream."""
        asked = call.params()
        if _DESTINATION not in asked:
            raise NotEmulatedError("a delivery stream without an Iceberg destination")
        settings.read(asked[_DESTINATION])
        answer = forward()
        if answer.status < 300:  # noqa: PLR2004
            name = asked["DeliveryStreamName"]
            self._streams[call.region, name] = Stream(self._server, _model(call.region, name))
            self._man()
        return answer

    def update(self, call: Call, forward: Callable[[], Answer]) -> Answer:
        """Around UpdateDestination: refuse wrong settings; the stream reads them at each step."""
        asked = call.params()
        update = asked.get("IcebergDestinationUpdate")
        if update is None:
            raise NotEmulatedError("another destination than Iceberg")
        known = _model(call.region, asked["DeliveryStreamName"]).destinations[0]["Iceberg"]
        settings.read({**known, **update})
        return forward()

    def delete(self, call: Call, forward: Callable[[], Answer]) -> Answer:
        """Around DeleteDeliveryStream: what is in its buffers goes with it."""
        name = call.params()["DeliveryStreamName"]
        answer = forward()
        self._streams.pop((call.region, name), None)
        self._man()
        return answer

    def _man(self) -> None:
        with self._lock:
            self._crew.match({s.arn: partial(_step_of, s) for s in self._streams.values()})

    def put(self, call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
        """In the place of PutRecord."""
        asked = call.params()
        [record_id] = self._stream(call).put([_data(asked["Record"])])
        return {"RecordId": record_id, "Encrypted": False}

    def put_batch(self, call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
        """In the place of PutRecordBatch."""
        records = call.params()["Records"]
        stream = self._stream(call)
        if not 1 <= len(records) <= _MOST_RECORDS:
            raise AwsError("ValidationException", f"records must be 1 to {_MOST_RECORDS}")
        data = [_data(record) for record in records]
        if sum(map(len, data)) > _BATCH_BYTES:
            raise AwsError("InvalidArgumentException", "Records size exceeds 4 MB limit")
        responses = [{"RecordId": record_id} for record_id in stream.put(data)]
        return {"FailedPutCount": 0, "Encrypted": False, "RequestResponses": responses}

    def _stream(self, call: Call) -> Stream:
        name = call.params()["DeliveryStreamName"]
        stream = self._streams.get((call.region, name))
        if stream is None:
            message = f"Firehose {name} under account {ACCOUNT} not found."
            raise AwsError("ResourceNotFoundException", message)
        if not stream.is_direct:
            raise AwsError(
                "InvalidArgumentException",
                "This operation is not permitted on KinesisStreamAsSource delivery stream type.",
            )
        return stream

    def page(self, _method: str, _query: dict[str, str], _body: Any) -> Any:
        """`/_lake/firehose`: what each stream holds and has counted."""
        return {
            stream.name: {
                "untransformed": stream.untransformed,
                "waiting": stream.waiting,
                "counters": dict(stream.counters.sums),
            }
            for stream in self._streams.values()
        }


def _step_of(stream: Stream) -> Callable[[], None]:
    return stream.step


def _data(record: dict[str, Any]) -> bytes:
    data = base64.b64decode(record["Data"])
    if len(data) > _RECORD_BYTES:
        raise AwsError("ValidationException", f"a record has at most {_RECORD_BYTES} bytes")
    return data


def _model(region: str, name: str) -> Any:
    """What moto knows of a stream."""
    from moto.firehose.models import firehose_backends  # noqa: PLC0415

    found = firehose_backends[ACCOUNT][region].delivery_streams.get(name)
    if found is None:
        message = f"Firehose {name} under account {ACCOUNT} not found."
        raise AwsError("ResourceNotFoundException", message)
    return found


def install(server: Server) -> None:
    """Let streams deliver."""
    firehose = Firehose(server)
    server.around("firehose", "CreateDeliveryStream", firehose.create)
    server.around("firehose", "UpdateDestination", firehose.update)
    server.around("firehose", "DeleteDeliveryStream", firehose.delete)
    server.around("firehose", "PutRecord", firehose.put)
    server.around("firehose", "PutRecordBatch", firehose.put_batch)
    server.page("firehose", firehose.page)
