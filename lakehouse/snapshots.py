"""A table's snapshots, refs and receipts, read from its metadata; pure, whoever loaded it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIN = "main"
RECEIPT = "lake."


class Snapshot(NamedTuple):
    """One commit. `at_ms` is when it was written, in milliseconds since 1970 UTC."""

    id: int
    parent: int | None
    operation: str
    at_ms: int
    sequence: int
    summary: dict[str, str]

    @property
    def receipt(self) -> dict[str, Any]:
        """The receipt in its summary, keys without their prefix, JSON values read; else empty."""
        return {
            key[len(RECEIPT) :]: json.loads(value) if value[:1] in ("{", "[") else value
            for key, value in self.summary.items()
            if key.startswith(RECEIPT)
        }


@dataclass(frozen=True)
class History:
    """What one metadata file says. `log` is (when it became current in ms, snapshot id)."""

    table: str
    snapshots: dict[int, Snapshot]
    refs: dict[str, int]
    log: tuple[tuple[int, int], ...]
    metadata: dict[str, Any]

    @classmethod
    def parse(cls, table: str, metadata: dict[str, Any]) -> History:
        """From the JSON object of a metadata file (Iceberg spec, table metadata v2)."""
        found = {}
        for s in metadata.get("snapshots") or ():
            summary = dict(s.get("summary") or {})
            found[s["snapshot-id"]] = Snapshot(
                s["snapshot-id"],
                s.get("parent-snapshot-id"),
                summary.get("operation", ""),
                s["timestamp-ms"],
                s.get("sequence-number", 0),
                summary,
            )
        refs = {name: ref["snapshot-id"] for name, ref in (metadata.get("refs") or {}).items()}
        log = tuple(
            (entry["timestamp-ms"], entry["snapshot-id"])
            for entry in metadata.get("snapshot-log") or ()
        )
        return cls(table, found, refs, log, metadata)

    def head(self, ref: str = MAIN) -> int | None:
        """The snapshot a branch or tag points at."""
        return self.refs.get(ref)

    def lineage(self, head: int | None = None) -> Iterator[Snapshot]:
        """The snapshot and its ancestors, newest first, as far as they are still there."""
        current = self.head() if head is None else head
        while current is not None and current in self.snapshots:
            yield self.snapshots[current]
            current = self.snapshots[current].parent

    def newest_receipt(self, head: int | None = None) -> tuple[Snapshot, dict[str, Any]] | None:
        """The newest snapshot of the lineage that carries a receipt of a run, with the receipt."""
        for snapshot in self.lineage(head):
            if RECEIPT + "run" in snapshot.summary:
                return snapshot, snapshot.receipt
        return None

    def unpublished(self, head: int | None = None) -> int | None:
        """The newest snapshot of the lineage that no run made: the table before its first run."""
        before = (s.id for s in self.lineage(head) if RECEIPT + "run" not in s.summary)
        return next(before, None)

    def of_run(self, run_id: str) -> Snapshot | None:
        """The snapshot on main that this run committed."""
        wanted = (s for s in self.lineage() if s.summary.get(RECEIPT + "run") == run_id)
        return next(wanted, None)

    def holds(self, snapshot_id: int, sequence: int) -> bool:
        """Whether main's history contains that commit, also one that has been expired since."""
        oldest = None
        for snapshot in self.lineage():
            if snapshot.id == snapshot_id:
                return True
            oldest = snapshot
        expired = snapshot_id not in self.snapshots
        cut_off = oldest is not None and oldest.parent is not None
        return expired and cut_off and oldest is not None and sequence < oldest.sequence

    def current_at(self, moment: datetime) -> int | None:
        """The snapshot that was current at that time (when it became current, not when written)."""
        limit = int(moment.astimezone(timezone.utc).timestamp() * 1000)
        current = None
        for at_ms, snapshot_id in self.log:
            if at_ms <= limit:
                current = snapshot_id
        return current

    def _cut(self, number: int) -> bool:
        """Whether it is lost what was current right before that entry of the log.

        Java's expiry drops the log up to the last expired snapshot. PyIceberg's only drops the
        expired snapshots' entries, and the parents' ids: the time between two others would have
        a wrong answer.
        """
        at_ms, head = self.log[number]
        if number:
            previous = self.log[number - 1][1]
            before = {previous} if previous in self.snapshots else set()
            if previous != head:
                if any(s.id in before for s in self.lineage(head)):
                    return False
                before = {s.id for s in self.lineage(previous)}
                if any(s.id in before for s in self.lineage(head)):
                    return False
        else:
            first = self.snapshots.get(head)
            if first is not None and first.sequence <= 1 and first.at_ms == at_ms:
                return False
        last = self.metadata.get("last-sequence-number", 0)
        return {s.sequence for s in self.snapshots.values()} < set(range(1, last + 1))

    @property
    def known_since(self) -> int | None:
        """From when on (in ms) it is known what was current; None if nothing of it was expired."""
        cut = (self.log[n][0] for n in reversed(range(len(self.log))) if self._cut(n))
        return next(cut, None)

    @property
    def became_current(self) -> dict[int, int]:
        """Snapshot id → when its rows came to stand on main, in ms: with the first head upon them.

        Absent are snapshots that never did, and those whose entry in the log was expired.
        """
        found: dict[int, int] = {}
        seen: set[int] = set()
        for number, (at_ms, head) in enumerate(self.log):
            cut = self._cut(number)
            for snapshot in self.lineage(head):
                if snapshot.id in seen:
                    break
                seen.add(snapshot.id)
                if snapshot.id == head or not cut:
                    found[snapshot.id] = at_ms
        return found

    @property
    def columns(self) -> dict[str, str]:
        """Column name → Iceberg type of the current schema."""
        current = self.metadata["current-schema-id"]
        schema = next(s for s in self.metadata["schemas"] if s["schema-id"] == current)
        return {f["name"]: _type_name(f["type"]) for f in schema["fields"]}


def _type_name(kind: Any) -> str:
    if isinstance(kind, dict):
        return f"list<{_type_name(kind['element'])}>"
    return str(kind)


class Pair(NamedTuple):
    """The snapshots of a group that belong together, by table name, and the run that made them."""

    run_id: Optional[str]
    snapshots: dict[str, int]


def together(
    histories: dict[str, History], commit_table: str, head: Optional[int] = None
) -> Optional[Pair]:
    """Which snapshots of the group belong together, by the newest receipt of the commit table.

    Keys are `database.table`. `head` is the commit table's snapshot to start from (main's head by
    default). None before the first publish.
    """
    record = histories[commit_table]
    newest = record.newest_receipt(head)
    if newest is None:
        return None
    start = record.head() if head is None else head
    snapshots = {commit_table: start if start is not None else newest[0].id}
    peers = newest[1].get("peers") or {}
    for name in histories:
        if name != commit_table and name.split(".")[1] in peers:
            snapshots[name] = int(peers[name.split(".")[1]])
    return Pair(newest[1].get("run"), snapshots)
