"""A batch of Firehose's records: every record id answered once, a bad record fails alone.

https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
What fails is kept by Firehose, as it came, under the stream's error prefix.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from lakehouse import log
from lakehouse.errors import BadInputError
from streaming import rows

# Lambda answers at most 6 MB (6,291,556 bytes); the rest is for what surrounds the records.
LIMIT_BYTES = 6_000_000
# Between two records in the answer's JSON.
_SEPARATOR_BYTES = 2
_SHOWN_REASONS = 20


def transform(
    records: list[dict[str, Any]], *, limit_bytes: int = LIMIT_BYTES
) -> list[dict[str, Any]]:
    """The answer to each record, in the given order.

    A row that does not fit into the answer any more fails too, so that Firehose keeps its record.
    """
    failed = [_failed(record) for record in records]
    left = limit_bytes - sum(map(_size, failed))
    answers, reasons = [], []
    for record, fallback in zip(records, failed):
        try:
            answer = _ok(record)
        except BadInputError as error:
            reasons.append((record["recordId"], error.message))
            answers.append(fallback)
            continue
        more = _size(answer) - _size(fallback)
        if more > left:
            reasons.append((record["recordId"], "the answer to Firehose is full"))
            answers.append(fallback)
            continue
        left -= more
        answers.append(answer)
    _tell(len(records), reasons)
    return answers


def _failed(record: dict[str, Any]) -> dict[str, Any]:
    return {"recordId": record["recordId"], "result": "ProcessingFailed"}


def _ok(record: dict[str, Any]) -> dict[str, Any]:
    row = json.dumps(rows.row(_text(record)), ensure_ascii=False, allow_nan=False)
    data = base64.b64encode(row.encode()).decode()
    return {"recordId": record["recordId"], "result": "Ok", "data": data}


def _text(record: dict[str, Any]) -> str:
    try:
        return base64.b64decode(record["data"], validate=True).decode()
    except (KeyError, TypeError, binascii.Error, UnicodeDecodeError) as error:
        raise BadInputError(f"the record's data is no base64 of UTF-8: {error}") from error


def _size(answer: dict[str, Any]) -> int:
    return len(json.dumps(answer)) + _SEPARATOR_BYTES


def _tell(count: int, reasons: list[tuple[str, str]]) -> None:
    for record_id, why in reasons[:_SHOWN_REASONS]:
        log.warn("transform_failed", record=record_id, why=why)
    log.event("transformed", records=count, failed=len(reasons))
