"""One call of a service after the other into moto, which keeps its state in plain dictionaries.

moto walks through them without a lock: a call fails while another adds to one ("dictionary changed
size during iteration"), as Terraform's ten at a time do on a loaded machine.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from console.emulator.calls import Call

# They wait for messages, move files, or run programs that call back; their stand-ins take care.
_AT_ONCE = ("kinesis", "lambda", "s3", "sqs", "states")
_CALLING_BACK = ("Publish", "PublishBatch", "PutLogEvents", "RotateSecret")


class Turns:
    """A lock a service."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[str, threading.Lock] = {}

    def of(self, call: Call) -> AbstractContextManager[object]:
        """Hold this while moto answers the call."""
        if call.service in _AT_ONCE or call.operation in _CALLING_BACK:
            return contextlib.nullcontext()
        with self._lock:
            return self._of.setdefault(call.service, threading.Lock())
