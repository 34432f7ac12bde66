"""Conditions of bucket policies: moto takes a statement whose condition is not met for a denial.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
Loopback stands for TLS here, and every caller is of the one account.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from console.emulator.answers import NotEmulatedError
from console.emulator.server import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.answers import Answer
    from console.emulator.calls import Call
    from console.emulator.server import Server

# What is known of every request; a key that is not here is absent from it.
_CONTEXT = {
    "aws:securetransport": "true",
    "s3:tlsversion": "1.3",
    "aws:principalaccount": ACCOUNT,
    "aws:principalisawsservice": "false",
}
_IF_EXISTS = "IfExists"
# Each is true if any of the policy's values meets it; a negated one, if none of them does.
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "Bool": lambda asked, wanted: asked.lower() == wanted.lower(),
    "StringEquals": lambda asked, wanted: asked == wanted,
    "NumericEquals": lambda asked, wanted: float(asked) == float(wanted),
    "NumericLessThan": lambda asked, wanted: float(asked) < float(wanted),
    "NumericLessThanEquals": lambda asked, wanted: float(asked) <= float(wanted),
    "NumericGreaterThan": lambda asked, wanted: float(asked) > float(wanted),
    "NumericGreaterThanEquals": lambda asked, wanted: float(asked) >= float(wanted),
}
_NEGATED = {"StringNotEquals": "StringEquals", "NumericNotEquals": "NumericEquals"}


def install(server: Server) -> None:
    """Hold bucket policies to their conditions."""
    from moto.s3.models import FakeBucket  # noqa: PLC0415

    plain = FakeBucket.get_permission

    def get_permission(bucket: Any, action: str, resource: str) -> Any:
        policy = bucket.policy
        if policy is None:
            return plain(bucket, action, resource)
        return plain(_Bucket(applying(policy)), action, resource)

    server.replace(FakeBucket, "get_permission", get_permission)
    server.around("s3", "PutBucketPolicy", _put)


class _Bucket:
    """As much of a bucket as moto's judgement looks at."""

    def __init__(self, policy: bytes) -> None:
        self.policy = policy


def _put(call: Call, forward: Callable[[], Answer]) -> Answer:
    """Refuse a condition that could not be judged later."""
    applying(call.body())
    return forward()


def applying(policy: bytes) -> bytes:
    """The policy with only the statements whose conditions a request here meets, without them."""
    told = json.loads(policy)
    statements = told["Statement"] if isinstance(told["Statement"], list) else [told["Statement"]]
    kept = [
        {name: value for name, value in one.items() if name != "Condition"}
        for one in statements
        if all(
            _met(operator, key, wanted)
            for operator, keys in one.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    ]
    return json.dumps({**told, "Statement": kept}).encode()


def _met(operator: str, key: str, wanted: Any) -> bool:
    if key.lower().startswith(("aws:source", "aws:called", "s3:x-amz")):
        raise NotEmulatedError(f"the condition key {key} in a bucket policy")
    name = operator.removesuffix(_IF_EXISTS)
    positive = _NEGATED.get(name, name)
    if positive not in _OPERATORS:
        raise NotEmulatedError(f"the condition operator {operator} in a bucket policy")
    asked = _CONTEXT.get(key.lower())
    if asked is None:
        return operator.endswith(_IF_EXISTS) or name in _NEGATED
    values = [str(one) for one in (wanted if isinstance(wanted, list) else [wanted])]
    found = any(_OPERATORS[positive](asked, value) for value in values)
    return found != (name in _NEGATED)
