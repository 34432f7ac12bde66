"""A judge of rights: whether a role, as it is deployed, is allowed what was asked in its name.

An evaluator of the part of IAM's policy language that this project uses, from "Policy evaluation
logic", "IAM JSON policy elements: Condition operators" and "Amazon Resource Names (ARNs)" in the
IAM User Guide. What it does not know it refuses, so that no policy passes unread.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_ELEMENTS = {"Sid", "Effect", "Action", "Resource", "Condition"}
_ARN_PARTS = 6


class UnreadableError(ValueError):
    """A policy that uses what this judge does not know."""


@dataclass(frozen=True)
class Ask:
    """One right that a call needs: an action on a resource, and what is known of the request."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        known = f" with {dict(self.context)}" if self.context else ""
        return f"{self.action} on {self.resource}{known}"


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, read and checked."""

    sid: str
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]

    @property
    def label(self) -> str:
        """Its name; a nameless one is told by what its conditions ask for."""
        return self.sid or " ".join(v for *_, values in self.conditions for v in values)

    def fits(self, ask: Ask) -> bool:
        """Whether it speaks of this."""
        return (
            any(is_like(ask.action.lower(), action.lower()) for action in self.actions)
            and any(is_arn_like(ask.resource, resource) for resource in self.resources)
            and all(
                any(_OPERATORS[operator](ask.context.get(key), value) for value in values)
                for operator, key, values in self.conditions
            )
        )


@dataclass(frozen=True)
class Role:
    """A deployed role: who takes it on, its own policies, and the most it may be allowed."""

    name: str
    services: tuple[str, ...]
    policy: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None

    def refusal(self, ask: Ask) -> str:
        """Why it is refused; empty where it is allowed."""
        limits = {"policy": self.policy}
        if self.boundary is not None:
            limits["boundary"] = self.boundary
        for name, statements in limits.items():
            fitting = [one for one in statements if one.fits(ask)]
            if any(not one.allows for one in fitting):
                return f"{self.name}: its {name} denies {ask}"
            if not fitting:
                return f"{self.name}: its {name} does not allow {ask}"
        return ""

    def unused(self, asked: Sequence[Ask]) -> list[str]:
        """Rights that nothing asked for, as `statement: action`."""
        return [
            f"{one.label}: {action}"
            for one in self.policy
            if one.allows
            for action in one.actions
            if not any(is_like(a.action.lower(), action.lower()) and one.fits(a) for a in asked)
        ]


def statements(document: str | Mapping[str, Any]) -> tuple[Statement, ...]:
    """The statements of a policy document. Raises UnreadableError for what is not known here."""
    policy = json.loads(document) if isinstance(document, str) else document
    if policy.get("Version") != "2012-10-17":
        raise UnreadableError(f"a policy of version {policy.get('Version')}")
    told = policy["Statement"]
    return tuple(_statement(one) for one in (told if isinstance(told, list) else [told]))


def _statement(told: Mapping[str, Any]) -> Statement:
    unknown = set(told) - _ELEMENTS
    if unknown:
        raise UnreadableError(f"a statement with {sorted(unknown)}")
    if told["Effect"] not in ("Allow", "Deny"):
        raise UnreadableError(f"the effect {told['Effect']}")
    if "${" in json.dumps(told):
        raise UnreadableError(f"policy variables in {told.get('Sid')}")
    return Statement(
        told.get("Sid", ""),
        told["Effect"] == "Allow",
        _several(told["Action"]),
        _several(told["Resource"]),
        tuple(_conditions(told.get("Condition", {}))),
    )


def _conditions(told: Mapping[str, Any]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for operator, keys in told.items():
        if operator not in _OPERATORS:
            raise UnreadableError(f"the condition operator {operator}")
        for key, values in keys.items():
            yield operator, key, _several(values)


def _several(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    signs = {"*": ".*", "?": "."}
    return re.compile("".join(signs.get(sign, re.escape(sign)) for sign in text), re.DOTALL)


def is_like(value: str, pattern: str) -> bool:
    """Whether a text fits a pattern of `*` and `?`."""
    return _pattern(pattern).fullmatch(value) is not None


def is_arn_like(value: str, pattern: str) -> bool:
    """Whether an ARN fits, part by part: a wildcard does not reach over the first five colons."""
    if pattern == "*":
        return True
    parts, wanted = (text.split(":", _ARN_PARTS - 1) for text in (value, pattern))
    return len(parts) == len(wanted) and all(map(is_like, parts, wanted))


# A condition on what the request does not tell is not met.
_OPERATORS: dict[str, Callable[[str | None, str], bool]] = {
    "StringEquals": lambda known, value: known == value,
    "StringLike": lambda known, value: known is not None and is_like(known, value),
    "ArnEquals": lambda known, value: known is not None and is_arn_like(known, value),
    "ArnLike": lambda known, value: known is not None and is_arn_like(known, value),
    "Bool": lambda known, value: known is not None and known.lower() == value.lower(),
}


def roles(iam: Any, prefix: str) -> dict[str, Role]:
    """The deployed roles of this prefix, by ARN, as IAM tells them."""
    pages = iam.get_paginator("list_roles").paginate()
    names = [role["RoleName"] for page in pages for role in page["Roles"]]
    found = (iam.get_role(RoleName=name)["Role"] for name in names if name.startswith(prefix))
    return {role["Arn"]: _role(iam, role) for role in found}


def _role(iam: Any, told: Mapping[str, Any]) -> Role:
    name = told["RoleName"]
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    documents = [
        iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in inline
    ] + [_managed(iam, policy["PolicyArn"]) for policy in attached]
    bounded = told.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    trusted = told["AssumeRolePolicyDocument"]["Statement"]
    return Role(
        name,
        tuple(s for one in trusted for s in _several(one["Principal"].get("Service", ()))),
        tuple(one for document in documents for one in statements(document)),
        statements(_managed(iam, bounded)) if bounded else None,
    )


def _managed(iam: Any, arn: str) -> Any:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
