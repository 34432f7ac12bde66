"""Glue's optimistic lock: UpdateTable with an old VersionId is refused, as AWS refuses it.

moto takes any VersionId, and so loses commits of Iceberg writers silently.
https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from console.emulator.answers import Answer, AwsError
from console.emulator.server import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.calls import Call
    from console.emulator.server import Server


def install(server: Server) -> None:
    """Put the lock around UpdateTable."""
    server.around("glue", "UpdateTable", partial(_update, threading.Lock()))


def _update(lock: threading.Lock, call: Call, forward: Callable[[], Answer]) -> Answer:
    """Compare and set, as one step."""
    asked = call.params()
    expected = asked.get("VersionId")
    with lock:
        if expected is not None:
            current = _version(call.region, asked["DatabaseName"], asked["TableInput"]["Name"])
            if str(expected) != current:
                raise AwsError(
                    "ConcurrentModificationException",
                    "Update table failed due to concurrent modifications.",
                )
        return forward()


def _version(region: str, database: str, table: str) -> str:
    from moto.glue.models import glue_backends  # noqa: PLC0415

    found = glue_backends[ACCOUNT][region].get_table(database, table)
    return str(found.as_dict()["VersionId"])
