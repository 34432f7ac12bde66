"""Bronze: immutable files of envelopes, named by the hash of what they hold.

`bronze/<source>/<stream>/date=YYYY-MM-DD/<sha256>.jsonl.gz`; a known hash is not written again.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, field
from datetime import timezone
from typing import TYPE_CHECKING, Any

from ingestion.places import below, glob, mark, publish
from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ingestion.places import LakePath


@dataclass(frozen=True)
class Stream:
    """`source/stream`, such as emt/arrivals."""

    source: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Stream:
        """`emt/arrivals` → Stream. Raises UsageError for anything else."""
        parts = text.strip("/").split("/")
        if len(parts) != 2 or not all(p.isidentifier() and p == p.lower() for p in parts):  # noqa: PLR2004
            raise UsageError(f"{text!r} is not SOURCE/STREAM, such as emt/arrivals")
        return cls(*parts)

    def __str__(self) -> str:
        return f"{self.source}/{self.name}"


@dataclass(frozen=True)
class Origin:
    """Where a payload came from: a file relative to the lake's root, its hash, sheet and row."""

    uri: str
    sha256: str
    row: int
    sheet: str | None = None


@dataclass(frozen=True)
class Record:
    """One reply or one row of a file: the payload as answered and what was asked."""

    payload: Any
    request: dict[str, Any] = field(default_factory=dict)
    origin: Origin | None = None


def instant(moment: datetime) -> str:
    """An aware time as UTC text with microseconds: 2025-08-26T07:19:23.000000Z."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def dumps(value: Any) -> str:
    """JSON in one line, text kept as it is; NaN is refused."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class Bronze:
    """The bronze files below `root/bronze`."""

    def __init__(self, root: LakePath) -> None:
        self.root = root

    def find(self, stream: Stream, sha256: str, day: datetime | None = None) -> LakePath | None:
        """The file that already holds these bytes, whatever its day; `day` is looked at first.

        In a bucket the others are found by the stream's names, 1,000 a request.
        """
        likely = self._path(stream, sha256, day) if day else None
        if likely and mark(likely):
            return likely
        folder = self.root / "bronze" / stream.source / stream.name
        return next(iter(glob(folder, f"date=*/{sha256}.jsonl.gz")), None)

    def write_file(
        self, stream: Stream, records: Iterable[Record], *, sha256: str, fetched_at: datetime
    ) -> LakePath:
        """Write the records of one dropped file; each carries its origin."""
        lines = [_line(stream, record, instant(fetched_at), record.origin) for record in records]
        known = self.find(stream, sha256, fetched_at)
        return known or _publish(self._path(stream, sha256, fetched_at), lines)

    def write_replies(
        self, stream: Stream, replies: list[tuple[Record, datetime]]
    ) -> LakePath | None:
        """Write pulled replies as one file, named by what was asked, answered and when.

        Returns None for no replies. The origin of a reply is its line in that file.
        """
        if not replies:
            return None
        digest = hashlib.sha256()
        for record, fetched_at in replies:
            digest.update(dumps([record.request, record.payload, instant(fetched_at)]).encode())
        sha256, first = digest.hexdigest(), replies[0][1]
        target = self._path(stream, sha256, first)  # the day is in the hash: there is no other
        uri = str(below(target, self.root))
        lines = [
            _line(stream, record, instant(at), Origin(uri=uri, sha256=sha256, row=row))
            for row, (record, at) in enumerate(replies, start=1)
        ]
        return target if mark(target) else _publish(target, lines)

    def _path(self, stream: Stream, sha256: str, day: datetime) -> LakePath:
        date = instant(day)[:10]
        return (
            self.root
            / "bronze"
            / stream.source
            / stream.name
            / f"date={date}"
            / f"{sha256}.jsonl.gz"
        )


def _publish(target: LakePath, lines: list[str]) -> LakePath:
    publish(target, gzip.compress("".join(lines).encode(), compresslevel=6, mtime=0))
    return target


def _line(stream: Stream, record: Record, fetched_at: str, origin: Origin | None) -> str:
    place = None if origin is None else vars(origin)
    envelope = {
        "source": stream.source,
        "stream": stream.name,
        "fetched_at": fetched_at,
        "origin": place,
        "request": record.request,
        "payload": record.payload,
    }
    return dumps(envelope) + "\n"
