"""Where the lake's files are: a folder, or a bucket of S3 with the same names below it.

Paths of both are joined, compared and named alike, and these verbs do the rest: nothing but this
file asks which of the two a path is of.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, Any, Union

from ingestion import bucket, folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudpathlib import S3Path

    from lakehouse.settings import Settings

    LakePath = Union[Path, S3Path]
    # What changes when a file is written or replaced; its size comes first.
    Mark = tuple[Any, ...]


def root(settings: Settings) -> LakePath:
    """The lake's own folder, absolute, or its bucket."""
    return bucket.root(settings) if settings.in_bucket else settings.root


def is_local(path: LakePath) -> bool:
    """Whether it is on this machine."""
    return isinstance(path, Path)


def is_plain(path: LakePath) -> bool:
    """Whether it is a file itself: a link may point anywhere. In a bucket there are only files."""
    return not isinstance(path, Path) or (path.is_file() and not path.is_symlink())


def is_folder(path: LakePath) -> bool:
    """Whether it is a folder; a bucket has none."""
    return isinstance(path, Path) and path.is_dir()


def below(path: LakePath, parent: LakePath) -> PurePath:
    """The rest of the path below a folder of the same place."""
    return path.relative_to(parent)  # type: ignore[arg-type]


def is_below(path: LakePath, parent: LakePath) -> bool:
    """Whether the path, links followed, leads below that folder; of another place it never does."""
    if isinstance(path, Path) and isinstance(parent, Path):
        return path.resolve().is_relative_to(parent.resolve())
    return not isinstance(path, Path) and not isinstance(parent, Path) and parent in path.parents


def mark(path: LakePath) -> Mark | None:
    """What tells one content of the file from the next: (size, …); None if there is no file."""
    return folder.mark(path) if isinstance(path, Path) else bucket.mark(path)


def read(path: LakePath, seen: Mark | None = None) -> bytes | None:
    """The file's bytes; None if it is not there, or not what was seen any more."""
    return folder.read(path, seen) if isinstance(path, Path) else bucket.read(path, seen)


@contextmanager
def opened(path: LakePath) -> Iterator[IO[bytes]]:
    """The file as a stream of bytes, which can be read once, from its beginning."""
    with path.open("rb") if isinstance(path, Path) else bucket.opened(path) as stream:
        yield stream


def publish(target: LakePath, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    if isinstance(target, Path):
        folder.publish(target, content)
    else:
        bucket.publish(target, content)


def copy(file: LakePath, target: LakePath) -> None:
    """Copy a file that is too large for memory, whole or not at all."""
    if isinstance(target, Path):
        folder.copy(Path(file), target)
    elif isinstance(file, Path):
        bucket.upload(file, target)
    else:
        bucket.copy(file, target)


def remove(path: LakePath, seen: Mark | None = None) -> None:
    """Delete the file, if there is one and it is what was seen."""
    if isinstance(path, Path):
        folder.remove(path, seen)
    else:
        bucket.remove(path, seen)


def glob(parent: LakePath, pattern: str) -> list[LakePath]:
    """What matches the pattern below a folder; a bucket lists names, and reads nothing."""
    if isinstance(parent, Path):
        return list(parent.glob(pattern))
    return list(bucket.glob(parent, pattern))


def files(parent: LakePath) -> Iterator[LakePath]:
    """Every file below a folder, links included."""
    yield from folder.files(parent) if isinstance(parent, Path) else bucket.files(parent)
