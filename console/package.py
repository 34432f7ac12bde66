"""The shipped code as one zip, the same bytes for the same files: what EMR gets as --py-files."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from console.layers import add
from lakehouse.code import SHIPPED, ships

PROJECT = Path(__file__).parent.parent
_CODE = (".py", ".sql")


def code(project: Path, source: str) -> list[Path]:
    """The files of a package, or of one module, that ship."""
    path = project / source
    return sorted(p for p in path.rglob("*") if p.suffix in _CODE) if path.is_dir() else [path]


def content() -> bytes:
    """The zip of all shipped packages."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in SHIPPED:
            for path in code(PROJECT, package):
                name = path.relative_to(PROJECT).as_posix()
                if ships(name):
                    add(archive, name, path.read_bytes())
    return buffer.getvalue()


def build(folder: Path) -> tuple[Path, Path]:
    """Write `<folder>/<sha256>/lake.zip` and `main.py` beside it; returns both paths."""
    packed = content()
    target = folder / hashlib.sha256(packed).hexdigest()
    target.mkdir(parents=True, exist_ok=True)
    archive, entry = target / "lake.zip", target / "main.py"
    archive.write_bytes(packed)
    entry.write_bytes((PROJECT / "jobs" / "__main__.py").read_bytes())
    return archive, entry
