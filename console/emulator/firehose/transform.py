"""The transform function: invoked with a batch, and held to its part of the contract.

AWS: "Required parameters for data transformation", "Handle failure in data transformation" and
"Supported Lambda blueprints" (Firehose); the errors' names are those of "Data transformation
error" in "Monitor Amazon Data Firehose Using CloudWatch Logs".
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from typing import TYPE_CHECKING, Any

from console.emulator.clients import region_of
from console.emulator.clock import epoch_ms
from console.emulator.firehose.records import Failure, Record
from console.emulator.targets import error_of

if TYPE_CHECKING:
    from console.emulator.clients import Clients
    from console.emulator.clock import EmulatedClock
    from console.emulator.firehose.settings import Transform

_RESULTS = ("Ok", "Dropped", "ProcessingFailed")


class BatchError(ValueError):
    """An invocation or an answer that fails its whole batch."""

    def __init__(self, code: str, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.may_pass = code, message, may_pass


class Transformer:
    """Invokes the function of one stream."""

    def __init__(self, clients: Clients, clock: EmulatedClock, stream: str, source: str) -> None:
        self._clients, self._clock, self._stream, self._source = clients, clock, stream, source

    def run(
        self, transform: Transform, records: list[Record]
    ) -> tuple[list[Record], list[Failure]]:
        """The records to deliver, and those that failed; dropped ones are in neither."""
        attempts = 0
        while True:
            attempts += 1
            try:
                answers = checked(self._invoke(transform, records), records)
            except BatchError as error:
                if error.may_pass and attempts <= transform.retries:
                    continue
                return [], [self._failure(r, error, attempts, transform) for r in records]
            return self._sort(records, answers, attempts, transform)

    def _sort(
        self, records: list[Record], answers: dict[str, Any], attempts: int, transform: Transform
    ) -> tuple[list[Record], list[Failure]]:
        good, bad = [], []
        reason = BatchError(
            "Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record"
        )
        for record in records:
            answer = answers[record.record_id]
            if answer["result"] == "Ok":
                route = (answer.get("metadata") or {}).get("otfMetadata") or {}
                good.append(record.transformed(base64.b64decode(answer["data"]), route))
            elif answer["result"] == "ProcessingFailed":
                bad.append(self._failure(record, reason, attempts, transform))
        return good, bad

    def _failure(
        self, record: Record, error: BatchError, attempts: int, transform: Transform
    ) -> Failure:
        facts = {"lambdaArn": transform.function}
        return Failure(record, error.code, error.message, attempts, self._clock.now(), facts)

    def _invoke(self, transform: Transform, records: list[Record]) -> Any:
        client = self._clients.of("lambda", region_of(transform.function), transform.role)
        try:
            answer = client.invoke(
                FunctionName=transform.function, Payload=json.dumps(self._event(records))
            )
        except Exception as error:
            code, message = error_of(error)
            raise BatchError(f"Lambda.{code}", message, may_pass=True) from error
        said = answer["Payload"].read()
        if answer.get("FunctionError"):
            message = f"The Lambda function returned an error result: {said.decode()[:500]}"
            raise BatchError("Lambda.FunctionError", message, may_pass=True)
        try:
            return json.loads(said)
        except ValueError as error:
            raise _wrong("the answer is no JSON") from error

    def _event(self, records: list[Record]) -> dict[str, Any]:
        kinesis = {"sourceKinesisStreamArn": self._source} if self._source else {}
        return {
            "invocationId": str(uuid.uuid4()),
            "deliveryStreamArn": self._stream,
            "region": region_of(self._stream),
            **kinesis,
            "records": [_told(record) for record in records],
        }


def _told(record: Record) -> dict[str, Any]:
    source = {"kinesisRecordMetadata": record.source} if record.source else {}
    return {
        "recordId": record.record_id,
        "approximateArrivalTimestamp": epoch_ms(record.arrival),
        "data": base64.b64encode(record.data).decode(),
        **source,
    }


def _wrong(why: str) -> BatchError:
    message = f"There was an error parsing returned records from the Lambda function: {why}"
    return BatchError("Lambda.JsonProcessingException", message)


def checked(answer: Any, records: list[Record]) -> dict[str, dict[str, Any]]:
    """The answers by record id: each id exactly once, each in the documented shape.

    Raises BatchError otherwise.
    """
    found = answer.get("records") if isinstance(answer, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _wrong("there is no list of records")
    by_id = {one.get("recordId"): one for one in found}
    if len(by_id) < len(found):
        raise BatchError(
            "Lambda.DuplicatedRecordId", "Multiple records were returned with the same record ID."
        )
    wanted = {record.record_id for record in records}
    if wanted - set(by_id):
        raise BatchError("Lambda.MissingRecordId", "One or more record IDs were not returned.")
    if set(by_id) - wanted:
        raise _wrong("there are records that were not sent")
    for one in found:
        _check(one)
    return by_id


def _check(answer: dict[str, Any]) -> None:
    if answer.get("result") not in _RESULTS:
        raise _wrong(f"{answer.get('result')!r} is no result")
    if answer["result"] != "Ok":
        return
    try:
        base64.b64decode(answer["data"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise _wrong("data is not base64") from error
