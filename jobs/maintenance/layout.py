"""Which partitions of a table should be written anew, and why; pure: from its files' figures."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

# Iceberg's own mark: a file below three quarters of the target is worth joining.
SMALL = 0.75
# So many small files of a partition are worth a rewrite, two are not.
MIN_SMALL = 3
# Each reader opens every delete file, and reads rows in vain for every deleted one.
MIN_DELETE_FILES = 3
MAX_DELETED = 0.1
# A manifest may be so large, and so many of them are no burden.
MANIFEST_BYTES = 8 * 1024 * 1024
MIN_MANIFESTS = 10


class File(NamedTuple):
    """A data file: the first day of its partition (none: unpartitioned, or of an older layout).

    `low` and `high` are bounds of the first sort column, where they are known.
    """

    partition: date | None
    size: int
    rows: int
    low: Any = None
    high: Any = None


class Deletes(NamedTuple):
    """A delete file: its partition and the rows it deletes."""

    partition: date | None
    rows: int


class Files(NamedTuple):
    """What a snapshot is made of."""

    data: tuple[File, ...]
    deletes: tuple[Deletes, ...]
    manifests: int
    manifest_bytes: int


class Need(NamedTuple):
    """A partition that should be written anew; `sort` if whole, because its order is broken."""

    partition: date | None
    why: str
    sort: bool


def needs(files: Files, target_bytes: int) -> list[Need]:
    """The partitions to be written anew, in order."""
    data: dict[date | None, list[File]] = defaultdict(list)
    deletes: dict[date | None, list[Deletes]] = defaultdict(list)
    for file in files.data:
        data[file.partition].append(file)
    for delete in files.deletes:
        deletes[delete.partition].append(delete)
    found = []
    for partition in sorted(data.keys() | deletes.keys(), key=lambda p: (p is not None, p)):
        mine = data[partition]
        reasons = [*_small(mine, target_bytes), *_deleted(mine, deletes[partition])]
        disorder = _disorder(mine, target_bytes)
        if reasons or disorder:
            found.append(Need(partition, ", ".join((*reasons, *disorder)), bool(disorder)))
    return found


def is_small(file: File, target_bytes: int) -> bool:
    """Whether a file is worth joining with others."""
    return file.size < SMALL * target_bytes


def _small(files: list[File], target_bytes: int) -> list[str]:
    """Enough small files that half of them would do."""
    sizes = [f.size for f in files if is_small(f, target_bytes)]
    left = math.ceil(sum(sizes) / target_bytes)
    if len(sizes) < MIN_SMALL or 2 * left > len(sizes):
        return []
    return [f"{len(sizes)} small files"]


def _deleted(files: list[File], deletes: list[Deletes]) -> list[str]:
    rows, gone = sum(f.rows for f in files), sum(d.rows for d in deletes)
    if len(deletes) < MIN_DELETE_FILES and gone <= MAX_DELETED * rows:
        return []
    return [f"{len(deletes)} delete files over {gone} of {rows} rows"]


def _disorder(files: list[File], target_bytes: int) -> list[str]:
    """Full-grown files that hold the same stretch of the sort: a reader of one opens all."""
    whole = [(f.low, f.high) for f in files if not is_small(f, target_bytes)]
    deep = _depth([ends for ends in whole if None not in ends])
    return [f"{deep} files over the same stretch of the sort"] if deep > 1 else []


def _depth(ranges: Iterable[tuple[Any, Any]]) -> int:
    """How many of the ranges overlap at most in more than an end point."""
    ends = sorted(end for low, high in ranges for end in ((low, 1), (high, -1)))
    deepest = depth = 0
    for _, step in ends:
        depth += step
        deepest = max(deepest, depth)
    return deepest


def many_manifests(files: Files) -> str:
    """Why the manifests should be written anew; empty if they need not be."""
    enough = max(math.ceil(files.manifest_bytes / MANIFEST_BYTES), MIN_MANIFESTS)
    if files.manifests <= enough:
        return ""
    return f"{files.manifests} manifests of {files.manifest_bytes // files.manifests} bytes"
