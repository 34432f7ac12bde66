"""Faults at the HTTP side: a call fails before its effect, or its effect's answer is lost."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from console.emulator.answers import AwsError
from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.emulator.calls import Call

BEFORE = "before"
AFTER = "after"
_ERROR_STATUS = 400


@dataclass(frozen=True)
class Fault:
    """Which calls fail: `skip` of them pass first, then `times` fail.

    `when="before"`: nothing happened. `when="after"`: it happened, and the caller is told it
    failed; the case that finds lost and doubled rows.
    """

    service: str
    operation: str
    when: str = BEFORE
    times: int = 1
    skip: int = 0
    status: int = 500
    code: str = "InternalFailure"
    path: str = ""

    def __post_init__(self) -> None:
        """Refuse what would never strike, or would be no failure."""
        if self.when not in (BEFORE, AFTER):
            raise UsageError(f"a fault strikes {BEFORE!r} or {AFTER!r}, not {self.when!r}")
        if not self.service or not self.operation:
            raise UsageError("a fault names a service and an operation")
        if self.times < 1 or self.skip < 0 or self.status < _ERROR_STATUS:
            raise UsageError("a fault has times ≥ 1, skip ≥ 0 and an error's status")

    def fits(self, call: Call) -> bool:
        """Whether this call is one of those; `path` narrows it to paths that contain it."""
        return (call.service, call.operation) == (self.service, self.operation) and (
            self.path in call.path
        )

    @property
    def error(self) -> AwsError:
        """What the caller is told."""
        return AwsError(self.code, f"injected: {self.when} {self.operation}", self.status)


def fault(told: Mapping[str, Any]) -> Fault:
    """A fault from its JSON.

    Raises UsageError for a field that no fault has.
    """
    unknown = set(told) - {f.name for f in fields(Fault)}
    if unknown or not {"service", "operation"} <= set(told):
        known = ", ".join(f.name for f in fields(Fault))
        raise UsageError(f"a fault has service, operation, and of {known} what differs")
    return Fault(**told)


class Faults:
    """The faults set now, and how often each has seen its call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: list[Fault] = []
        self._seen: list[int] = []

    def add(self, new: Fault) -> None:
        """Set one more."""
        with self._lock:
            self._set.append(new)
            self._seen.append(0)

    def clear(self) -> None:
        """Set none."""
        with self._lock:
            self._set.clear()
            self._seen.clear()

    def strike(self, call: Call) -> Fault | None:
        """The fault that this call meets, if any; asking counts as the call."""
        with self._lock:
            for place, one in enumerate(self._set):
                if one.fits(call):
                    self._seen[place] += 1
                    if one.skip < self._seen[place] <= one.skip + one.times:
                        return one
        return None

    def told(self) -> list[dict[str, Any]]:
        """The faults and how often each struck, as JSON."""
        with self._lock:
            return [
                {**asdict(one), "struck": max(0, min(seen - one.skip, one.times))}
                for one, seen in zip(self._set, self._seen, strict=True)
            ]
