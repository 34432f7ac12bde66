"""SQS under many hands, and its attributes as Terraform reads them back.

AWS: "Amazon SQS standard queues" (no message is lost), "SetQueueAttributes", "GetQueueAttributes".
moto's DeleteMessage rebuilds the queue's list and forgets what was sent meanwhile; setting any
attribute drops the queue's policy; a redrive policy has blanks and a redrive allow policy is
forgotten, which Terraform takes for changes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.server import Server


_ALLOW = "RedriveAllowPolicy"


def install(server: Server) -> None:
    """Let one hand after the other into a queue, and keep its attributes as they were set."""
    from moto.sqs.models import Queue, SQSBackend  # noqa: PLC0415

    server.replace(Queue, "delete_message", _delete_alone(Queue.delete_message))
    for name in ("receive_message", "purge_queue"):
        server.replace(SQSBackend, name, _alone(getattr(SQSBackend, name)))
    server.replace(Queue, "_set_attributes", _keeping_policy(Queue._set_attributes))  # noqa: SLF001
    server.replace(Queue, "BASE_ATTRIBUTES", [*Queue.BASE_ATTRIBUTES, _ALLOW])
    server.replace(Queue, "attributes", property(_compact(Queue.attributes.fget)))


def _delete_alone(delete: Callable[..., None]) -> Callable[..., None]:
    def alone(queue: Any, receipt_handle: str) -> None:
        with queue._messages_lock:  # noqa: SLF001  the lock that sending takes
            delete(queue, receipt_handle)

    return alone


def _alone(work: Callable[..., Any]) -> Callable[..., Any]:
    def alone(backend: Any, queue_name: str, *args: Any, **kwargs: Any) -> Any:
        with backend.get_queue(queue_name)._messages_lock:  # noqa: SLF001  likewise
            return work(backend, queue_name, *args, **kwargs)

    return alone


def _keeping_policy(set_attributes: Callable[..., None]) -> Callable[..., None]:
    def keeping(queue: Any, attributes: dict[str, Any], now: float | None = None) -> None:
        queue.__dict__.setdefault("redrive_allow_policy", None)
        kept = getattr(queue, "_policy_json", None)
        told = {"Policy": queue.policy, **attributes} if kept else attributes
        set_attributes(queue, told, now)

    return keeping


def _compact(attributes: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    def compact(queue: Any) -> dict[str, Any]:
        told = {k: v for k, v in attributes(queue).items() if v is not None and v != ""}
        if told.get("RedrivePolicy"):
            policy = json.loads(told["RedrivePolicy"])
            told["RedrivePolicy"] = json.dumps(policy, separators=(",", ":"))
        return told

    return compact
