"""One writer per group of tables: a lease, by the kernel in a folder, by the catalog elsewhere."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, TextIO

from lakehouse import log
from lakehouse.errors import BusyError, ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Waiting = Callable[[str], None]
    # What `catalog_lease` needs of a catalog: read a group's claim, and replace it if unchanged.
    Read = Callable[[str], Optional[str]]
    Swap = Callable[[str, Optional[str], Optional[str]], bool]

_POLL_SEC = 0.2
# A dead holder's claim ends by itself; a living one renews it three times before that.
TTL_SEC = 180
# The clocks of two machines may differ by so much.
SKEW_SEC = 30
_NEXT = "wait, then type it again"


def _quiet(_: str) -> None:
    return None


def _try(handle: TextIO) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _said(text: Optional[str]) -> dict[str, Any]:
    try:
        found = json.loads(text or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _machine() -> str:
    """This boot and this view of its processes; nothing where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _began(pid: object) -> str:
    """When a process of this machine began, in ticks; nothing of one that has ended."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if facts[0] in ("Z", "X") else facts[19]


def _holder(text: str) -> str:
    said = _said(text)
    if not {"pid", "host", "since"} <= said.keys():
        return "another process"
    return f"process {said['pid']} on {said['host']} since {said['since']}"


def _claim(**more: Any) -> str:
    since = datetime.now(timezone.utc).isoformat(timespec="seconds")
    here = {"machine": _machine(), "began": _began(os.getpid())}
    who = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
    return json.dumps({**who, **here, **more})


def _wait(
    group: str, wait_sec: float, poll_sec: float, waiting: Waiting
) -> Iterator[Callable[[str], None]]:
    """Tries until the time is over: each is told who holds the lease, if it fails.

    Raises BusyError naming the holder.
    """
    deadline, told = time.monotonic() + wait_sec, False
    holder = ""

    def held_by(text: str) -> None:
        nonlocal holder, told
        holder = _holder(text)
        if not told:
            waiting(f"{group} is held by {holder}; waiting up to {wait_sec:.0f} s")
            told = True

    while True:
        yield held_by
        if time.monotonic() >= deadline:
            raise BusyError(f"{group} is held by {holder}", next_command=_NEXT)
        time.sleep(min(poll_sec, max(deadline - time.monotonic(), 0)))


@contextlib.contextmanager
def hold(
    root: Path, group: str, wait_sec: float, waiting: Waiting = _quiet
) -> Iterator[Callable[[], None]]:
    """Hold the group's lease in a folder; wait for another holder at most `wait_sec` seconds.

    The kernel frees the lock of a killed process, so no lease outlives its holder. `waiting`
    is told once who holds it. Raises BusyError naming the holder.
    """
    path = root / "leases" / f"{group}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        for held_by in _wait(group, wait_sec, _POLL_SEC, waiting):
            if _try(handle):
                break
            held_by(path.read_text())
        handle.truncate(0)
        handle.write(_claim())
        handle.flush()
        try:
            yield lambda: None
        finally:
            handle.truncate(0)
            fcntl.flock(handle, fcntl.LOCK_UN)


@dataclass
class _Claim:
    """A claim in the catalog, renewed while its holder lives."""

    group: str
    read: Read
    swap: Swap
    ttl_sec: float
    text: Optional[str] = None
    ends: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def take(self) -> Optional[str]:
        """Claim a free or a dead holder's lease; else what the holder says of itself."""
        there = self.read(self.group)
        if there is not None and not _is_dead(there):
            return there
        return None if self._put(there) else self.read(self.group) or "{}"

    def renew(self) -> None:
        """Put off the end, three times in its life, until it is over."""
        while not self.over.wait(self.ttl_sec / 3):
            try:
                self._put(self.text)
            except Exception as error:  # noqa: BLE001, PERF203  tried again; `check` tells
                log.warn("lease", group=self.group, why=str(error)[:200])

    def check(self) -> None:
        """Raise ConflictError if the claim may have ended: somebody else may be writing."""
        if time.monotonic() >= self.ends:
            raise ConflictError(f"the lease of {self.group} ran out", next_command=_NEXT)

    def leave(self) -> None:
        """Free the lease."""
        self.over.set()
        self.swap(self.group, self.text, None)

    def _put(self, old: Optional[str]) -> bool:
        ends = time.monotonic() + self.ttl_sec
        until = datetime.now(timezone.utc) + timedelta(seconds=self.ttl_sec)
        new = _claim(until=until.isoformat(timespec="seconds"), token=uuid.uuid4().hex)
        if not self.swap(self.group, old, new):
            return False
        self.text, self.ends = new, ends
        return True


def _is_dead(text: str) -> bool:
    """Whether a claim's time is over, or its process on this very machine has ended."""
    said = _said(text)
    is_here = said.get("machine") and said["machine"] == _machine()
    if is_here and _began(said.get("pid")) != said.get("began"):
        return True
    until = said.get("until")
    late = datetime.now(timezone.utc) - timedelta(seconds=SKEW_SEC)
    return until is None or datetime.fromisoformat(until) < late


@contextlib.contextmanager
def catalog_lease(
    read: Read,
    swap: Swap,
    group: str,
    wait_sec: float,
    waiting: Waiting = _quiet,
    *,
    ttl_sec: float = TTL_SEC,
    poll_sec: float = 5,
) -> Iterator[Callable[[], None]]:
    """Hold the group's lease in the catalog; yields a check that it is still held.

    A killed holder's claim ends after `ttl_sec` seconds (and the skew of clocks), at once for who
    asks on the same machine. `swap` is atomic (lakehouse.iceberg.swap_property). Raises BusyError
    naming the holder.
    """
    claim = _Claim(group, read, swap, ttl_sec)
    for held_by in _wait(group, wait_sec, poll_sec, waiting):
        holder = claim.take()
        if holder is None:
            break
        held_by(holder)
    renewing = threading.Thread(target=claim.renew, name=f"lease {group}", daemon=True)
    renewing.start()
    try:
        yield claim.check
    finally:
        claim.over.set()
        renewing.join()
        claim.leave()
