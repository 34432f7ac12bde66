"""Lambda's event source mappings of queues: batches, and answers that name the failed messages.

AWS: "Using Lambda with Amazon SQS" and "Handling errors for an SQS event source in Lambda". moto
invokes within SendMessage, with one message, and knows no partial answer.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from console.emulator import gather
from console.emulator.answers import NotEmulatedError
from console.emulator.clients import Clients, region_of, service_of
from console.emulator.targets import text_of
from console.emulator.workers import Crew, Worker
from lakehouse import log

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from console.emulator.answers import Answer
    from console.emulator.calls import Call
    from console.emulator.server import Server

_POLLER = "lambda.amazonaws.com"
_PAYLOAD_BYTES = 6_000_000 * 3 // 4
_PARTIAL = "ReportBatchItemFailures"
_KNOWN = {
    "BatchSize", "Enabled", "EventSourceArn", "FunctionName", "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds", "ScalingConfig", "Tags", "UUID",
}  # fmt: skip


def install(server: Server) -> None:
    """Let functions receive the messages of their queues."""
    from moto.awslambda.models import LambdaBackend  # noqa: PLC0415

    crew, create = Crew(), LambdaBackend.create_event_source_mapping
    supervisor = Worker("mappings", lambda: crew.match(_wanted(server)))
    server.at_stop(crew.close)
    server.at_stop(supervisor.close)

    def without_pushing(backend: Any, spec: dict[str, Any]) -> Any:
        mapping = create(backend, spec)
        _forget(mapping.event_source_arn)
        return mapping

    server.replace(LambdaBackend, "create_event_source_mapping", without_pushing)
    server.around("lambda", "CreateEventSourceMapping", _checked)
    server.around("lambda", "UpdateEventSourceMapping", _checked)


def _forget(queue_arn: str) -> None:
    """The queue itself invokes nobody: that is the poller's work."""
    from moto.sqs.models import sqs_backends  # noqa: PLC0415

    for regions in list(sqs_backends.values()):
        for backend in list(regions.values()):
            for queue in list(backend.queues.values()):
                if queue.queue_arn == queue_arn:
                    queue.lambda_event_source_mappings.clear()


def _checked(call: Call, forward: Callable[[], Answer]) -> Answer:
    asked = {key: value for key, value in call.params().items() if value is not None}
    unknown = sorted(set(asked) - _KNOWN)
    source = asked.get("EventSourceArn", "")
    if unknown or (source and service_of(source) != "sqs"):
        raise NotEmulatedError(f"an event source mapping of {source or 'a queue'} with {unknown}")
    size, window_sec = asked.get("BatchSize") or 10, asked.get("MaximumBatchingWindowInSeconds")
    gather.check(size, window_sec or 0)
    return forward()


def _wanted(server: Server) -> dict[Hashable, Callable[[], Callable[[], None]]]:
    """A step for each mapping that is on, by its name and settings."""
    from moto.awslambda.models import lambda_backends  # noqa: PLC0415
    from moto.awslambda_simple.models import lambda_simple_backends  # noqa: PLC0415

    return {
        (m.uuid, m.batch_size, m.max_batch_window, str(m.function_response_types)): partial(
            _step_of, server, m, _role_of(backend, m)
        )
        for backends in (lambda_backends, lambda_simple_backends)
        for regions in list(backends.values())
        for backend in list(regions.values())
        for m in list(backend._event_source_mappings.values())  # noqa: SLF001  moto has no list of all
        if m.enabled
    }


def _role_of(backend: Any, mapping: Any) -> str:
    return str(backend.get_function(mapping.function_arn).role)


def _step_of(server: Server, mapping: Any, role: str) -> Callable[[], None]:
    batch = (mapping.batch_size, mapping.max_batch_window or 0, _PAYLOAD_BYTES)
    deliver = partial(_invoke, Clients(server), mapping)
    return gather.Gatherer(server, mapping.event_source_arn, role, batch, deliver).step


def _invoke(clients: Clients, mapping: Any, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Invoke the function with the batch; the messages that are done with."""
    client = clients.of("lambda", region_of(mapping.function_arn), _POLLER)
    records = [gather.record(message, mapping.event_source_arn) for message in messages]
    try:
        answer = client.invoke(
            FunctionName=mapping.function_arn, Payload=text_of({"Records": records})
        )
    except Exception as error:  # noqa: BLE001  whatever it was, the messages stay in the queue
        log.warn("emulator.mapping_failed", function=mapping.function_arn, error=str(error))
        return []
    said = answer["Payload"].read().decode()
    if answer.get("FunctionError"):
        log.warn("emulator.mapping_failed", function=mapping.function_arn, error=said)
        return []
    if _PARTIAL not in (mapping.function_response_types or []):
        return messages
    failed = failures(said, {message["MessageId"] for message in messages})
    return [message for message in messages if message["MessageId"] not in failed]


def failures(answer: str, known: set[str]) -> set[str]:
    """The messages that failed, by a function's answer; all of them for a wrong answer.

    Right, and without a failure, are null, {}, and an empty or null list.
    """
    try:
        said = json.loads(answer or "null")
    except ValueError:
        return known
    items = said.get("batchItemFailures") if isinstance(said, dict) else said
    if items in (None, []):
        return set()
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return known
    named = {item.get("itemIdentifier") for item in items}
    return known if named - known else named
