"""A bundle of files with a manifest and their checksums: written whole, and read mistrustfully.

`SHA256SUMS` is as coreutils write it, of every file but itself; `manifest.json` says the same
sums, so that of two that disagree the third tells which was changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lakehouse.errors import BadInputError, StorageError, UsageError

SUMS, MANIFEST, README = "SHA256SUMS", "manifest.json", "README.md"


def sha256(content: bytes) -> str:
    """The hash in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def text(value: Any) -> bytes:
    """A value as the bundle's own JSON: the same bytes for the same value."""
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


@dataclass
class Bundle:
    """The files of a bundle to be, by path."""

    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, path: str, content: bytes) -> str:
        """Take a file. Raises StorageError for another content of the same path."""
        if self.files.setdefault(path, content) != content:
            raise StorageError(f"two files of the bundle are called {path}")
        return path

    def write(self, out: Path, facts: dict[str, Any]) -> str:
        """Write all files to a folder that is there whole or not at all; gives the fingerprint.

        Raises UsageError for a folder that is there already.
        """
        if out.exists():
            raise UsageError(f"{out} is there already", next_command="another --out")
        said = {p: {"bytes": len(c), "sha256": sha256(c)} for p, c in self.files.items()}
        self.add(MANIFEST, text({**facts, "files": said}))
        sums = _sums({path: sha256(content) for path, content in self.files.items()})
        partial = out.with_name(f".{out.name}.{os.getpid()}.part")
        try:
            for path, content in {**self.files, SUMS: sums}.items():
                target = partial / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            partial.rename(out)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise StorageError(f"{out}: {error.strerror}", next_command="df -h") from error
        return sha256(sums)


def _sums(found: dict[str, str]) -> bytes:
    return "".join(f"{found[path]}  {path}\n" for path in sorted(found)).encode()


@dataclass(frozen=True)
class Read:
    """A bundle as it lies there: its files, and what is wrong with them."""

    files: dict[str, bytes]
    findings: list[str]

    @property
    def fingerprint(self) -> str:
        """The hash of the checksums: it stands for the whole bundle."""
        return sha256(self.files.get(SUMS, b""))

    @property
    def manifest(self) -> dict[str, Any]:
        """What the manifest says. Raises BadInputError if it cannot be read."""
        found = _parsed(self.files.get(MANIFEST, b""))
        if found is None:
            raise BadInputError(f"{MANIFEST} cannot be read")
        return found


def read(folder: Path) -> Read:
    """Every file of the folder, against the checksums and the manifest.

    Raises UsageError for a folder that is no bundle.
    """
    if not (folder / SUMS).is_file():
        raise UsageError(f"{folder} is no bundle: no {SUMS}", next_command="lake evidence --out …")
    files, findings = {}, []
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        links = [name for name in (*folders, *names) if (here / name).is_symlink()]
        findings += [f"{(here / n).relative_to(folder)}: a link, no file" for n in links]
        for name in (n for n in names if n not in links):
            path = here / name
            files[path.relative_to(folder).as_posix()] = path.read_bytes()
    return Read(files, [*findings, *_differences(files)])


def _differences(files: dict[str, bytes]) -> list[str]:
    listed = _listed(files[SUMS])
    manifest = _parsed(files.get(MANIFEST, b"")) or {}
    said: dict[str, Any] = manifest.get("files") or {}
    is_true = {path: sha256(content) for path, content in files.items() if path != SUMS}
    found = [f"{path}: missing" for path in sorted({*listed, *said} - is_true.keys())]
    found += [f"{path}: added, not in {SUMS}" for path in sorted(is_true.keys() - listed.keys())]
    for path in sorted(is_true.keys() & listed.keys()):
        of_manifest = (said.get(path) or {}).get("sha256")
        if is_true[path] != listed[path]:
            is_sums = is_true[path] == of_manifest and path != MANIFEST
            found.append(f"{SUMS if is_sums else path}: changed" + f" ({path})" * is_sums)
        elif path != MANIFEST and is_true[path] != of_manifest:
            found.append(f"{path}: not what {MANIFEST} says")
    if not found and files[SUMS] != _sums(is_true):
        found.append(f"{SUMS}: changed")
    return found


def _listed(sums: bytes) -> dict[str, str]:
    """Path → hash of each line that is one."""
    found = {}
    for line in sums.decode(errors="replace").split("\n"):
        digest, _, path = line.partition("  ")
        if path:
            found[path] = digest
    return found


def _parsed(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
