"""The code behind a version that a receipt names: from this checkout, or from its history."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.package import PROJECT
from lakehouse import code

if TYPE_CHECKING:
    from pathlib import Path

_COMMITS = 500


@dataclass(frozen=True)
class Code:
    """The shipped files of a version, and the commit that last changed them (empty: unknown)."""

    version: str
    files: dict[str, bytes]
    commit: str = ""


def find(versions: set[str], project: Path = PROJECT) -> dict[str, Code]:
    """The code of these versions, as far as this checkout or its history has it."""
    found: dict[str, Code] = {}
    for commit in _commits(project):
        if versions <= found.keys():
            break
        files = _files(project, commit)
        version = code.digest(files.items())
        if version in versions and version not in found:
            found[version] = Code(version, files, commit)
    here = code.version()
    if here in versions and here not in found:
        found[here] = Code(here, dict(code.shipped()))
    return found


def _commits(project: Path) -> list[str]:
    """Commits that changed what ships, newest first; none where there is no git."""
    told = _git(project, "log", f"--max-count={_COMMITS}", "--format=%H", "--", *code.SHIPPED)
    return told.decode().split()


def _files(project: Path, commit: str) -> dict[str, bytes]:
    """What shipped at a commit."""
    packed = _git(project, "archive", "--format=tar", commit, "--", *code.SHIPPED)
    if not packed:
        return {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {
            member.name: stream.read()
            for member in archive.getmembers()
            if member.isfile() and code.ships(member.name)
            if (stream := archive.extractfile(member)) is not None
        }


def _git(project: Path, *words: str) -> bytes:
    """What git says; nothing where it cannot answer."""
    try:
        done = subprocess.run(
            ["git", "-C", str(project), *words],  # noqa: S607
            check=False,
            capture_output=True,
        )
    except FileNotFoundError:
        return b""
    return done.stdout if done.returncode == 0 else b""
