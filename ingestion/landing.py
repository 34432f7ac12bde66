"""The drop zone: a file becomes bronze rows, or is in quarantine with the reason.

A file in raw is removed as the very last step; landing the same bytes again changes nothing.
"""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING

from ingestion import streams
from ingestion.bronze import Stream
from ingestion.dropped import Dropped, Landed, mark
from lakehouse.errors import BusyError, UsageError
from lakehouse.log import event, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

__all__ = ["Landed", "land", "strays", "sweep", "waiting"]

SETTLE_SEC = 0.5
"""A file in raw that changed so lately may still be being written; it is looked at twice."""
_WRITING = (".part", ".tmp", ".crdownload", ".filepart")
_HIDDEN = (".", "~$")
_DEPTH_OF_STREAM = 2


def land(
    root: Path,
    file: Path,
    stream: Stream,
    *,
    now: datetime,
    location: str | None,
    keep_source: bool,
    step: Callable[[str], None] = lambda _name: None,
) -> Landed:
    """Land one file; `step` hears which step is next.

    `location` is the place a weather file answers for, which it does not say itself.
    Raises UsageError for an unknown stream or no file, BusyError for a file that changes.
    """
    kind = streams.kind(stream)
    if kind.of_place and not location:
        raise UsageError(f"{stream}: whose weather is it?", next_command="lake land … --location")
    seen = _seen(file)
    dropped = Dropped(
        root=root,
        file=file,
        stream=stream,
        request={"q": location} if kind.of_place else {},
        now=now,
        step=step,
    )
    landed = dropped.land(kind, seen)
    step("clean")
    if not keep_source and mark(file) == seen:  # what was written since is not lost
        file.unlink()
    event("file_landed", file=file.name, stream=str(stream), status=landed.status)
    return landed


def sweep(
    root: Path, *, now: datetime, location: str | None, settle_sec: float = SETTLE_SEC
) -> list[Landed]:
    """Land everything in raw/SOURCE/STREAM/; hidden and unfinished files are left alone."""
    done = []
    for path, stream in waiting(root, settle_sec=settle_sec):
        try:
            landed = land(root, path, stream, now=now, location=location, keep_source=False)
        except BusyError as error:  # noqa: PERF203 - one file's trouble is not the others'
            warn("left_in_raw", file=path.name, reason=error.message)
        except UsageError:
            if path.exists():
                raise  # else another sweep took it
        else:
            done.append(landed)
    return done


def waiting(root: Path, *, settle_sec: float = SETTLE_SEC) -> list[tuple[Path, Stream]]:
    """The files in raw that are whole, with their streams."""
    found = [(path, stream) for path, stream in _in_raw(root) if stream]
    before = [mark(path) for path, _ in found]
    newest = max((seen[1] / 1e9 for seen in before if seen), default=0.0)
    time.sleep(min(max(newest + settle_sec - time.time(), 0), settle_sec))
    whole = []
    for (path, stream), seen in zip(found, before):
        if seen and mark(path) == seen:
            whole.append((path, stream))
        else:
            warn("left_in_raw", file=path.name, reason="it is still being written")
    return whole


def strays(root: Path) -> list[Path]:
    """What lies in raw but in no known SOURCE/STREAM, or is no plain file: it is left alone."""
    return [path for path, stream in _in_raw(root) if stream is None]


def _in_raw(root: Path) -> Iterator[tuple[Path, Stream | None]]:
    raw = root / "raw"
    for folder, folders, names in os.walk(raw):
        folders[:] = sorted(name for name in folders if not name.startswith(_HIDDEN))
        for name in sorted(names):
            if name.startswith(_HIDDEN) or name.lower().endswith(_WRITING):
                continue
            path = raw.joinpath(folder, name)
            yield path, _stream_of(path, raw)


def _stream_of(path: Path, raw: Path) -> Stream | None:
    """The stream of a file's folder; a link is nobody's, as it may point anywhere."""
    try:
        stream = Stream(*path.relative_to(raw).parts[:_DEPTH_OF_STREAM])
        inside = len(path.relative_to(raw).parts) > _DEPTH_OF_STREAM
        plain = stat.S_ISREG(path.lstat().st_mode)
    except (TypeError, FileNotFoundError):
        return None
    return stream if inside and plain and str(stream) in streams.KINDS else None


def _seen(file: Path) -> tuple[int, ...]:
    if not file.is_file():
        what = "a folder: name its files" if file.is_dir() else "not there, or no plain file"
        raise UsageError(f"{str(file)!r} is {what}")
    seen = mark(file)
    if seen is None:
        raise UsageError(f"{str(file)!r} is not there any more")
    return seen
