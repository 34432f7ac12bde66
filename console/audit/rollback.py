"""What setting main of a table back, or forth again, would mean; gold goes by whole groups.

The runs undone do not count any more: the next run takes their files again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from console.audit.leases import group_of
from lakehouse.errors import UsageError
from lakehouse.job import GoldGroup
from lakehouse.publish import FAILED
from lakehouse.snapshots import MAIN, together

if TYPE_CHECKING:
    from console.reading import Lake, Moment
    from lakehouse.job import Group
    from lakehouse.snapshots import History, Snapshot


@dataclass(frozen=True)
class Move:
    """One table's main, from one snapshot to another."""

    table: str
    start: int
    target: int
    undone: tuple[Snapshot, ...]
    redone: tuple[Snapshot, ...]
    rows_now: int
    rows_then: int
    pending: tuple[str, ...]

    @property
    def runs(self) -> list[str]:
        """The runs whose commits main loses, newest first."""
        return list(dict.fromkeys(str(s.receipt["run"]) for s in self.undone if "run" in s.receipt))

    def row(self) -> dict[str, Any]:
        """For people and JSON."""
        return {
            "table": self.table,
            "from": str(self.start),
            "to": str(self.target),
            "rows now": self.rows_now,
            "rows then": self.rows_then,
            "snapshots undone": len(self.undone),
            "snapshots redone": len(self.redone),
            "runs undone": self.runs,
            "files pending again": len(self.pending),
        }

    def facts(self) -> dict[str, Any]:
        """All of it."""
        names = ("id", "at_ms", "operation")
        return {
            "table": self.table,
            "from": str(self.start),
            "to": str(self.target),
            "rows_now": self.rows_now,
            "rows_then": self.rows_then,
            "runs_undone": self.runs,
            "files_pending_again": list(self.pending),
            **{
                what: [{name: str(getattr(s, name)) for name in names} for s in snapshots]
                for what, snapshots in (("undone", self.undone), ("redone", self.redone))
            },
        }


