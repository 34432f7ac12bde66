"""The steps that one dropped file goes through; `landing` is the way in.

A file's bytes are its identity. The steps are bronze, quarantine's list, and the original, which
is the sign that all before it is done. Killed anywhere, the same call finishes what was left.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from ingestion import caps, formats
from ingestion.bronze import Bronze, Origin, Record, Stream, instant
from ingestion.names import safe_name
from ingestion.places import below, copy, mark, opened, publish, read
from ingestion.quarantine import BadRow, Entry, Quarantine, next_command
from ingestion.rows import flaw
from lakehouse.errors import BadInputError, BusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from ingestion.places import LakePath, Mark
    from ingestion.streams import Kind


_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Landed:
    """What became of one file; `reason` says what of it is not in the lake, and why.

    `status` is landed, partly (some rows are quarantined), quarantined, or known (nothing was
    done, because these bytes were landed or quarantined before). `rows` are the new ones.
    """

    file: LakePath
    stream: Stream
    status: str
    sha256: str
    rows: int = 0
    bad_rows: int = 0
    reason: str = ""
    bronze: LakePath | None = None


@dataclass(frozen=True)
class Dropped:
    """One file on its way into the lake."""

    root: LakePath
    file: LakePath
    stream: Stream
    request: dict[str, Any]
    now: datetime
    step: Callable[[str], None]

    def land(self, kind: Kind, seen: Mark) -> Landed:
        """Do what is left to do. Raises BusyError if the file changes meanwhile."""
        if seen[0] > caps.FILE_BYTES:
            reason = f"larger than {caps.size(caps.FILE_BYTES)}: split it"
            return self.refuse(reason, seen)
        self.step("read")
        content = _content(self.file, seen)
        sha256 = hashlib.sha256(content).hexdigest()
        known = self._known(sha256)
        if known:
            return known
        bad: list[BadRow] = []
        try:
            return self._write(content, sha256, kind, bad)
        except BadInputError as error:
            self.step("quarantine")
            publish(self._quarantine.folder(self.stream, sha256) / self.name, content)
            return self._refused(sha256, error.message, bad)

    def refuse(self, reason: str, seen: Mark) -> Landed:
        """Quarantine the file unread, however large. Raises BusyError if it changes meanwhile."""
        self.step("read")
        digest = hashlib.sha256()
        with opened(self.file) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
        sha256 = digest.hexdigest()
        known = self._known(sha256)
        if known:
            return known
        self.step("quarantine")
        copy(self.file, self._quarantine.folder(self.stream, sha256) / self.name)
        if mark(self.file) != seen:
            raise _changing(self.file)
        return self._refused(sha256, reason, [])

    def _write(self, content: bytes, sha256: str, kind: Kind, bad: list[BadRow]) -> Landed:
        self.step("rows")
        original = self._original(sha256)
        uri = str(below(original, self.root))
        records = _Counted(self._good(content, Origin(uri, sha256, 0), kind, bad))
        first = next(records, None)
        if first is None:
            raise BadInputError(_none_kept(bad))
        bronze = Bronze(self.root).write_file(
            self.stream, chain([first], records), sha256=sha256, fetched_at=self.now
        )
        landed = Landed(self.file, self.stream, "landed", sha256, records.count, bronze=bronze)
        if bad:
            self.step("list")
            reason = f"{len(bad):,} of {records.count + len(bad):,} rows left out: {_shown(bad)}"
            self._list(sha256, reason, bad, rows_kept=records.count, file=uri)
            landed = replace(landed, status="partly", bad_rows=len(bad), reason=reason)
        self.step("keep")
        publish(original, content)
        return landed

    def _good(
        self, content: bytes, origin: Origin, kind: Kind, bad: list[BadRow]
    ) -> Iterator[Record]:
        for row in formats.rows(content, kind):
            reason = row.reason or flaw(row.payload)
            if reason:
                bad.append(BadRow(row.number, row.sheet, reason))
                _check_count(bad)
            else:
                place = Origin(origin.uri, origin.sha256, row.number, row.sheet)
                yield Record(row.payload, self.request, place)

    def _known(self, sha256: str) -> Landed | None:
        """What an earlier call finished; None if there is anything left to do."""
        entry = self._quarantine.find(self.stream, sha256)
        landed = Landed(self.file, self.stream, "known", sha256)
        if entry and not entry.rows_kept:
            return replace(landed, bad_rows=len(entry.bad_rows), reason=entry.reason)
        path = Bronze(self.root).find(self.stream, sha256, self.now)
        if path is None or not mark(self._original(sha256)):
            return None
        landed = replace(landed, bronze=path)
        asked = _first_envelope(path)["request"]
        if any(
            asked.get(name) != told for name, told in self.request.items() if name != "ingest_date"
        ):
            place = asked.get("q") or ", ".join(f"{name}={told}" for name, told in asked.items())
            reason = f"already landed as the weather of {place!r}; nothing was changed"
            return replace(landed, reason=reason)
        if entry:
            return replace(landed, bad_rows=len(entry.bad_rows), reason=entry.reason)
        return landed

    def _refused(self, sha256: str, reason: str, bad: list[BadRow]) -> Landed:
        place = self._quarantine.folder(self.stream, sha256) / self.name
        self.step("list")
        self._list(sha256, reason, bad, rows_kept=0, file=str(below(place, self.root)))
        return Landed(
            self.file, self.stream, "quarantined", sha256, bad_rows=len(bad), reason=reason
        )

    def _list(
        self, sha256: str, reason: str, bad: list[BadRow], *, rows_kept: int, file: str
    ) -> None:
        entry = Entry(
            source=self.stream.source, stream=self.stream.name, sha256=sha256, name=self.name,
            file=file, reason=reason, at=instant(self.now), rows_kept=rows_kept,
            bad_rows=tuple(bad), next_command=next_command(self.stream, self.name),
        )  # fmt: skip
        self._quarantine.write(entry)

    @property
    def name(self) -> str:
        """The name the file is kept by."""
        return safe_name(self.file.name)

    def _original(self, sha256: str) -> LakePath:
        """Where the file is, or will be, kept: under the name it was first landed by."""
        folder = self.root / "originals" / self.stream.source / self.stream.name / sha256
        path = Bronze(self.root).find(self.stream, sha256, self.now)
        name = self.name if path is None else _first_envelope(path)["origin"]["uri"]
        return folder / safe_name(name)

    @property
    def _quarantine(self) -> Quarantine:
        return Quarantine(self.root)


class _Counted:
    """An iterator that knows how many it gave."""

    def __init__(self, records: Iterator[Record]) -> None:
        self.count = 0
        self._records = records

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> Record:
        record = next(self._records)
        self.count += 1
        return record


def _content(file: LakePath, seen: Mark) -> bytes:
    content = read(file, seen)
    if content is None:
        raise _changing(file)
    return content


def _changing(file: LakePath) -> BusyError:
    return BusyError(f"{file.name!r} is still being written", next_command="lake land")


def _check_count(bad: list[BadRow]) -> None:
    if len(bad) > caps.BAD_ROWS:
        more = f"more than {caps.BAD_ROWS:,} bad rows; {_shown(bad)}"
        bad.clear()
        raise BadInputError(more)


def _none_kept(bad: list[BadRow]) -> str:
    if not bad:
        return "0 rows: nothing below the header, or an empty list"
    return f"none of its {len(bad):,} rows can be kept: {_shown(bad)}"


def _shown(bad: list[BadRow]) -> str:
    """The first bad row, and that there are more."""
    sheet = f" of sheet {bad[0].sheet!r}" if bad[0].sheet else ""
    more = f" (and {len(bad) - 1:,} more)" if len(bad) > 1 else ""
    return f"row {bad[0].row:,}{sheet}: {bad[0].reason}{more}"


def _first_envelope(path: LakePath) -> dict[str, Any]:
    with opened(path) as packed, gzip.open(packed, "rb") as lines:
        found: dict[str, Any] = json.loads(next(lines))
    return found
