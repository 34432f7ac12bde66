"""Records of the weather stream, and their way: producer, transformation, Firehose's types."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from console.emulator.firehose import values
from console.tables import schema
from ingestion.bronze import Record
from jobs.bronze.weatherapi_current import TABLE
from streaming import batch, producer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Row = dict[str, Any]
NOON = datetime(2025, 8, 26, 10, 0, tzinfo=timezone.utc)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_COLUMNS = schema(TABLE).fields


def answer(minute: int = 0, **observed: Any) -> Row:
    """What WeatherAPI answers, as far as most tests care, about NOON and so many minutes."""
    seconds = int(NOON.timestamp()) + 60 * minute
    return {
        "location": {"name": "Madrid", "localtime_epoch": seconds + 60},
        "current": {
            "last_updated_epoch": seconds,
            "temp_c": 26.1,
            "condition": {"text": "Sunny", "code": 1000},
            "air_quality": {"co": 200.5, "us-epa-index": 1},
            **observed,
        },
    }


def record(said: Any, at: datetime = NOON, place: str = "madrid") -> bytes:
    """The producer's record of an answer."""
    return producer.message_of(Record(said, {"q": place}), at).data


def event(data: Iterable[bytes]) -> list[Row]:
    """The records of Firehose's event."""
    return [
        {"recordId": f"{n:056d}", "data": base64.b64encode(one).decode()}
        for n, one in enumerate(data)
    ]


def decoded(answered: Row) -> Row:
    """What Firehose reads out of an answer."""
    found: Row = json.loads(base64.b64decode(answered["data"], validate=True))
    return found


def written(found: Row) -> Row:
    """The row that Firehose writes: its types, every column known to the table."""
    assert set(found) == {column.name for column in _COLUMNS}
    return values.row(found, _COLUMNS)


def rows(data: Iterable[bytes]) -> list[Row]:
    """Rows of the stream table, all the way."""
    return [written(decoded(one)) for one in batch.transform(event(data))]


def recorded_answers(folder: Path) -> list[tuple[Row, datetime]]:
    """The recorded answers and when they were there."""
    lines = (folder / "weatherapi_current.jsonl").read_text("utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [
        (one["response"], datetime.fromisoformat(one["run_ts_utc"]).replace(tzinfo=timezone.utc))
        for one in found
    ]


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)
