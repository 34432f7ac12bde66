"""How far a plan of calls has come, kept so that a kill loses and doubles nothing.

Each reply is appended to a journal as it comes. A flush writes the journal to bronze, where the
same replies are the same file, then moves the state on: killed between the two, the next run
writes the same file again, which changes nothing. The journal's name holds the state it goes on
from, so that one which the state has passed is never read.

Of a lake in a bucket the state is there, and the journal in a folder of this machine that ends
with the run: a killed function loses the replies of up to a minute that no flush has written yet
(`poll` says how many), and the next run asks for these again.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any

from ingestion.alone import alone
from ingestion.bronze import Bronze, Record, dumps, instant
from ingestion.places import is_local, publish, read, remove
from lakehouse.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from ingestion.bronze import Stream
    from ingestion.places import LakePath


@dataclass(frozen=True)
class Entry:
    """The call of that number in the plan: its answer and when, or None for a failed one."""

    number: int
    record: Record | None
    fetched_at: datetime

    def line(self) -> str:
        """The entry as one line of JSON."""
        asked = None if self.record is None else [self.record.request, self.record.payload]
        return dumps([self.number, instant(self.fetched_at), asked]) + "\n"

    @classmethod
    def parse(cls, line: str) -> Entry:
        """The entry of such a line."""
        number, at, asked = json.loads(line)
        record = None if asked is None else Record(payload=asked[1], request=asked[0])
        return cls(number, record, datetime.fromisoformat(at))


class Journal:
    """The progress of one plan into one stream; `done` calls are behind it."""

    def __init__(self, root: LakePath, stream: Stream, plan: list[Any]) -> None:
        digest = hashlib.sha256(dumps([str(stream), plan]).encode()).hexdigest()[:16]
        self._root, self._stream, self._total = root, stream, len(plan)
        self._name = f"poll-{stream.source}-{stream.name}-{digest}"
        self._state = root / "state" / f"{self._name}.json"
        self._still_alone: Callable[[], None] = lambda: None
        self._out: IO[str] | None = None
        self.entries: list[Entry] = []
        self.files: list[LakePath] = []

    @contextmanager
    def open(self) -> Iterator[Journal]:
        """Take up what an earlier run left. Raises BusyError if another one is at the same plan."""
        busy = f"another process is polling the same {self._stream}"
        with alone(self._root, self._name, busy) as self._still_alone, self._scratch() as folder:
            self._folder = Path(folder)
            try:
                self._resume()
                yield self
            finally:
                self._close()

    @property
    def done(self) -> int:
        """How many calls of the plan were made, failed ones included."""
        return self.entries[-1].number + 1 if self.entries else self._flushed

    def add(self, entry: Entry) -> None:
        """Remember a call; from here on a kill cannot lose it."""
        try:
            if self._out is None:
                self._out = self._path.open("a", encoding="utf-8")
            self._out.write(entry.line())
            self._out.flush()
        except OSError as error:
            raise StorageError(f"{self._path}: {error.strerror}", next_command="df -h") from error
        self.entries.append(entry)

    def flush(self) -> None:
        """Move what the journal holds to bronze, and the state on."""
        if not self.entries:
            return
        replies = [(e.record, e.fetched_at) for e in self.entries if e.record is not None]
        path = Bronze(self._root).write_replies(self._stream, replies)
        self._still_alone()  # else another run's state would be put back
        done, spent = self.done, self._path
        state = {"stream": str(self._stream), "done": done, "total": self._total}
        publish(self._state, (json.dumps(state) + "\n").encode())
        self._close()
        spent.unlink(missing_ok=True)
        self._flushed, self.entries = done, []
        self.files += [path] if path else []

    def finish(self) -> None:
        """Flush and forget the plan: the next run of it begins anew."""
        self.flush()
        remove(self._state)

    def forget(self) -> None:
        """Begin anew, after what the journal holds has gone to bronze."""
        self.finish()
        self._flushed = 0

    def _resume(self) -> None:
        self._flushed = 0
        if state := read(self._state):
            self._flushed = int(json.loads(state)["done"])
        for path in self._folder.glob(f"{self._name}.*.jsonl"):
            if path != self._path:
                path.unlink()
        if self._path.is_file():
            self._read()
            # As they are: with later replies beside them they would be another file.
            self.flush()

    def _read(self) -> None:
        """The entries of the journal; a line cut by a power failure is cut off."""
        text = self._path.read_text(encoding="utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1]
        # Not splitlines: JSON leaves other ends of lines (U+2028, say) as they are in texts.
        self.entries = [Entry.parse(line) for line in whole.split("\n")[:-1]]
        if whole != text:
            publish(self._path, whole.encode())

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._name}.{self._flushed}.jsonl"

    def _scratch(self) -> AbstractContextManager[LakePath | str]:
        """The folder of the journal: beside the state, or one that ends with this run."""
        if is_local(self._root):
            return nullcontext(self._state.parent)
        return TemporaryDirectory(prefix="lake-")

    def _close(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None
