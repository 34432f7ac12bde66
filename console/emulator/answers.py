"""What the emulated AWS answers: a body in the protocol of the call, and errors in its shape."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from xml.sax.saxutils import escape

from lakehouse.errors import LakeError

if TYPE_CHECKING:
    from console.emulator.calls import Call

NOT_IMPLEMENTED = 501  # no SDK tries that one again: a gap shows at once


class AwsError(LakeError):
    """An answer that says no, with AWS's own error code."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class NotEmulatedError(AwsError):
    """The emulated place does not do this, and says so instead of pretending."""

    def __init__(self, what: str) -> None:
        message = f"{what} is not implemented in the emulated place"
        super().__init__("NotImplemented", message, NOT_IMPLEMENTED)


def from_moto(error: Exception) -> AwsError | None:
    """The answer that an exception of moto's means, or None for a defect."""
    code = getattr(error, "error_type", getattr(error, "code", None))
    message, status = getattr(error, "message", None), getattr(error, "code", None)
    if not isinstance(code, str) or not isinstance(message, str):
        return None
    return AwsError(code, message, status if isinstance(status, int) else 400)


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of a response."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body) if self.body else {}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} has no place in an answer")


def success(call: Call, value: dict[str, Any]) -> Answer:
    """`value` in the JSON of the call's protocol; times are seconds since 1970."""
    kind = call.environ.get("CONTENT_TYPE") if call.protocol == "json" else "application/json"
    body = json.dumps(value, default=_plain).encode()
    return Answer(200, (("Content-Type", kind or "application/json"),), body)


def failure(call: Call, error: AwsError) -> Answer:
    """`error` in the shape that the call's protocol gives to errors."""
    identity = str(uuid4())
    if call.protocol in ("query", "rest-xml"):
        inner = f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error>"
            f"<RequestId>{identity}</RequestId></ErrorResponse>"
            if call.protocol == "query"
            else f"<Error>{inner}<RequestId>{identity}</RequestId></Error>"
        )
        kind = "application/xml"
    else:
        text = json.dumps({"__type": error.code, "message": error.message})
        kind = "application/x-amz-json-1.1" if call.protocol == "json" else "application/json"
    headers = (
        ("Content-Type", kind),
        ("x-amzn-ErrorType", error.code),
        ("x-amzn-RequestId", identity),
    )
    return Answer(error.status, headers, text.encode())
