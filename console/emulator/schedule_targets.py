"""What a schedule delivers to its target, and what it may ask for.

AWS: "Templated target types" and "Adding context attributes in EventBridge Scheduler".
"""

from __future__ import annotations

import re
import secrets
import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from console.emulator import expressions, rule_targets
from console.emulator.answers import AwsError, NotEmulatedError
from console.emulator.clients import account_of, region_of, service_of
from console.emulator.clock import iso
from console.emulator.targets import SERVICES, Delivery, text_of

if TYPE_CHECKING:
    from console.emulator.calls import Call
    from console.emulator.schedules import Entry

_KNOWN = {"Arn", "RoleArn", "Input", "RetryPolicy", "DeadLetterConfig", "SqsParameters"}
_ATTRIBUTE = re.compile(r"<aws\.scheduler\.([a-z-]+)>")
_SERVED = ("schedule-arn", "scheduled-time", "execution-id")


def check(call: Call) -> None:
    """Raise AwsError for what AWS refuses, NotEmulatedError for what is not served here."""
    asked = call.params()
    expression = asked.get("ScheduleExpression")
    if expression:
        try:
            zone = asked.get("ScheduleExpressionTimezone") or "UTC"
            found = expressions.parse(expression, zone, datetime.now(timezone.utc))
        except expressions.ExpressionError as error:
            raise AwsError(
                "ValidationException", f"Invalid Schedule Expression: {error}"
            ) from error
        if call.service == "events":
            _check_rule(expression, found)
    if "Target" in asked:
        _check_target(asked["Target"])


def _check_rule(expression: str, found: expressions.Schedule) -> None:
    """A rule knows no single times, and is strict about plurals."""
    is_singular = bool(re.fullmatch(r"rate\(\d+ [a-z]+[^s]\)", expression))
    is_wrong = isinstance(found, expressions.Rate) and is_singular != expression.startswith(
        "rate(1 "
    )
    if is_wrong or isinstance(found, expressions.Once):
        raise AwsError("ValidationException", "Parameter ScheduleExpression is not valid.")


def _check_target(target: dict[str, Any]) -> None:
    unknown = sorted(set(target) - _KNOWN)
    if unknown or service_of(target["Arn"]) not in SERVICES:
        raise NotEmulatedError(
            f"a schedule's target {target['Arn']} with {unknown or 'its service'}"
        )
    asked = set(_ATTRIBUTE.findall(target.get("Input") or "")) - set(_SERVED)
    if asked:
        raise NotEmulatedError(f"the context attributes {sorted(asked)} of a schedule")


def deliveries(entry: Entry, moment: datetime) -> list[Delivery]:
    """What is to be delivered when the schedule is due."""
    if not entry.is_rule:
        return [_delivery(entry, moment)]
    event = _event(entry, moment, "aws.events", {})
    return [
        rule_targets.delivery(target, event, entry.of, iso(moment)) for target in entry.of.targets
    ]


def _delivery(entry: Entry, moment: datetime) -> Delivery:
    target = entry.of.target
    policy = target.get("RetryPolicy", {})
    payload = target.get("Input") or text_of(_event(entry, moment, "aws.scheduler", "{}"))
    known = {
        "schedule-arn": entry.arn,
        "scheduled-time": iso(moment),
        "execution-id": secrets.token_hex(8),
    }
    filled = _ATTRIBUTE.sub(lambda found: known[found.group(1)], payload)
    return Delivery(
        arn=target["Arn"],
        payload=filled,
        caller=target["RoleArn"],
        dead_body=filled,
        max_retries=policy.get("MaximumRetryAttempts", 185),
        max_age_sec=policy.get("MaximumEventAgeInSeconds", 86_400),
        dead_letter=(target.get("DeadLetterConfig") or {}).get("Arn", ""),
        group=(target.get("SqsParameters") or {}).get("MessageGroupId", ""),
        facts={"SCHEDULE_ARN": entry.arn, "SCHEDULED_TIME": iso(moment)},
    )


def _event(entry: Entry, moment: datetime, source: str, detail: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": source,
        "account": account_of(entry.arn),
        "time": iso(moment),
        "region": region_of(entry.arn),
        "resources": [entry.arn],
        "detail": detail,
    }


def delete_if_asked(entry: Entry) -> None:
    """A schedule that is over goes, if it was made so."""
    from moto.scheduler.models import scheduler_backends  # noqa: PLC0415

    if entry.of.action_after_completion == "DELETE":
        backend = scheduler_backends[account_of(entry.arn)][region_of(entry.arn)]
        backend.delete_schedule(entry.of.group_name, entry.of.name)
