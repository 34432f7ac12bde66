"""What a definition may use here: a list of what is not emulated, found before it runs.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
https://states-language.net/
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from console.emulator import steps_shapes

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the tests of this stand-in hold; moto's engine knows more, untested here.
_STATES = ("Task", "Choice", "Pass", "Wait", "Succeed", "Fail", "Parallel")
_RESOURCES = (
    "emr-serverless:startJobRun",
    "emr-serverless:startJobRun.sync",
    "sns:publish",
    "sqs:sendMessage",
    "lambda:invoke",
)
_FIELDS = ("Assign", "Arguments", "Output", "Credentials", "ItemProcessor", "Iterator")


def troubles(definition: str) -> list[str]:
    """Sentences about what would fail, here or on AWS; none for a sound definition."""
    try:
        told = json.loads(definition)
    except ValueError as error:
        return [f"the definition is no JSON: {error}"]
    if not isinstance(told, dict) or not isinstance(told.get("States"), dict):
        return ["the definition has no States"]
    return [*_unparsed(definition), *_machine(told)]


def _machine(told: dict[str, Any]) -> Iterator[str]:
    if told.get("QueryLanguage", "JSONPath") != "JSONPath":
        yield f"the query language {told['QueryLanguage']} is not implemented in the emulated place"
    states = told["States"]
    if told.get("StartAt") not in states:
        yield f"StartAt names {told.get('StartAt')!r}, which is no state"
    for name, state in states.items():
        yield from (f"{name}: {trouble}" for trouble in _state(state, states))
        for branch in state.get("Branches", ()):
            yield from _machine(branch)


def _state(state: dict[str, Any], states: dict[str, Any]) -> Iterator[str]:
    if state.get("Type") not in _STATES:
        yield f"a state of type {state.get('Type')!r} is not implemented in the emulated place"
    if state.get("QueryLanguage", "JSONPath") != "JSONPath":
        yield "a query language of its own is not implemented in the emulated place"
    for field in _FIELDS:
        if field in state:
            yield f"{field} is not implemented in the emulated place"
    catchers = (*state.get("Catch", ()), *state.get("Choices", ()))
    following = [state.get("Next"), state.get("Default"), *(c.get("Next") for c in catchers)]
    for name in following:
        if name is not None and name not in states:
            yield f"the next state {name!r} does not exist"
    if state.get("Type") == "Task":
        yield from _task(state)


def _task(state: dict[str, Any]) -> Iterator[str]:
    resource = str(state.get("Resource", ""))
    service = resource.rpartition(":states:::")[2]
    if resource.split(":")[2:3] == ["lambda"]:
        return
    if service not in _RESOURCES:
        yield f"the resource {resource} is not implemented in the emulated place"
        return
    if service.startswith(steps_shapes.SERVICE):
        model = steps_shapes.operation(service.partition(":")[2].removesuffix(".sync"))
        given = state.get("Parameters", {})
        for field in steps_shapes.unknown_fields(given, model.input_shape):
            yield f"The field {field!r} is not supported by Step Functions"
        present = {name.removesuffix(".$") for name in given}
        for field in ("ApplicationId", "ExecutionRoleArn", "JobDriver"):
            if field not in present:
                yield f"The field {field!r} is required but was missing"


def _unparsed(definition: str) -> list[str]:
    """What the engine's own parser says."""
    from moto.stepfunctions.parser.asl.parse.asl_parser import (  # noqa: PLC0415
        AmazonStateLanguageParser,
    )

    try:
        AmazonStateLanguageParser.parse(definition)
    except Exception as error:  # noqa: BLE001  it raises whatever it meets
        return [f"{type(error).__name__}: {error}"[:500]]
    return []
