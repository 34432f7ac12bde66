"""One record of the stream → one row of its table, in the form that Firehose writes.

The columns and their types are the contract's. Times are microseconds since 1970: epoch seconds
would land in 1970, and a blank in the place of the T is refused.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any

from jobs.bronze.weatherapi_current import FIELDS, STREAM
from lakehouse.errors import BadInputError
from streaming import values

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EVENT_ID = re.compile(r"[0-9a-f]{64}\Z")


def row(text: str) -> dict[str, Any]:
    """The row of a record's text. Raises BadInputError for what is no answer about the weather.

    A field that does not fit its column is null there and named in `unfit`: silver reads the
    envelope, and refuses the row with its own reason.
    """
    record = _parsed(text)
    if [record.get("source"), record.get("stream")] != STREAM.split("/"):
        raise BadInputError(f"no record of {STREAM}")
    columns, unfit = _columns(_answer(record.get("payload")))
    return {
        "event_id": _event_id(record.get("event_id")),
        "stream": STREAM,
        "fetched_at": _microseconds(record.get("fetched_at")),
        "location": _asked(record.get("request")),
        **columns,
        "unfit": ", ".join(unfit) or None,
        "envelope": text,
    }


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"the record is not one JSON object: {error}") from error
    if not isinstance(found, dict):
        raise BadInputError("the record is no JSON object")
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _answer(payload: Any) -> dict[str, Any]:
    """The answer itself: recordings have it below `response`."""
    answer = payload.get("response", payload) if isinstance(payload, dict) else None
    if not isinstance(answer, dict) or not all(
        isinstance(answer.get(part), dict) for part in ("location", "current")
    ):
        raise BadInputError("the payload has no place or no current observation")
    return answer


def _columns(answer: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The typed columns of an answer, and the names of those whose value does not fit."""
    read = {name: _read(answer, path, kind) for name, (path, kind, _) in FIELDS.items()}
    columns = {name: value for name, (value, _) in read.items()}
    return columns, [name for name, (_, fits) in read.items() if not fits]


def _read(answer: dict[str, Any], path: str, kind: str) -> tuple[Any, bool]:
    """The value at a dotted path as that type, None where there is none; and whether it fits."""
    found: Any = answer
    try:
        for part in path.split("."):
            found = None if found is None else found.get(part)
        return values.fitted(kind, found), True
    except (AttributeError, values.UnfitError):  # below something else than an object
        return None, False


def _event_id(value: Any) -> str:
    if not isinstance(value, str) or not _EVENT_ID.match(value):
        raise BadInputError("the record has no event_id (64 hexadecimal digits)")
    return value


def _asked(request: Any) -> str:
    try:
        place = values.text(request["q"])
    except (TypeError, LookupError, values.UnfitError):
        place = None
    if place is None:
        raise BadInputError("the record does not say which place was asked for (request.q)")
    return place


def _microseconds(value: Any) -> int:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"fetched_at is no ISO time: {error}") from error
    if moment.tzinfo is None:
        raise BadInputError("fetched_at names no zone")
    return (moment - _EPOCH) // timedelta(microseconds=1)
