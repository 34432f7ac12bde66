"""A project whose functions are one line each, for tests of what is around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console import build
from console.package import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

_HANDLERS = ("ingest", "land", "transform", "observe", "notify")
_CODE = "\n\n".join(f"def {name}(event, context):\n    return event\n" for name in _HANDLERS)


def make(root: Path, *, keep: frozenset[str]) -> Path:
    """The project at `root`: rooms to keep are this project's own, others have placeholders."""
    for source in sorted({s for function in build.FUNCTIONS for s in function.sources}):
        target = root / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.split("/")[0] in keep and (PROJECT / source).exists():
            target.symlink_to(PROJECT / source)
        else:
            target.mkdir()
            (target / "__init__.py").write_text("")
            (target / "functions.py").write_text(_CODE)
    return root
