"""A rule's target: what it may hold, and the payload it is sent.

AWS: "Event bus targets in Amazon EventBridge", "Amazon EventBridge input transformation".
"""

from __future__ import annotations

import json
from typing import Any

from console.emulator.answers import AwsError, NotEmulatedError
from console.emulator.clients import service_of
from console.emulator.targets import SERVICES, Delivery, text_of
from console.emulator.templates import MISSING, TemplateError, fill, find, steps, variables

_KNOWN = {
    "Id", "Arn", "RoleArn", "Input", "InputPath", "InputTransformer", "DeadLetterConfig",
    "RetryPolicy", "SqsParameters",
}  # fmt: skip
_INPUTS = ("Input", "InputPath", "InputTransformer")
_BUS = "events.amazonaws.com"


def check(target: dict[str, Any]) -> None:
    """Raise AwsError for a target that AWS refuses, NotEmulatedError for one not served here."""
    name, arn = target["Id"], target["Arn"]
    unknown = sorted(set(target) - _KNOWN)
    if unknown or service_of(arn) not in SERVICES:
        raise NotEmulatedError(f"a rule's target {arn} with {unknown or 'its service'}")
    if service_of(arn) == "states" and not target.get("RoleArn"):
        raise _invalid(f"RoleArn is required for target {arn}.")
    if sum(kind in target for kind in _INPUTS) > 1:
        raise _invalid(f"Only one of {', '.join(_INPUTS)} must be provided for target {name}.")
    try:
        _check_input(target)
    except ValueError as error:
        raise _invalid(f"target {name}: {error}") from error


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def _check_input(target: dict[str, Any]) -> None:
    if "Input" in target:
        json.loads(target["Input"])
    if "InputPath" in target:
        steps(target["InputPath"])
    if "InputTransformer" in target:
        _check_transformer(target["InputTransformer"])


def _check_transformer(transformer: dict[str, Any]) -> None:
    template, paths = transformer["InputTemplate"], transformer.get("InputPathsMap", {})
    for path in paths.values():
        steps(path)
    unknown = variables(template) - set(paths) - set(_reserved({}, "", "", ""))
    if unknown:
        raise TemplateError(f"the template uses {sorted(unknown)}, which no path defines")
    fill(template, lambda _: "x")


def _reserved(event: dict[str, Any], name: str, arn: str, received: str) -> dict[str, Any]:
    return {
        "aws.events.rule-arn": arn,
        "aws.events.rule-name": name,
        "aws.events.event.ingestion-time": received,
        "aws.events.event": {key: value for key, value in event.items() if key != "detail"},
        "aws.events.event.json": event,
    }


def payload(target: dict[str, Any], event: dict[str, Any], rule: Any, received: str) -> str:
    """What the target gets. Raises TemplateError if the transformer gives no JSON."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        found = find(target["InputPath"], event)
        return text_of(None if found is MISSING else found)
    if "InputTransformer" not in target:
        return text_of(event)
    transformer = target["InputTransformer"]
    known = _reserved(event, rule.name, rule.arn, received)
    paths = transformer.get("InputPathsMap", {})
    return fill(
        transformer["InputTemplate"],
        lambda name: known[name] if name in known else find(paths[name], event),
    )


def delivery(target: dict[str, Any], event: dict[str, Any], rule: Any, received: str) -> Delivery:
    """The event on its way to the target. Raises TemplateError as `payload` does."""
    policy = target.get("RetryPolicy", {})
    return Delivery(
        arn=target["Arn"],
        payload=payload(target, event, rule, received),
        caller=target.get("RoleArn") or _BUS,
        dead_body=text_of(event),
        max_retries=policy.get("MaximumRetryAttempts", 185),
        max_age_sec=policy.get("MaximumEventAgeInSeconds", 86_400),
        dead_letter=target.get("DeadLetterConfig", {}).get("Arn", ""),
        group=target.get("SqsParameters", {}).get("MessageGroupId", ""),
        facts={"RULE_ARN": rule.arn},
    )
