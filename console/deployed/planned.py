"""Terraform's plan or state, as `terraform show -json` tells it.

https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_WAITING = ".sync"


@dataclass(frozen=True)
class Resource:
    """A resource; what is not known before the apply is not among its values."""

    address: str
    kind: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A state that starts a job run: how, and with which request."""

    name: str
    resource: str
    request: dict[str, Any]

    @property
    def waits(self) -> bool:
        """Whether the state ends with the job run, not with its start."""
        return self.resource.endswith(_WAITING)

    @property
    def submit(self) -> dict[str, Any]:
        """The spark-submit part."""
        return dict(self.request.get("JobDriver", {}).get("SparkSubmit", {}))

    @property
    def arguments(self) -> list[str]:
        """The entry point's arguments; none where the input gives them."""
        return [str(argument) for argument in self.submit.get("EntryPointArguments", [])]

    @property
    def parameters(self) -> list[str]:
        """The words of the spark-submit parameters."""
        return str(self.submit.get("SparkSubmitParameters", "")).split()

    @property
    def conf(self) -> dict[str, str]:
        """Spark's settings among them."""
        words = self.parameters
        pairs = [words[n + 1].partition("=") for n, w in enumerate(words[:-1]) if w == "--conf"]
        return {name: value for name, _, value in pairs}


class Planned:
    """All resources, and what a plan does to them."""

    def __init__(self, told: dict[str, Any]) -> None:
        values = told.get("planned_values") or told.get("values") or {}
        self.resources = list(_resources(values.get("root_module", {})))
        self.variables = {n: v.get("value") for n, v in told.get("variables", {}).items()}
        self._changes = told.get("resource_changes", [])

    def of(self, kind: str) -> list[Resource]:
        """The resources of a kind."""
        return [one for one in self.resources if one.kind == kind]

    def updated(self, kind: str) -> list[tuple[str, list[str]]]:
        """Resources of a kind that are changed in place, with the arguments that change."""
        return [
            (one["address"], sorted(_different(one["change"])))
            for one in self._changes
            if one["type"] == kind and one["change"]["actions"] == ["update"]
        ]

    def tasks(self) -> list[Task]:
        """The states of all state machines that start job runs."""
        found = []
        for machine in self.of("aws_sfn_state_machine"):
            states = json.loads(machine.values.get("definition") or "{}").get("States", {})
            found += [
                Task(name, state["Resource"], state.get("Parameters", {}))
                for name, state in states.items()
                if "startjobrun" in str(state.get("Resource", "")).lower()
            ]
        return found

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What roles are allowed, statement by statement, with the policy's address.

        A boundary allows nothing: it limits what policies may.
        """
        boundaries = {
            str(role.values.get("permissions_boundary")).rpartition("/")[2]
            for role in self.of("aws_iam_role")
        }
        for kind in ("aws_iam_role_policy", "aws_iam_policy"):
            for policy in self.of(kind):
                if kind == "aws_iam_policy" and policy.values.get("name") in boundaries:
                    continue
                told = json.loads(policy.values.get("policy") or "{}").get("Statement", [])
                for one in told if isinstance(told, list) else [told]:
                    if one.get("Effect") == "Allow":
                        yield policy.address, one


def listed(value: Any) -> list[Any]:
    """A policy's or a pattern's value, which may stand alone, as a list."""
    return value if isinstance(value, list) else [value]


def _resources(module: dict[str, Any]) -> Iterator[Resource]:
    for one in module.get("resources", []):
        if one.get("mode") == "managed":
            yield Resource(one["address"], one["type"], one.get("values", {}))
    for child in module.get("child_modules", []):
        yield from _resources(child)


def _different(change: dict[str, Any]) -> set[str]:
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = set(change.get("after_unknown") or {})
    return {name for name in before if before[name] != after.get(name) and name not in unknown}
