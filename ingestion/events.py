"""What EventBridge tells of a file in raw; nothing it says leads anywhere else.

The event is S3's "Object Created" as EventBridge delivers it, whose key is the key itself: not
URL-encoded, as it is in S3's own notifications.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakehouse.errors import UsageError

RAW = "raw/"
_KEY_BYTES = 1024


@dataclass(frozen=True)
class Created:
    """A file of raw that was written, and when."""

    key: str
    at: datetime


def created(body: str, bucket: str) -> Created:
    """The file that a message tells of.

    Raises UsageError for anything but a new object of this bucket's raw.
    """
    try:
        told = json.loads(body)
        what, of, key = told["detail-type"], told["detail"]["bucket"]["name"], _key(told)
        at = datetime.fromisoformat(told["time"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UsageError(f"no event of a file in raw: {type(error).__name__}: {error}") from error
    if (told.get("source"), what) != ("aws.s3", "Object Created"):
        raise UsageError(f"an event that creates nothing: {what}")
    if of != bucket:
        raise UsageError(f"another bucket's event: {of}")
    if at.tzinfo is None:
        raise UsageError(f"an event without a time zone: {told['time']}")
    return Created(_checked(key), at)


def _key(told: Any) -> str:
    key = told["detail"]["object"]["key"]
    if not isinstance(key, str):
        raise TypeError("the key is no text")
    return key


def _checked(key: str) -> str:
    """The key. S3 takes dots for names; who reads it as a path, or resends it, may not."""
    if not key.startswith(RAW):
        raise UsageError(f"not in {RAW}: {key!r}")
    if {".", ".."} & set(key.split("/")):
        raise UsageError(f"a key that climbs: {key!r}")
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise UsageError(f"a key that is no Unicode: {key!r}") from error
    if length > _KEY_BYTES:
        raise UsageError(f"a key of {length:,} bytes; S3's have at most {_KEY_BYTES:,}")
    return key
