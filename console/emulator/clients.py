"""The clients that stand-ins call services with.

Services are called over HTTP, so that injected faults and the request log see every call that a
service of AWS would make, in the name of the role that it would make it with.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from console.emulator.server import Server


def last_part(arn: str) -> str:
    """The name at the end of an ARN."""
    return arn.replace("/", ":").rsplit(":", 1)[-1]


def service_of(arn: str) -> str:
    """The service in an ARN."""
    return arn.split(":")[2]


def region_of(arn: str) -> str:
    """The region in an ARN."""
    return arn.split(":")[3]


def account_of(arn: str) -> str:
    """The account in an ARN."""
    return arn.split(":")[4]


def make_log_stream(logs: Any, group: str, stream: str) -> None:
    """Make a log stream; only where there is no such group, the group too, as Lambda and EMR do."""
    known = logs.exceptions.ResourceAlreadyExistsException
    try:
        with contextlib.suppress(known):
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
    except logs.exceptions.ResourceNotFoundException:
        with contextlib.suppress(known):
            logs.create_log_group(logGroupName=group)
        make_log_stream(logs, group, stream)


class Clients:
    """boto3 clients for the emulator, one for each service, region and caller.

    They never retry by themselves: how often AWS tries is the stand-in's own business. A caller
    is a role's ARN, or the name of a service that acts without one.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._made: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()

    def of(self, service: str, region: str, caller: str) -> Any:
        """The client with which `caller` calls `service`."""
        key = (service, region, caller)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(*key)
            return self._made[key]

    def _make(self, service: str, region: str, caller: str) -> Any:
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        is_role = caller.startswith("arn:")
        who = self._server.credentials(caller if is_role else "")
        return boto3.session.Session().client(
            service,
            region_name=region,
            endpoint_url=self._server.url,
            aws_access_key_id=who["AWS_ACCESS_KEY_ID"] if is_role else caller,
            aws_secret_access_key=who["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=who.get("AWS_SESSION_TOKEN"),
            config=Config(
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                read_timeout=900,
            ),
        )

    def queue_url(self, arn: str) -> str:
        """The URL of a queue, by its ARN."""
        return f"{self._server.url}/{account_of(arn)}/{last_part(arn)}"
