"""The two Lambda functions of the stream: what asks, and what shapes the records."""

from __future__ import annotations

from typing import Any

from lakehouse import log
from streaming import batch


def observe(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Ask for the weather now and put the answer into the stream; `location` names another place.

    Raises LakeError. The answer may be in the stream even so: asking again does no harm.
    """
    from streaming import producer  # noqa: PLC0415  the transformation needs no HTTP client

    log.configure()
    return producer.observe(
        location=event.get("location", ""), left_ms=context.get_remaining_time_in_millis()
    )


def transform(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Firehose's data transformation: each record as a row of the stream table, or as failed."""
    log.configure()
    return {"records": batch.transform(event["records"])}
