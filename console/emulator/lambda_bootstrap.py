"""Runs inside a function's process: Lambda's Python runtime, as far as a handler can see it.

Started isolated, with one JSON line on stdin; the result goes to a file, because stdout is logs.
https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Context:
    """What the handler gets as its second argument."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._deadline = time.monotonic() + facts.pop("timeout_seconds")
        for name, value in facts.items():
            setattr(self, name, value)

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is stopped."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class _HandlerError(Exception):
    """The handler could not be found; `kind` is Lambda's name for that."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def handler(name: str) -> Callable[[Any, Context], Any]:
    """`package.module.function`, imported."""
    module_name, _, function = name.replace("/", ".").rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise _HandlerError("Runtime.ImportModuleError", message) from error
    if not hasattr(module, function):
        message = f"Handler '{function}' missing on module '{module_name}'"
        raise _HandlerError("Runtime.HandlerNotFound", message)
    found: Callable[[Any, Context], Any] = getattr(module, function)
    return found


def outcome(told: dict[str, Any]) -> tuple[bool, str]:
    """Whether the handler failed, and what it answered as JSON."""
    identity = told["context"]["aws_request_id"]
    try:
        answer = handler(told["handler"])(told["event"], Context(told["context"]))
    except _HandlerError as error:
        return True, failure(error.kind, str(error), identity, [])
    except Exception as error:  # noqa: BLE001  whatever it is, it is the function's answer
        stack = traceback.format_tb(error.__traceback__)[1:]
        return True, failure(type(error).__name__, str(error), identity, stack)
    try:
        return False, json.dumps(answer)
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        return True, failure("Runtime.MarshalError", message, identity, [])


def failure(kind: str, message: str, identity: str, stack: list[str]) -> str:
    """An error as Lambda answers it; logged as Lambda logs it."""
    lines = "".join(["Traceback (most recent call last):\n", *stack]) if stack else ""
    sys.stdout.write(f"[ERROR] {kind}: {message}\n{lines}")
    return json.dumps(
        {"errorMessage": message, "errorType": kind, "requestId": identity, "stackTrace": stack}
    )


def main(result: str, *packages: str) -> None:
    """Read what to do, do it, and write how it ended."""
    told = json.loads(sys.stdin.read())
    sys.path[:] = [told["root"], *sys.path[1:], *packages]
    # As in Lambda the root logger has a handler already, so that basicConfig does nothing.
    logging.basicConfig(stream=sys.stdout, format="[%(levelname)s]\t%(asctime)s\t%(message)s")
    failed, body = outcome(told)
    sys.stdout.flush()
    with open(result, "w", encoding="utf-8") as file:  # noqa: PTH123  pathlib costs a cold start
        file.write(("1" if failed else "0") + body)


if __name__ == "__main__":
    main(*sys.argv[1:])
