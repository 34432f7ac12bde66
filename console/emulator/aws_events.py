"""Events that AWS's services put on the default bus themselves."""

from __future__ import annotations

import json
from typing import Any

from console.emulator.server import ACCOUNT
from lakehouse import log


def publish(
    region: str, source: str, detail_type: str, detail: dict[str, Any], resources: list[str]
) -> None:
    """Put one event on the default bus; as on AWS it is best effort, but a loss is told."""
    from moto.events.models import events_backends  # noqa: PLC0415

    event = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": resources,
    }
    try:
        events_backends[ACCOUNT][region].put_events([event])
    except Exception as error:  # noqa: BLE001  a service goes on whatever becomes of its events
        log.warn("event_not_delivered", source=source, detail_type=detail_type, error=repr(error))
