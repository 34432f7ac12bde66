"""What a scenario has put into a lake, so that a second play has nothing to do."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from ingestion.places import below, publish

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ingestion.places import LakePath


class Memory:
    """Remembers in `state/` that `script` was played to its end, and which files came of it.

    Only a saving of time: a play that nobody remembers lands the same bytes again, which changes
    nothing. A lake that lost one of the files was not played.
    """

    def __init__(self, root: Path, script: Any) -> None:
        self._root, self._path = root, root / "state" / "simulated.json"
        self._script = hashlib.sha256(json.dumps(script, default=str).encode()).hexdigest()

    def recall(self) -> tuple[int, int] | None:
        """How many replies in how many files; None if there is something to play."""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            whole = all((self._root / file).is_file() for file in kept["files"])
            if whole and kept["script"] == self._script:
                return int(kept["replies"]), len(kept["files"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def keep(self, replies: int, files: Iterable[LakePath]) -> None:
        """The script was played to its end."""
        names = sorted(str(below(file, self._root)) for file in files)
        facts = {"script": self._script, "replies": replies, "files": names}
        publish(self._path, (json.dumps(facts) + "\n").encode())
