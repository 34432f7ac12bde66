"""One process at a thing: by the kernel's lock in a folder, by a lease in a bucket."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion import bucket, places
from lakehouse import lease
from lakehouse.errors import BusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cloudpathlib import S3Path

    from ingestion.places import LakePath


@contextmanager
def alone(root: LakePath, name: str, busy: str) -> Iterator[Callable[[], None]]:
    """Be the only one at `name`; yields a check that this is still so.

    A killed process's lock is free at once, its lease in a bucket too for whoever asks on the same
    machine, for others after `lease.TTL_SEC` seconds.
    Raises BusyError, saying `busy`, if another one is at it; the check raises ConflictError.
    """
    with _locked(root, name, busy) if isinstance(root, Path) else _leased(root, name) as check:
        yield check


@contextmanager
def _locked(root: Path, name: str, busy: str) -> Iterator[Callable[[], None]]:
    path = root / "state" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BusyError(busy) from None
        yield lambda: None


@contextmanager
def _leased(root: S3Path, name: str) -> Iterator[Callable[[], None]]:
    def claim(group: str) -> S3Path:
        return root / "leases" / f"{group}.json"

    def read(group: str) -> str | None:
        there = places.read(claim(group))
        return None if there is None else there.decode()

    def swap(group: str, old: str | None, new: str | None) -> bool:
        return bucket.swap(claim(group), old, new)

    with lease.catalog_lease(read, swap, name, wait_sec=0) as check:
        yield check