@dataclass(frozen=True)
class Plan:
    """What a rollback would do; the commit record of a group is the last of `moves`."""

    group: Group
    moves: tuple[Move, ...]
    notes: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether main of every table is there already."""
        return all(move.start == move.target for move in self.moves)

    def facts(self) -> dict[str, Any]:
        """As JSON: the moves with their snapshots and files, and what else to know."""
        return {
            "group": self.group.name,
            "moves": [move.facts() for move in self.moves],
            "notes": list(self.notes),
        }


def plan(lake: Lake, table: str, moment: Moment) -> Plan:
    """What setting the table back would mean; nothing is touched.

    Raises UsageError for a table that no job makes, and for a snapshot that main never was.
    """
    group = group_of(table)
    if isinstance(group, GoldGroup):
        targets = _pair(lake, group, table, moment)
    else:
        targets = {table: _target(lake, table, moment)}
    moves = tuple(_move(lake, name, target) for name, target in targets.items())
    return Plan(group, moves, (*_consumers(lake, moves), *_waiting(lake, moves)))


def _target(lake: Lake, table: str, moment: Moment) -> int:
    found = lake.history(table)
    target = moment.snapshot_id or found.refs.get(moment.ref)
    if moment.at:
        target = found.current_at(moment.at)
    if moment.is_now or target is None or target not in found.snapshots:
        raise UsageError(
            f"{table} has no snapshot of that time or name", next_command=f"lake history {table}"
        )
    was_main = {s.id for s in found.lineage()} | {snapshot_id for _, snapshot_id in found.log}
    if target not in was_main:
        raise UsageError(
            f"snapshot {target} never was main of {table}: a run publishes it, no rollback does",
            next_command=f"lake history {table}",
        )
    return target


def _pair(lake: Lake, group: GoldGroup, table: str, moment: Moment) -> dict[str, int]:
    """Where each table of the group goes: the snapshots of one publish, by the commit record."""
    names = [job.table.full_name for job in group.jobs]
    found = {name: lake.history(name) for name in names}
    record = found[names[-1]]
    named = names[-1] if moment.at else table
    target = _target(lake, named, moment)
    was = [snapshot_id for _, snapshot_id in reversed(record.log)]
    heads = dict.fromkeys((*(s.id for s in record.lineage()), *was))
    for head in (target,) if named == names[-1] else heads:
        pair = _published_with(found, names[-1], head)
        if pair.get(named) == target:
            return _all_there(found, pair)
    raise UsageError(
        f"snapshot {target} of {named} is not what a run published with its peers",
        next_command=f"lake rollback {names[-1]} --to …, which takes the whole of {group.name}",
    )


def _published_with(found: dict[str, History], record: str, head: int) -> dict[str, int]:
    pair = together(found, record, head) if head in found[record].snapshots else None
    named = pair.snapshots if pair else {}
    before = {name: named.get(name) or h.unpublished() for name, h in found.items()}
    return {name: target for name, target in before.items() if target}


def _all_there(found: dict[str, History], pair: dict[str, int]) -> dict[str, int]:
    for name, history in found.items():
        if pair.get(name) not in history.snapshots:
            raise UsageError(
                f"the snapshot of {name} that goes with it is expired",
                next_command=f"lake history {name}",
            )
    return pair


def _move(lake: Lake, table: str, target: int) -> Move:
    found = lake.history(table)
    start = found.refs[MAIN]
    now, then = list(found.lineage()), list(found.lineage(target))
    kept = {s.id for s in now} & {s.id for s in then}
    return Move(
        table, start, target,
        undone=tuple(s for s in now if s.id not in kept),
        redone=tuple(s for s in then if s.id not in kept),
        rows_now=_rows(found.snapshots[start]), rows_then=_rows(found.snapshots[target]),
        pending=tuple(_pending(lake, found, target)) if start != target else (),
    )  # fmt: skip


def _rows(snapshot: Snapshot) -> int:
    summary = snapshot.summary
    return int(summary.get("total-records", 0)) - int(summary.get("total-position-deletes", 0))


def _pending(lake: Lake, found: History, target: int) -> list[str]:
    """Files that main holds now and will not hold then, as the ledger judges it."""
    then = replace(found, refs={**found.refs, MAIN: target})
    columns = ("file", "snapshot_id", "sequence_number")
    index = lake.table("ops.processed_file")
    rows = index.scan(f"table_name = '{found.table}'", selected_fields=columns).to_arrow()
    held: dict[bool, set[str]] = {True: set(), False: set()}
    for row in rows.to_pylist():
        at = (row["snapshot_id"], row["sequence_number"])
        if then.holds(*at):
            held[True].add(row["file"])
        elif found.holds(*at):
            held[False].add(row["file"])
    return sorted(held[False] - held[True])


def _consumers(lake: Lake, moves: tuple[Move, ...]) -> list[str]:
    """What becomes of the gold that was computed from what is undone."""
    from jobs.pipeline import GROUPS  # noqa: PLC0415

    undone = {m.table: {s.id for s in m.undone} for m in moves}
    notes, there = [], lake.tables()
    for group in (g for g in GROUPS if isinstance(g, GoldGroup)):
        record = group.jobs[-1].table.full_name
        if record not in there:
            continue
        newest = lake.history(record).newest_receipt()
        cursor = (newest[1].get("cursor") if newest else None) or {}
        notes += [
            f"{group.name} read {t.full_name} at {cursor[t.name]}, which is undone: its next run "
            "recomputes the days that differ"
            for t in group.sources
            if int(cursor.get(t.name, 0)) in undone.get(t.full_name, ())
        ]
        if record in undone:
            notes.append(
                f"{group.name} goes on from the older cursor: its next run publishes again what "
                "its sources say then"
            )
    return notes


def _waiting(lake: Lake, moves: tuple[Move, ...]) -> list[str]:
    """Runs whose branches stand on what is undone."""
    notes = []
    for move in (m for m in moves if m.undone):
        found, undone = lake.history(move.table), {s.id for s in move.undone}
        notes += [
            f"lake publish {name[len(FAILED) :]} would bring back what is undone of {move.table}"
            for name, head in sorted(found.refs.items())
            if name.startswith(FAILED) and undone & {s.id for s in found.lineage(head)}
        ]
    return notes
