"""S3 as Terraform needs it: notifications read back, policies' conditions, versions deleted.

AWS: "GetBucketNotificationConfiguration" (Amazon S3 API Reference), "IAM JSON policy elements:
Condition". moto forgets to say that EventBridge is on, which Terraform takes for a change; and it
takes a condition that it cannot judge for a denial, so that a policy of TLS only, or of one's own
account, would shut the bucket. Here a statement with a condition says nothing: none is enforced.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from console.emulator.server import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from console.emulator.answers import Answer
    from console.emulator.calls import Call
    from console.emulator.server import Server

_EMPTY = re.compile(rb"(<NotificationConfiguration[^>]*?)/>")
_END, _ON = b"</NotificationConfiguration>", b"<EventBridgeConfiguration/>"


def install(server: Server) -> None:
    """Tell that EventBridge is on where it is."""
    for operation in ("GetBucketNotification", "GetBucketNotificationConfiguration"):
        server.around("s3", operation, _told)  # two names of one request
    from moto.s3.models import FakeBucket, S3Backend  # noqa: PLC0415
    from moto.s3.utils import _VersionedKeyStore  # noqa: PLC0415

    server.replace(FakeBucket, "get_permission", _permission)
    server.replace(S3Backend, "delete_object", _by_version(S3Backend.delete_object))
    for name in ("lists", "iterlists"):
        server.replace(_VersionedKeyStore, name, _lists)


def _lists(store: Any) -> Iterator[tuple[str, list[Any]]]:
    """Keys with their versions; moto fails on a key that is deleted while it lists.

    Terraform empties a bucket by many calls at once.
    """
    for key in dict(store):
        versions = store.getlist(key)
        if versions is not None:
            yield key, list(versions)


def _by_version(delete: Callable[..., Any]) -> Callable[..., Any]:
    """Where versioning was on and is off, a version that is named is deleted, and no other.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectsfromVersioningSuspendedBuckets.html
    moto deletes all of them, and fails where one is a delete marker. Terraform ends the versioning
    of a bucket before it empties it.
    """
    lock = threading.Lock()  # Terraform empties a bucket by many calls at once

    def deleted(
        backend: Any, bucket: str, key: str, version_id: str | None = None, **more: Any
    ) -> tuple[bool, dict[str, Any]]:
        found = backend.get_bucket(bucket)
        if not version_id or found.versioning_status != "Suspended":
            told: tuple[bool, dict[str, Any]] = delete(backend, bucket, key, version_id, **more)
            return told
        with lock:
            versions = found.keys.getlist(key, [])
            left = [one for one in versions if str(one.version_id) != version_id]
            if left:
                found.keys.setlist(key, left)
            else:
                dict.pop(found.keys, key, None)
        return True, {"version-id": version_id}

    return deleted


def _permission(bucket: Any, action: str, resource: str) -> Any:
    """In the place of moto's judgement of a bucket's policy."""
    from moto.iam.access_control import IAMPolicy, PermissionResult  # noqa: PLC0415

    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(bucket.policy)
    told = policy["Statement"]
    statements = [s for s in (told if isinstance(told, list) else [told]) if "Condition" not in s]
    judge = IAMPolicy(json.dumps({**policy, "Statement": statements}))
    return judge.is_action_permitted(action, resource)


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
