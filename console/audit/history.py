"""The snapshots of a table as an auditor reads them: when, by whom, from what, what changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from console import talk

if TYPE_CHECKING:
    from lakehouse.snapshots import History, Snapshot

# Receipts of gold are short of letters, so that they stay under 1 kB.
_COUNTS = {"added": ("inserted", "i"), "changed": ("updated", "u"), "removed": ("gone", "g")}
_BRIEF = ("written_at", "made_current_at", "refs", "snapshot_id", "operation")
_WHO = ("run", "job", "code", "contract", "inputs", "added", "changed", "removed")


def moment(at_ms: int | None) -> datetime | None:
    """Milliseconds since 1970 as a time, UTC."""
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, tz=timezone.utc)


@dataclass(frozen=True)
class Change:
    """Rows that a snapshot added, changed and removed; None where nobody counted them.

    `said_by` is where the figures are from: the run's receipt, or the snapshot's summary, which
    counts a changed row as one removed and one added, and copied rows besides.
    """

    added: int | None = 0
    changed: int | None = 0
    removed: int | None = 0
    said_by: str = "summary"

    @classmethod
    def of(cls, table: str, snapshot: Snapshot) -> Change:
        """What the snapshot did to the table's rows."""
        if snapshot.operation == "replace":  # compaction moves rows, it changes none
            return cls()
        receipt, summary = snapshot.receipt, snapshot.summary
        counts = receipt.get("counts")
        # Refused rows are committed with the receipt of the job that refused them.
        if counts is not None and receipt.get("job") == table:
            said = {
                name: sum(int(counts.get(key, 0)) for key in keys) for name, keys in _COUNTS.items()
            }
            return cls(**said, said_by="receipt")
        added = int(summary.get("added-records", 0))
        # Delete files are merged as they grow, and go with their data files: only the net counts.
        removed = int(summary.get("deleted-records", 0))
        removed += int(summary.get("added-position-deletes", 0))
        removed -= int(summary.get("removed-position-deletes", 0))
        return cls(added, None if added and removed else 0, removed)

    @property
    def is_none(self) -> bool:
        """Whether it changed nothing."""
        return not (self.added or self.changed or self.removed)


def maker(snapshot: Snapshot) -> dict[str, Any]:
    """Who committed it: run, job, code and contract version; empty of what its receipt lacks."""
    receipt = snapshot.receipt
    return {
        # Maintenance carries the newest receipt forward, and says that it did.
        "run": receipt.get("via") or receipt.get("run"),
        "job": receipt.get("via") or receipt.get("job"),
        "code": receipt.get("code"),
        "contract": receipt.get("contract"),
    }


def inputs(snapshot: Snapshot) -> dict[str, int]:
    """The snapshots of its source tables that the run read, by table, as its receipt says."""
    receipt = snapshot.receipt
    both = {**(receipt.get("cursor") or {}), **(receipt.get("peers") or {})}
    return {name: int(head) for name, head in both.items()}


def lines(table: str, found: History) -> list[dict[str, Any]]:
    """One line a snapshot, the newest written first."""
    refs: dict[int, list[str]] = {}
    for name, snapshot_id in found.refs.items():
        refs.setdefault(snapshot_id, []).append(name)
    current, on_main = found.became_current, {s.id for s in found.lineage()}
    periods = _periods(found)
    newest = sorted(found.snapshots.values(), key=lambda s: (s.sequence, s.at_ms), reverse=True)
    return [
        {
            **_facts(table, snapshot),
            "made_current_at": moment(current.get(snapshot.id)),
            "current": periods.get(snapshot.id, []),
            "on_main": snapshot.id in on_main,
            "refs": talk.listed(sorted(refs.get(snapshot.id, ()))),
        }
        for snapshot in newest
    ]


def _facts(table: str, snapshot: Snapshot) -> dict[str, Any]:
    change, receipt = Change.of(table, snapshot), snapshot.receipt
    return {
        "snapshot_id": str(snapshot.id),
        "parent_id": None if snapshot.parent is None else str(snapshot.parent),
        "written_at": moment(snapshot.at_ms),
        "operation": snapshot.operation,
        **maker(snapshot),
        "inputs": receipt.get("inputs"),
        "files": receipt.get("files"),
        "sources": {name: str(head) for name, head in inputs(snapshot).items()},
        "added": change.added,
        "changed": change.changed,
        "removed": change.removed,
        "said_by": change.said_by,
        "counts": receipt.get("counts"),
    }


def _periods(found: History) -> dict[int, list[dict[str, Any]]]:
    """From when until when main pointed at a snapshot itself; `until` is None for now."""
    ends = [*(at_ms for at_ms, _ in found.log[1:]), None]
    told: dict[int, list[dict[str, Any]]] = {}
    for (at_ms, snapshot_id), end in zip(found.log, ends, strict=False):
        period = {"from": moment(at_ms), "until": moment(end)}
        told.setdefault(snapshot_id, []).append(period)
    return told


def brief(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines for a terminal: what fits, ids of tables' snapshots left to `--json`."""
    return [{name: row[name] for name in (*_BRIEF, *_WHO)} for row in rows]
