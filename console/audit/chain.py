"""The chain from a row to its run, the run's receipt and inputs: told from metadata, and proven."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from lakehouse.streams import is_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakehouse.snapshots import History, Snapshot

Line = dict[str, Any]
_SHORT = {"i": "inserted", "u": "updated"}


def receipts(found: History, head: int) -> list[Line]:
    """Every snapshot of the lineage with its receipt, newest first."""
    return [
        {
            "snapshot_id": str(s.id),
            "parent": None if s.parent is None else str(s.parent),
            "sequence": s.sequence,
            "written_at_ms": s.at_ms,
            "operation": s.operation,
            "receipt": s.receipt,
        }
        for s in found.lineage(head)
    ]


def is_whole(found: History, head: int) -> bool:
    """Whether the lineage reaches the table's first snapshot: nothing of it was expired."""
    *_, oldest = found.lineage(head)
    return oldest.parent is None and oldest.sequence <= 1


def foreign(found: History, head: int) -> list[str]:
    """Commits that changed rows and carry no receipt, in a table that runs make."""
    if found.newest_receipt(head) is None:  # a stream's: Firehose leaves none
        return []
    return [
        f"{found.table}: snapshot {s.id} ({s.operation}) carries no receipt: no run made it"
        for s in found.lineage(head)
        if not s.receipt and s.operation != "replace" and _touched(s)
    ]


def _touched(snapshot: Snapshot) -> bool:
    return any(
        int(snapshot.summary.get(name, 0))
        for name in ("added-records", "deleted-records", "added-position-deletes")
    )


def flaws(found: History, head: int, files: dict[str, list[str]]) -> list[str]:
    """What of the lineage contradicts itself; `files` are what the index says of each run."""
    wrong = []
    newer: Snapshot | None = None
    for s in found.lineage(head):
        at = f"{found.table}: snapshot {s.id}"
        if newer is not None and s.sequence >= newer.sequence:
            wrong.append(f"{at}: its sequence number is not below its child's")
        newer = s
        receipt = s.receipt
        if receipt.get("job") != found.table or "run" not in receipt or "via" in receipt:
            continue
        wrong += [f"{at}: {why}" for why in _of_run(s, receipt)]
        taken = files.get(receipt["run"])
        if taken and inputs(taken) != receipt.get("inputs"):
            wrong.append(f"{at}: its inputs are not the files that the index names")
    return wrong


def _of_run(snapshot: Snapshot, receipt: Line) -> list[str]:
    if "counts" not in receipt:  # of the index
        return []
    counts = {_SHORT.get(k, k): int(v) for k, v in (receipt.get("counts") or {}).items()}
    written = counts.get("inserted", 0) + counts.get("updated", 0)
    added = int(snapshot.summary.get("added-records", 0))
    if added != written:
        return [f"{added} rows were added, its receipt counts {written}"]
    return []


def inputs(files: Iterable[str]) -> str:
    """The digest of a silver run's inputs, as its receipt says it."""
    return hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()[:16]


def row_flaws(
    found: History,
    head: int,
    rows: list[Line],
    taken: dict[str, list[str]],
    records: dict[tuple[str, int], set[str]],
    missing: set[str],
) -> list[str]:
    """Rows whose run has no receipt, or whose record is in no source file of their run.

    `taken` are each run's files, `records` the files of each (source_uri, source_row).
    """
    runs = {str(s.receipt.get("run")) for s in found.lineage(head)}
    whole, wrong = is_whole(found, head), []
    for number, row in enumerate(rows, start=1):
        at, run = f"{found.table}, row {number}", row["run_id"]
        source = (row["source_uri"], row["source_row"])
        if whole and run not in runs:
            wrong.append(f"{at}: its run {run} has no receipt")
        if source[0] in missing:
            continue
        if source not in records:
            wrong.append(f"{at}: {source[0]} has no record {source[1]}")
        elif run in taken and not is_name(source[0]) and records[source].isdisjoint(taken[run]):
            wrong.append(f"{at}: its run {run} did not read {min(records[source])}")
    return wrong


def linked(found: History, head: int, others: dict[str, History]) -> list[str]:
    """Snapshots of other tables that the newest receipt names, and that are not there.

    `others` are by the table's own name, without its database.
    """
    newest = found.newest_receipt(head)
    named = (
        {}
        if newest is None
        else {**(newest[1].get("cursor") or {}), **(newest[1].get("peers") or {})}
    )
    return [
        f"{found.table}: its receipt names snapshot {wanted} of {name}, which is not there"
        for name, wanted in sorted(named.items())
        if name in others and int(wanted) not in others[name].snapshots
    ]


def parsed(lines: bytes) -> list[Line]:
    """JSON lines as objects."""
    return [json.loads(line) for line in lines.splitlines()]
