"""Quarantine: what could not be landed, whole or in part, and why.

`quarantine/<source>/<stream>/<sha256>/reason.json`, with the file beside it when nothing of it
could be kept; of a partly good file the bytes are in `originals/`, and stand only there.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ingestion.bronze import Stream
from ingestion.places import glob, publish, read
from lakehouse.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingestion.places import LakePath

REASON = "reason.json"
STRAYS = Stream("raw", "strays")
"""No stream: where files go that were dropped for none."""


@dataclass(frozen=True)
class BadRow:
    """A row that was left out, and why."""

    row: int
    sheet: str | None
    reason: str


@dataclass(frozen=True)
class Entry:
    """One file in quarantine; `file` is where its bytes are, relative to the lake's root."""

    source: str
    stream: str
    sha256: str
    name: str
    file: str
    reason: str
    at: str
    rows_kept: int
    bad_rows: tuple[BadRow, ...]
    next_command: str

    @property
    def of(self) -> Stream:
        """The stream that the file was meant for."""
        return Stream(self.source, self.stream)


def next_command(stream: Stream, name: str) -> str:
    """What to type when the file has been put right."""
    to = "SOURCE/STREAM" if stream == STRAYS else stream
    return f"lake land {shlex.quote('./' + name)} --to {to}"


class Quarantine:
    """The quarantined files below `root`."""

    def __init__(self, root: LakePath) -> None:
        self.root = root

    def folder(self, stream: Stream, sha256: str) -> LakePath:
        """Where everything about these bytes is."""
        return self.root / "quarantine" / stream.source / stream.name / sha256

    def find(self, stream: Stream, sha256: str) -> Entry | None:
        """What is known of these bytes."""
        return _read(self.folder(stream, sha256) / REASON)

    def list(self) -> Iterable[Entry]:
        """Every entry, the oldest first."""
        paths = glob(self.root / "quarantine", f"*/*/*/{REASON}")
        entries = (entry for path in paths if (entry := _read(path)))
        return sorted(entries, key=lambda entry: (entry.at, entry.sha256))

    def write(self, entry: Entry) -> None:
        """List the file. Its bytes are in place before this is called."""
        text = json.dumps(asdict(entry), ensure_ascii=False, indent=1)
        # A reason may quote half a surrogate pair from the file.
        content = (text + "\n").encode(errors="backslashreplace")
        publish(self.folder(entry.of, entry.sha256) / REASON, content)


def quarantined(root: LakePath) -> list[Entry]:
    """Every file in quarantine, the oldest first."""
    return list(Quarantine(root).list())


def _read(path: LakePath) -> Entry | None:
    """The entry of a file; None if there is none."""
    content = read(path)
    if content is None:
        return None
    try:
        found: dict[str, Any] = json.loads(content)
        bad = tuple(BadRow(**row) for row in found.pop("bad_rows"))
        return Entry(**found, bad_rows=bad)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInputError(f"{path} is no quarantine entry: {error}") from error
