"""EventBridge Pipes from a queue to a state machine: one execution for a batch of messages.

AWS: "Amazon Simple Queue Service queue as a source" and "Amazon EventBridge Pipes input
transformation" (EventBridge User Guide). moto keeps pipes and moves nothing through them.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from console.emulator import gather, templates
from console.emulator.answers import AwsError, NotEmulatedError
from console.emulator.clients import Clients, region_of, service_of
from console.emulator.clock import iso
from console.emulator.targets import text_of
from console.emulator.workers import Crew, Worker
from lakehouse import log

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from console.emulator.answers import Answer
    from console.emulator.calls import Call
    from console.emulator.server import Server

_DEFAULT_SIZE = 10
# The quota of Step Functions for an execution's input, less what the records' frame takes.
_INPUT_BYTES = 262_144 * 3 // 4
_SOURCE, _TARGET = {"SqsQueueParameters"}, {"InputTemplate", "StepFunctionStateMachineParameters"}


def install(server: Server) -> None:
    """Let pipes flow."""
    crew = Crew()
    supervisor = Worker("pipes", lambda: crew.match(_wanted(server)))
    server.at_stop(crew.close)
    server.at_stop(supervisor.close)
    server.around("pipes", "CreatePipe", _checked)
    server.around("pipes", "UpdatePipe", _checked)


def _checked(call: Call, forward: Callable[[], Answer]) -> Answer:
    """Refuse what would not flow as asked."""
    asked = call.params()
    source, target = asked.get("SourceParameters", {}), asked.get("TargetParameters", {})
    given = {name for part in (source, target) for name, value in part.items() if value}
    unknown = [*(given - _SOURCE - _TARGET)]  # an empty FilterCriteria takes a filter away
    unknown += [name for name in ("Enrichment",) if asked.get(name)]
    kinds = [service_of(asked[name]) for name in ("Source", "Target") if name in asked]
    if unknown or kinds not in (["sqs", "states"], ["states"], []):
        raise NotEmulatedError(f"a pipe of {kinds} with {sorted(unknown)}")
    machine = target.get("StepFunctionStateMachineParameters", {})
    if machine.get("InvocationType", "FIRE_AND_FORGET") != "FIRE_AND_FORGET":
        raise NotEmulatedError("a pipe that waits for its execution")
    size, window_sec, _ = _batch(source)
    gather.check(size, window_sec)
    if "InputTemplate" in target:
        _check_template(target["InputTemplate"])
    return forward()


def _check_template(template: str) -> None:
    reserved = set(_reserved(None, {}, ""))
    try:
        for name in templates.variables(template) - reserved:
            templates.steps(name)
        templates.fill(template, lambda _: "x")
    except templates.TemplateError as error:
        raise AwsError("ValidationException", str(error)) from error


def _batch(source: dict[str, Any] | None) -> tuple[int, int, int]:
    queue = (source or {}).get("SqsQueueParameters", {})
    size = int(queue.get("BatchSize") or _DEFAULT_SIZE)
    return size, int(queue.get("MaximumBatchingWindowInSeconds") or 0), _INPUT_BYTES


def _wanted(server: Server) -> dict[Hashable, Callable[[], Callable[[], None]]]:
    """A step for each pipe that runs, by the pipe's name and version."""
    from moto.pipes.models import pipes_backends  # noqa: PLC0415

    return {
        (pipe.arn, pipe.last_modified_time): partial(_step_of, server, pipe)
        for regions in list(pipes_backends.values())
        for backend in list(regions.values())
        for pipe in list(backend.pipes.values())
        if pipe.desired_state == "RUNNING"
    }


def _step_of(server: Server, pipe: Any) -> Callable[[], None]:
    deliver = partial(_start, server, Clients(server), pipe)
    batch = _batch(pipe.source_parameters)
    return gather.Gatherer(server, pipe.source, pipe.role_arn, batch, deliver).step


def _start(
    server: Server, clients: Clients, pipe: Any, messages: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Start one execution; the messages are done with only if it did start."""
    now = iso(server.clock.now())
    client = clients.of("stepfunctions", region_of(pipe.target), pipe.role_arn)
    try:
        found = [_input(pipe, gather.record(message, pipe.source), now) for message in messages]
        client.start_execution(stateMachineArn=pipe.target, input=text_of(found))
    except Exception as error:  # noqa: BLE001  whatever it was, the messages stay in the queue
        log.warn("emulator.pipe_failed", pipe=pipe.name, error=str(error))
        return []
    return messages


def _input(pipe: Any, record: dict[str, Any], now: str) -> Any:
    """One message as the pipe's template makes it, or as it is."""
    template = (pipe.target_parameters or {}).get("InputTemplate")
    if not template:
        return record
    parsed = {**record, "body": _parsed(record["body"])}
    known = _reserved(pipe, record, now)
    return json.loads(
        templates.fill(
            template,
            lambda name: known[name] if name in known else templates.find(name, parsed),
        )
    )


def _parsed(body: str) -> Any:
    """A template sees into a body that is JSON."""
    try:
        return json.loads(body)
    except ValueError:
        return body


def _reserved(pipe: Any, record: dict[str, Any], now: str) -> dict[str, Any]:
    return {
        "aws.pipes.pipe-arn": getattr(pipe, "arn", ""),
        "aws.pipes.pipe-name": getattr(pipe, "name", ""),
        "aws.pipes.source-arn": getattr(pipe, "source", ""),
        "aws.pipes.target-arn": getattr(pipe, "target", ""),
        "aws.pipes.event.ingestion-time": now,
        "aws.pipes.event.json": record,
    }
