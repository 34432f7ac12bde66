"""What was asked of the emulated AWS, by whom, and how it ended."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.emulator.calls import Call

_KEPT = 100_000


@dataclass(frozen=True)
class Request:
    """One answered call.

    `principal` is the ARN of the role that asked, if it is one; `named` is what the call is about.
    """

    at: str
    service: str
    operation: str
    principal: str
    status: int
    path: str
    fault: str = ""
    named: Mapping[str, str] = field(default_factory=dict)


class RequestLog:
    """The newest requests, oldest first; `lost` says how many older ones were dropped."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._lock = threading.Lock()
        self._requests: deque[Request] = deque(maxlen=kept)
        self._count = 0

    def record(
        self,
        call: Call,
        principal: str,
        status: int,
        fault: str = "",
        named: Mapping[str, str] | None = None,
    ) -> None:
        """Keep one."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        request = Request(
            now,
            call.service,
            call.operation,
            principal,
            status,
            call.path,
            fault,
            named or {},
        )
        with self._lock:
            self._requests.append(request)
            self._count += 1

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._requests.clear()
            self._count = 0

    def find(self, **wanted: str) -> list[Request]:
        """Requests whose fields have these values."""
        with self._lock:
            found = list(self._requests)
        return [r for r in found if all(str(getattr(r, k)) == v for k, v in wanted.items())]

    def told(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The same as JSON; an unknown field finds nothing."""
        known = {name: text for name, text in query.items() if name in Request.__annotations__}
        found = self.find(**known) if len(known) == len(query) else []
        with self._lock:
            lost = self._count - len(self._requests)
        return {"requests": [asdict(r) for r in found], "lost": lost}
