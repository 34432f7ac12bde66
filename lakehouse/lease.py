"""One writer per group of tables: a lease that dies with its holder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TextIO

from lakehouse.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_POLL_SEC = 0.2


def _try(handle: TextIO) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> str:
    try:
        said = json.loads(path.read_text())
        return f"process {said['pid']} on {said['host']} since {said['since']}"
    except (OSError, ValueError, KeyError):
        return "another process"


@contextlib.contextmanager
def hold(
    root: Path, group: str, wait_sec: float, waiting: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Hold the group's lease; wait for another holder at most `wait_sec` seconds.

    The kernel frees the lock of a killed process, so no lease outlives its holder. `waiting`
    is told once who holds it. Raises BusyError naming the holder.
    """
    path = root / "leases" / f"{group}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_sec
    with path.open("a+") as handle:
        told = False
        while not _try(handle):
            if not told:
                waiting(f"{group} is held by {_holder(path)}; waiting up to {wait_sec:.0f} s")
                told = True
            if time.monotonic() >= deadline:
                raise BusyError(
                    f"{group} is held by {_holder(path)}", next_command="wait, then type it again"
                )
            time.sleep(_POLL_SEC)
        since = datetime.now(timezone.utc).isoformat(timespec="seconds")
        said = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
        handle.truncate(0)
        handle.write(json.dumps(said))
        handle.flush()
        try:
            yield
        finally:
            handle.truncate(0)
            fcntl.flock(handle, fcntl.LOCK_UN)
