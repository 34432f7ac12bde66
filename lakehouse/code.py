"""Which code runs: a hash of all that ships, the same in a checkout and in the uploaded zip."""

from __future__ import annotations

import functools
import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHIPPED = ("jobs", "lakehouse", "sql")
# Analysts' questions run elsewhere: a new one is no new version of a job.
_ELSEWHERE = "sql/athena/"


def ships(path: str) -> bool:
    """Whether a file of a shipped package ships itself, by its path from the project's root."""
    return path.endswith((".py", ".sql")) and not path.startswith(_ELSEWHERE)


def _files(folder: Any, name: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda e: str(e.name)):
        path = f"{name}/{entry.name}"
        if entry.is_dir():
            yield from _files(entry, path)
        elif ships(path):
            yield path, entry.read_bytes()


def shipped() -> Iterator[tuple[str, bytes]]:
    """Path and content of every file that ships, as installed here."""
    for package in SHIPPED:
        yield from _files(resources.files(package), package)


def digest(files: Iterable[tuple[str, bytes]]) -> str:
    """The first 12 hex digits of the SHA-256 over names and bytes, ordered folder by folder."""
    found = hashlib.sha256()
    for path, content in sorted(files, key=lambda file: file[0].split("/")):
        found.update(f"{path}\0{len(content)}\0".encode())
        found.update(content)
    return found.hexdigest()[:12]


@functools.lru_cache(maxsize=1)
def version() -> str:
    """The digest of the shipped files."""
    return digest(shipped())
