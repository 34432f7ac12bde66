"""Bronze: immutable files of envelopes, whole or not there, named by what they hold."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from ingestion.bronze import Bronze, Origin, Record, Stream
from lakehouse.errors import StorageError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

STREAM = Stream("emt", "arrivals")
AT = datetime(2025, 8, 26, 23, 30, tzinfo=timezone.utc)


def lines(path: Path) -> list[dict[str, Any]]:
    """The envelopes of a file."""
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def test_an_envelope_holds_the_payload_as_answered(tmp_path: Path) -> None:
    """Nothing is converted; source, stream, time, request and origin stand beside."""
    payload = {"bus": 140, "far": 999999, "name": "ARGÜELLES", "none": None, "x": [0, 0.0]}
    record = Record(payload, {"stop": 62}, Origin("originals/a.xlsx", "ab", 2, "Sheet1"))
    path = Bronze(tmp_path).write_file(STREAM, [record], sha256="ab", fetched_at=AT)
    assert path == tmp_path / "bronze/emt/arrivals/date=2025-08-26/ab.jsonl.gz"
    assert lines(path) == [
        {
            "source": "emt",
            "stream": "arrivals",
            "fetched_at": "2025-08-26T23:30:00.000000Z",
            "origin": {"uri": "originals/a.xlsx", "sha256": "ab", "row": 2, "sheet": "Sheet1"},
            "request": {"stop": 62},
            "payload": payload,
        }
    ]


def test_days_and_times_are_utc(tmp_path: Path) -> None:
    """A time of another zone is written as UTC, and its day is UTC's."""
    madrid = AT.astimezone(timezone(timedelta(hours=2)))
    path = Bronze(tmp_path).write_file(STREAM, [Record(1)], sha256="ab", fetched_at=madrid)
    assert path.parent.name == "date=2025-08-26"
    assert lines(path)[0]["fetched_at"] == "2025-08-26T23:30:00.000000Z"


def test_known_bytes_are_not_landed_again(tmp_path: Path) -> None:
    """A hash that is there stays as it is, also when it comes on another day."""
    bronze = Bronze(tmp_path)
    first = bronze.write_file(STREAM, [Record(1)], sha256="ab", fetched_at=AT)
    before = first.read_bytes()
    later = AT + timedelta(days=3)
    assert bronze.write_file(STREAM, [Record(2)], sha256="ab", fetched_at=later) == first
    assert first.read_bytes() == before
    assert bronze.find(STREAM, "ab") == first
    assert bronze.find(Stream("emt", "lines"), "ab") is None


def test_replies_are_named_by_what_they_say(tmp_path: Path) -> None:
    """The same replies at the same time are one file; at another time, another one."""
    bronze = Bronze(tmp_path)
    replies = [(Record({"a": 1}, {"q": "x"}), AT), (Record({"a": 2}), AT + timedelta(seconds=1))]
    first = bronze.write_replies(STREAM, replies)
    assert first is not None
    assert bronze.write_replies(STREAM, replies) == first
    assert bronze.write_replies(STREAM, [(r, t + timedelta(days=1)) for r, t in replies]) != first
    origins = [line["origin"] for line in lines(first)]
    assert [o["row"] for o in origins] == [1, 2]
    assert {o["uri"] for o in origins} == {str(first.relative_to(tmp_path))}
    assert bronze.write_replies(STREAM, []) is None


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    """A payload that cannot be written, or a folder that cannot be, leaves nothing behind."""
    bronze = Bronze(tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        bronze.write_file(STREAM, [Record(1), Record(float("nan"))], sha256="ab", fetched_at=AT)
    assert list(tmp_path.rglob("*.gz")) == []
    (tmp_path / "blocked").write_text("")
    with pytest.raises((StorageError, OSError)):
        Bronze(tmp_path / "blocked").write_file(STREAM, [Record(1)], sha256="ab", fetched_at=AT)
    assert not [p for p in tmp_path.rglob("*") if p.name.endswith(".part")]


def test_equal_records_make_equal_bytes(tmp_path: Path) -> None:
    """Written twice in two lakes a file is the same, byte by byte."""
    paths = [
        Bronze(tmp_path / name).write_file(STREAM, [Record({"a": 1})], sha256="ab", fetched_at=AT)
        for name in ("one", "two")
    ]
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("text", ["emt/arrivals", "/emt/arrivals/"])
def test_streams(text: str) -> None:
    """A stream is SOURCE/STREAM."""
    assert Stream.parse(text) == STREAM
    assert str(STREAM) == "emt/arrivals"


@pytest.mark.parametrize("text", ["", "emt", "a/b/c", "emt/../x", "EMT/arrivals", "emt/a b", "/"])
def test_other_streams_are_refused(text: str) -> None:
    """Nothing that would lead to another folder."""
    with pytest.raises(UsageError, match="is not SOURCE/STREAM"):
        Stream.parse(text)
