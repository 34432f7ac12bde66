"""The shipped code as one zip, the same bytes for the same files: what EMR gets as --py-files."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from lakehouse.code import SHIPPED

_PROJECT = Path(__file__).parent.parent
# A fixed time, so that the archive depends on names and contents only.
_WHEN = (2020, 1, 1, 0, 0, 0)


def content() -> bytes:
    """The zip of all shipped packages."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in SHIPPED:
            for path in sorted((_PROJECT / package).rglob("*")):
                if path.suffix in (".py", ".sql"):
                    name = zipfile.ZipInfo(str(path.relative_to(_PROJECT)), _WHEN)
                    name.external_attr = 0o644 << 16
                    archive.writestr(name, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def build(folder: Path) -> tuple[Path, Path]:
    """Write `<folder>/<sha256>/lake.zip` and `main.py` beside it; returns both paths."""
    packed = content()
    target = folder / hashlib.sha256(packed).hexdigest()
    target.mkdir(parents=True, exist_ok=True)
    archive, entry = target / "lake.zip", target / "main.py"
    archive.write_bytes(packed)
    entry.write_bytes((_PROJECT / "jobs" / "__main__.py").read_bytes())
    return archive, entry
