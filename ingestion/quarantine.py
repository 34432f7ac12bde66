"""Quarantine: what could not be landed, whole or in part, and why.

`quarantine/<source>/<stream>/<sha256>/reason.json`, with the file beside it when nothing of it
could be kept; of a partly good file the bytes are in `originals/`, and stand only there.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ingestion.bronze import Stream, publish
from lakehouse.errors import BadInputError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

REASON = "reason.json"


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
    return f"lake land {shlex.quote('./' + name)} --to {stream}"


class Quarantine:
    """The quarantined files below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, stream: Stream, sha256: str) -> Path:
        """Where everything about these bytes is."""
        return self.root / "quarantine" / stream.source / stream.name / sha256

    def find(self, stream: Stream, sha256: str) -> Entry | None:
        """What is known of these bytes."""
        path = self.folder(stream, sha256) / REASON
        return _read(path) if path.is_file() else None

    def list(self) -> Iterable[Entry]:
        """Every entry, the oldest first."""
        paths = (self.root / "quarantine").glob(f"*/*/*/{REASON}")
        return sorted(map(_read, paths), key=lambda entry: (entry.at, entry.sha256))

    def write(self, entry: Entry) -> None:
        """List the file. Its bytes are in place before this is called."""
        text = json.dumps(asdict(entry), ensure_ascii=False, indent=1)
        # A reason may quote half a surrogate pair from the file.
        content = (text + "\n").encode(errors="backslashreplace")
        publish(self.folder(entry.of, entry.sha256) / REASON, content)


def quarantined(root: Path) -> list[Entry]:
    """Every file in quarantine, the oldest first."""
    return list(Quarantine(root).list())


def copy(file: Path, target: Path) -> None:
    """Copy a file that is too large for memory, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with file.open("rb") as source, partial.open("wb") as out:
            shutil.copyfileobj(source, out, 1024 * 1024)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StorageError(f"{target}: {error.strerror}", next_command="df -h") from error


def _read(path: Path) -> Entry:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        bad = tuple(BadRow(**row) for row in found.pop("bad_rows"))
        return Entry(**found, bad_rows=bad)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInputError(f"{path} is no quarantine entry: {error}") from error
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
