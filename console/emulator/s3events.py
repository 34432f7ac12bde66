"""Events of S3 for EventBridge: one for each object created, in the documented shape.

AWS: "EventBridge event message structure" (Amazon S3 User Guide). The key is not URL-encoded, in
contrast to S3's own notifications.
"""

from __future__ import annotations

import secrets
import string
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.server import Server

# What is sent; a rule that waited for other events of S3 would wait for ever.
SENT = ["Object Created"]

_REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}
_SIGNS = string.ascii_uppercase + string.digits
_LOOPBACK = "127.0.0.1"


class _Sequencer:
    """Hexadecimal numbers that grow, of equal length."""

    def __init__(self) -> None:
        self._last, self._lock = 0, threading.Lock()

    def next(self) -> str:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns())
            return f"{self._last:018X}"


class S3Events:
    """Takes moto's notifications of buckets with EventBridge on, and puts events on the bus."""

    def __init__(self, server: Server, publish: Callable[..., None]) -> None:
        from moto.s3 import models, notifications  # noqa: PLC0415

        self._publish, self._sequencer = publish, _Sequencer()
        self._assembling = threading.local()
        complete = models.S3Backend.complete_multipart_upload

        def send(account_id: str, bucket: Any, event_name: str, key: Any) -> None:
            self._send(account_id, bucket, str(getattr(event_name, "value", event_name)), key)

        def assembled(backend: Any, *args: Any, **kwargs: Any) -> Any:
            self._assembling.now = True
            try:
                return complete(backend, *args, **kwargs)
            finally:
                self._assembling.now = False

        server.replace(notifications, "_send_event_bridge_message", send)
        server.replace(models.S3Backend, "complete_multipart_upload", assembled)

    def _send(self, account: str, bucket: Any, name: str, key: Any) -> None:
        reason = _REASONS.get(name)
        # moto stores an assembled object by a put of its own, of which S3 says nothing.
        is_inner = reason == "PutObject" and getattr(self._assembling, "now", False)
        if reason is None or is_inner:
            return
        self._publish(
            account,
            bucket.region_name,
            source="aws.s3",
            detail_type=SENT[0],
            resources=[bucket.arn],
            detail=self._detail(account, bucket, key, reason),
        )

    def _detail(self, account: str, bucket: Any, key: Any, reason: str) -> dict[str, Any]:
        version = {"version-id": key.version_id} if bucket.is_versioned else {}
        return {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": {
                "key": key.name,
                "size": key.size,
                "etag": key.etag.strip('"'),
                **version,
                "sequencer": self._sequencer.next(),
            },
            "request-id": "".join(secrets.choice(_SIGNS) for _ in range(16)),
            "requester": account,
            "source-ip-address": _LOOPBACK,
            "reason": reason,
        }
