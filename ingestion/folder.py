"""The verbs of `places` for a folder of this machine."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from lakehouse.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def mark(path: Path) -> tuple[int, ...] | None:
    """What changes when a file is written or replaced; None if it is none."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def read(path: Path, seen: tuple[int, ...] | None) -> bytes | None:
    """The file's bytes; None if it is not there, or not what was seen any more."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{str(path)!r}: {error.strerror}") from error
    return content if seen is None or mark(path) == seen else None


def publish(target: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    with _whole(target) as out:
        out.write(content)


def copy(file: Path, target: Path) -> None:
    """Copy a file that is too large for memory, whole or not at all."""
    with file.open("rb") as source, _whole(target) as out:
        shutil.copyfileobj(source, out, 1024 * 1024)


def remove(path: Path, seen: tuple[int, ...] | None) -> None:
    """Delete the file, if there is one and it is what was seen."""
    if seen is None or mark(path) == seen:
        path.unlink(missing_ok=True)


def files(folder: Path) -> Iterator[Path]:
    """Every file and link below the folder, by name; links are not followed."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (folder.joinpath(parent, name) for name in sorted(names))


@contextmanager
def _whole(target: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name when all of it is on the disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        partial.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # else the name itself may be gone after a power cut
        finally:
            os.close(folder)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StorageError(f"{target}: {error.strerror}", next_command="df -h") from error
