"""Which snapshots of a table may go; pure: from its history and from who reads it.

A snapshot stays if anybody may still ask for it. Readers that go on from a cursor need the way
from there to main's head too, so main is only ever cut at its old end.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from lakehouse.snapshots import MAIN, RECEIPT
from lakehouse.upkeep import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakehouse.snapshots import History, Snapshot
    from lakehouse.upkeep import Upkeep

# A tag of that name marks where a reader outside this lake stands.
CONSUMER = "consumer"


@dataclass(frozen=True)
class Consumer:
    """Who reads a table incrementally, and the snapshots up to which it has read.

    Of several the one nearest to main's head counts.
    """

    name: str
    at: frozenset[int]


class Expiry(NamedTuple):
    """The snapshots that may go, and why each other one stays."""

    gone: tuple[int, ...]
    kept: dict[int, str]
    lasting: tuple[str, ...] = ()


def plan(
    found: History,
    upkeep: Upkeep,
    now_ms: int,
    consumers: Iterable[Consumer] = (),
    peers: Iterable[int] = (),
) -> Expiry:
    """What may go. `peers` are the snapshots that a commit record's kept receipts name.

    `lasting` are tags that a hold keeps although they were made for a while only.
    """
    if upkeep.hold:
        return Expiry((), dict.fromkeys(found.snapshots, f"hold: {upkeep.hold}"))
    keep = _Keep(found, upkeep, now_ms)
    keep.refs()
    keep.retention()
    keep.receipts()
    for consumer in consumers:
        keep.way_from(consumer.at, f"cursor of {consumer.name}")
    for snapshot_id in peers:
        keep.point(snapshot_id, "read together with its commit record")
    gone = tuple(sorted(found.snapshots.keys() - keep.kept.keys()))
    return Expiry(gone, keep.kept, tuple(keep.lasting))


class _Keep:
    """Collects what stays; the first reason found is the one told."""

    def __init__(self, found: History, upkeep: Upkeep, now_ms: int) -> None:
        self._found = found
        self._upkeep = upkeep
        self._now_ms = now_ms
        self._main = list(found.lineage())
        self._place = {s.id: n for n, s in enumerate(self._main)}
        self.kept: dict[int, str] = {}
        self.lasting: list[str] = []

    def point(self, snapshot_id: int | None, why: str) -> None:
        """One snapshot stays, if it is still there."""
        if snapshot_id is not None and snapshot_id in self._found.snapshots:
            self.kept.setdefault(snapshot_id, why)

    def _down_to(self, place: int, why: str) -> None:
        """Main stays from its head to that place."""
        for snapshot in self._main[: place + 1]:
            self.point(snapshot.id, why)

    def way_from(self, cursors: Iterable[int], why: str) -> None:
        """The way from the nearest of the cursors to main's head stays.

        One that main was set back behind stays with its own way down to main.
        """
        on_main = [self._place[c] for c in cursors if c in self._place]
        if on_main:
            self._down_to(min(on_main), why)
            return
        for cursor in cursors:
            self._side(cursor, why)

    def _side(self, head: int, why: str) -> None:
        """What is on a branch alone, and main down to where it leaves it."""
        own = list(takewhile(lambda s: s.id not in self._place, self._found.lineage(head)))
        for snapshot in own:
            self.point(snapshot.id, why)
        last = own[-1].parent if own else head
        if last in self._place:
            self._down_to(self._place[last], why)

    def refs(self) -> None:
        """Tags and branches that did not outlive what they were made for."""
        self.point(self._found.head(), "main")
        for name, ref in (self._found.metadata.get("refs") or {}).items():
            snapshot_id = ref["snapshot-id"]
            if name == MAIN or self._outlived(name, ref):
                continue
            if ref.get("type") == "branch":
                self._side(snapshot_id, f"branch {name}")
            elif name.startswith(CONSUMER):
                self.way_from((snapshot_id,), f"tag {name}")
            self.point(snapshot_id, f"tag {name}")

    def _outlived(self, name: str, ref: dict[str, int]) -> bool:
        age_ms = ref.get("max-ref-age-ms")
        snapshot = self._found.snapshots.get(ref["snapshot-id"])
        if age_ms is None or snapshot is None or self._now_ms - snapshot.at_ms <= age_ms:
            return False
        if self._upkeep.holds_tag(name):
            self.lasting.append(name)
            return False
        return True

    def retention(self) -> None:
        """So many days back every time can be asked for, and so many snapshots stay at least."""
        cutoff = self._now_ms - self._upkeep.keep_days * DAY_MS
        why = f"younger than {self._upkeep.keep_days} days"
        self._down_to(self._oldest(s for s in self._main if s.at_ms >= cutoff), why)
        was_current = [(at, i) for at, i in self._found.log if at >= cutoff]
        before = [(at, i) for at, i in self._found.log if at < cutoff]
        for _, snapshot_id in (*was_current, *before[-1:]):
            why = f"was current in the last {self._upkeep.keep_days} days"
            if snapshot_id in self._place:
                self._down_to(self._place[snapshot_id], why)
            self.point(snapshot_id, why)
        self._down_to(
            self._upkeep.keep_snapshots - 1, f"of the newest {self._upkeep.keep_snapshots}"
        )

    def _oldest(self, snapshots: Iterable[Snapshot]) -> int:
        return max((self._place[s.id] for s in snapshots), default=-1)

    def receipts(self) -> None:
        """The newest receipt, with the way to it, and the newest one of each job."""
        newest = self._found.newest_receipt()
        if newest:
            self._down_to(self._place[newest[0].id], "newest receipt")
        jobs: set[str] = set()
        for snapshot in self._main:
            job = snapshot.summary.get(RECEIPT + "job")
            if job and job not in jobs:
                jobs.add(job)
                self.point(snapshot.id, f"newest receipt of {job}")
