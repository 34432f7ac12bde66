"""The Lambda function that tells Slack what the alert topic says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ingestion import credentials
from ingestion.clock import SystemClock
from ingestion.http import Client, Limits
from lakehouse import log
from lakehouse.errors import ConfigurationError, LakeError, UpstreamError
from notify.messages import text

if TYPE_CHECKING:
    from ingestion.clock import Clock
    from ingestion.credentials import Secret

SECRET = "LAKE_SLACK_SECRET_ID"  # noqa: S105  the name of a variable
# The function itself has 30 seconds.
LIMITS = Limits(connect_sec=3, read_sec=8, total_sec=22, wait_sec=10, tries=4)
_OK_STATUS = 200
_OTHER_FAULT = 500


def notify(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Post each message of the topic.

    Every LakeError is logged and raised: Lambda tries again, then the event is a dead letter.
    """
    log.configure()
    try:
        webhook = _webhook()
        for record in event["Records"]:
            told = record["Sns"]
            post(webhook, text(told.get("Subject"), told["Message"]), clock=SystemClock())
            log.event("notified", id=told.get("MessageId"), subject=told.get("Subject"))
    except LakeError as error:
        log.warn("notify_failed", error=type(error).__name__, reason=str(error))
        raise
    return {"posted": len(event["Records"])}


def post(webhook: Secret, said: str, *, clock: Clock) -> None:
    """Post a text to a webhook, whose path is its key.

    Raises UpstreamError while Slack can't be had, ConfigurationError if it refuses the webhook.
    """
    parts = urlsplit(webhook.reveal())
    base, path = f"{parts.scheme}://{parts.netloc}", parts.path
    client = Client(base, clock=clock, secrets=(path,), limits=LIMITS, parse=bytes.decode)
    try:
        reply = client.call("POST", path, body={"text": said})
    finally:
        client.close()
    if reply.status >= _OTHER_FAULT:
        raise UpstreamError(f"Slack answers HTTP {reply.status}: {reply.sample}")
    if reply.status != _OK_STATUS:
        raise ConfigurationError(
            f"Slack refuses the webhook: HTTP {reply.status}: {reply.sample}",
            next_command=f"put a webhook that works into the secret of {SECRET}",
        )


def _webhook() -> Secret:
    """The secret's address. No word of what it holds instead of one."""
    secret_id = os.environ.get(SECRET, "")
    if not secret_id:
        raise ConfigurationError(f"{SECRET} is not set", next_command="terraform apply")
    found = credentials.stored(secret_id)
    address = found.reveal().strip()
    if not address.isprintable() or not _is_address(address):
        raise ConfigurationError(
            f"the secret of {SECRET} holds no address of a webhook",
            next_command="aws secretsmanager put-secret-value --secret-id …",
        )
    return credentials.Secret(address)


def _is_address(address: str) -> bool:
    """Scheme, host and a path that is its key: as Slack makes them, without a query."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc and parts.path.strip("/")) and not parts.query
