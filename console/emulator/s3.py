"""S3's notifications as Terraform reads them back.

AWS: "GetBucketNotificationConfiguration" (Amazon S3 API Reference). moto forgets to say that
EventBridge is on, which Terraform takes for a change.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from console.emulator.server import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.answers import Answer
    from console.emulator.calls import Call
    from console.emulator.server import Server

_EMPTY = re.compile(rb"(<NotificationConfiguration[^>]*?)/>")
_END, _ON = b"</NotificationConfiguration>", b"<EventBridgeConfiguration/>"


def install(server: Server) -> None:
    """Tell that EventBridge is on where it is."""
    for operation in ("GetBucketNotification", "GetBucketNotificationConfiguration"):
        server.around("s3", operation, _told)  # two names of one request


def _told(call: Call, forward: Callable[[], Answer]) -> Answer:
    from moto.s3.models import s3_backends  # noqa: PLC0415

    answer = forward()
    bucket = s3_backends[ACCOUNT]["aws"].buckets.get(call.uri["Bucket"])
    configuration = bucket.notification_configuration if bucket else None
    if configuration is None or configuration.event_bridge is None:
        return answer
    headers = [pair for pair in answer.headers if pair[0].lower() != "content-length"]
    body = _EMPTY.sub(rb"\1>" + _END, answer.body).replace(_END, _ON + _END)
    return replace(answer, headers=tuple(headers), body=body)
