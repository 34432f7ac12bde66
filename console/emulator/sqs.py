"""SQS under many hands, and its redrive policy as Terraform reads it back.

AWS: "Amazon SQS standard queues" (no message is lost), "GetQueueAttributes". moto's DeleteMessage
rebuilds the queue's list and forgets what was sent meanwhile; its policy has blanks, which
Terraform takes for a change.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from console.emulator.server import Server


def install(server: Server) -> None:
    """Let one hand after the other into a queue, and write policies without blanks."""
    from moto.sqs.models import Queue, SQSBackend  # noqa: PLC0415

    delete, receive, purge = (
        Queue.delete_message,
        SQSBackend.receive_message,
        SQSBackend.purge_queue,
    )
    attributes = Queue.attributes.fget

    def delete_alone(queue: Any, receipt_handle: str) -> None:
        with queue._messages_lock:  # noqa: SLF001  the lock that sending takes
            delete(queue, receipt_handle)

    def receive_alone(backend: Any, queue_name: str, *args: Any, **kwargs: Any) -> Any:
        with backend.get_queue(queue_name)._messages_lock:  # noqa: SLF001  likewise
            return receive(backend, queue_name, *args, **kwargs)

    def purge_alone(backend: Any, queue_name: str) -> None:
        with backend.get_queue(queue_name)._messages_lock:  # noqa: SLF001  likewise
            purge(backend, queue_name)

    def compact(queue: Any) -> dict[str, Any]:
        told = attributes(queue)
        if told.get("RedrivePolicy"):
            policy = json.loads(told["RedrivePolicy"])
            told["RedrivePolicy"] = json.dumps(policy, separators=(",", ":"))
        return dict(told)

    server.replace(Queue, "delete_message", delete_alone)
    server.replace(SQSBackend, "receive_message", receive_alone)
    server.replace(SQSBackend, "purge_queue", purge_alone)
    server.replace(Queue, "attributes", property(compact))
