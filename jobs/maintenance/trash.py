"""What maintenance removed, and how long it can come back.

In a folder, files move to `trash/<id>/` beside a manifest; in a bucket they get a delete marker,
and the manifest names them. The manifest is written before the first file goes.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lakehouse.errors import StorageError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from lakehouse.settings import Settings

FOLDER = "trash"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Removal:
    """One removal: which files of which table, when, by which name it is brought back."""

    id: str
    table: str
    removed_at: str
    files: tuple[str, ...]

    @classmethod
    def of(cls, table: str, files: list[str], now: datetime) -> Removal:
        """A new one."""
        name = f"{now:%Y%m%dT%H%M%S}-{table}-{uuid.uuid4().hex[:6]}"
        return cls(name, table, now.isoformat(timespec="seconds"), tuple(sorted(files)))

    @classmethod
    def parse(cls, text: str) -> Removal:
        """From its manifest."""
        found = json.loads(text)
        return cls(found["id"], found["table"], found["removed_at"], tuple(found["files"]))

    def __str__(self) -> str:
        return json.dumps(asdict(self), indent=1)


def manifest_uri(settings: Settings, removal_id: str) -> str:
    """Where the manifest of a removal lies."""
    return f"{settings.uri}/{FOLDER}/{removal_id}/{MANIFEST}"


def local_path(uri: str) -> str:
    """`file:/a` and `file:///a` → `/a`. Raises StorageError for what lies elsewhere."""
    scheme, _, rest = uri.rpartition(":")
    if scheme not in ("", "file"):
        raise StorageError(f"{uri} does not lie in a folder")
    return "/" + rest.lstrip("/")


def _folder(root: Path, removal_id: str) -> Path:
    found = root / FOLDER / removal_id
    if removal_id != found.name or not (found / MANIFEST).is_file():
        raise UsageError(
            f"nothing was removed under the name {removal_id!r}",
            next_command="lake maintain --removed",
        )
    return found


def move(root: Path, removal: Removal) -> None:
    """Move the files into the trash; those already gone are passed over."""
    folder = root / FOLDER / removal.id
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(str(removal), encoding="utf-8")
    for number, uri in enumerate(removal.files):
        try:
            shutil.move(local_path(uri), folder / str(number))
        except FileNotFoundError:  # noqa: PERF203  the rest must go on
            continue


def bring_back(root: Path, removal_id: str) -> list[str]:
    """Move the files of a removal back, as new as today's; what is there stays as it is.

    Returns the files. Raises UsageError for an unknown removal.
    """
    folder = _folder(root, removal_id)
    removal = Removal.parse((folder / MANIFEST).read_text(encoding="utf-8"))
    back = []
    for number, uri in enumerate(removal.files):
        kept, path = folder / str(number), local_path(uri)
        if kept.exists() and not os.path.lexists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
            shutil.move(kept, path)
            os.utime(path)  # or the next maintenance would find it as old as before
            back.append(uri)
    shutil.rmtree(folder)
    return back


def removals(root: Path) -> list[Removal]:
    """What can be brought back, oldest first."""
    found = (root / FOLDER).glob(f"*/{MANIFEST}")
    return sorted(
        (Removal.parse(path.read_text(encoding="utf-8")) for path in found), key=lambda r: r.id
    )


def purge(root: Path, days: int, now: datetime) -> list[str]:
    """Delete what was removed longer ago than that for good; returns the removals' names."""
    old = [
        removal.id
        for removal in removals(root)
        if datetime.fromisoformat(removal.removed_at) < now - timedelta(days=days)
    ]
    for name in old:
        shutil.rmtree(root / FOLDER / name)
    return old
