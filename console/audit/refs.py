"""Tags and branches: names that keep a snapshot, of one table or of all at one moment."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from console.audit.commits import Committer
from console.reading import Moment
from lakehouse.errors import UsageError
from lakehouse.job import GoldGroup
from lakehouse.publish import FAILED, RUNNING
from lakehouse.snapshots import MAIN

if TYPE_CHECKING:
    from pyiceberg.table import Table as IcebergTable

    from console.reading import Lake
    from lakehouse.settings import Settings

INPUTS = "_inputs"
_DAY_MS = 86_400_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,99}\Z")


@dataclass(frozen=True)
class Ref:
    """A tag or branch to be; `keep_ms` counts from now, None leaves it as it is, else for ever."""

    kind: str
    table: str
    name: str
    snapshot_id: int
    keep_ms: float | None = None

    def done(self, table: IcebergTable) -> bool:
        """Whether it is there. Raises UsageError where the name is another snapshot's."""
        found = table.metadata.refs.get(self.name)
        if found is None:
            return False
        if found.snapshot_ref_type != self.kind or found.snapshot_id != self.snapshot_id:
            raise UsageError(
                f"{self.table}: {self.name} is a {found.snapshot_ref_type} on snapshot "
                f"{found.snapshot_id}, not a {self.kind} on {self.snapshot_id}",
                next_command=f"another name, or lake {found.snapshot_ref_type} --delete "
                f"{self.table} {self.name}, then again",
            )
        age, due = found.max_ref_age_ms, self._age(table)
        if self.keep_ms is None or age is None or due is None:
            return self.keep_ms is None or age == due
        return abs(age - due) < _DAY_MS

    def make(self, table: IcebergTable) -> None:
        """Commit it."""
        change = table.manage_snapshots()
        make = change.create_tag if self.kind == "tag" else change.create_branch
        make(self.snapshot_id, self.name, max_ref_age_ms=self._age(table)).commit()

    def _age(self, table: IcebergTable) -> int | None:
        """Iceberg counts a ref's age from its snapshot's birth, people from today."""
        if self.keep_ms is None or self.keep_ms == math.inf:
            return None
        snapshot = table.metadata.snapshot_by_id(self.snapshot_id)
        born_ms = snapshot.timestamp_ms if snapshot else 0
        return max(int(time.time() * 1000) - born_ms, 0) + int(self.keep_ms)


def keep_ms(text: str) -> float | None:
    """`90d` in milliseconds, `forever` as infinite. Raises UsageError for another text."""
    if not text:
        return None
    if text == "forever":
        return math.inf
    found = re.fullmatch(r"([1-9]\d{0,4})d", text)
    if not found:
        raise UsageError(f"--keep is {text!r}: say 90d, or forever")
    return int(found[1]) * _DAY_MS


def kept(wanted: list[Ref], keep: str) -> list[Ref]:
    """The same refs, to be kept so long."""
    return [replace(ref, keep_ms=keep_ms(keep)) for ref in wanted]


def check_name(name: str) -> str:
    """The name, if `--as-of` will take it for one. Raises UsageError."""
    if not _NAME.match(name) or Moment.parse(name) != Moment(ref=name):
        raise UsageError(
            f"{name!r} is no name for a tag or branch: a letter, then letters, digits, . _ -"
        )
    if name == MAIN or name.startswith((RUNNING, FAILED)):
        raise UsageError(f"{name} is a name that runs use")
    return name


def of_one(lake: Lake, kind: str, table: str, name: str, moment: Moment) -> Ref:
    """A ref on what `lake sql --as-of` reads of the table. Raises UsageError for no snapshot."""
    found = lake.snapshot(table, moment)
    if found is None:
        raise UsageError(f"{table} had no snapshot then", next_command=f"lake history {table}")
    return Ref(kind, table, check_name(name), found)


def of_all(lake: Lake, name: str, moment: Moment) -> list[Ref]:
    """Tags of all tables at one moment, and of what gold was computed from where that differs.

    The moment is fixed before any table is looked up, so a commit in between is left out
    everywhere. Tables that are published together are taken by their commit record.
    """
    if moment.snapshot_id:
        raise UsageError("a snapshot is one table's; for all tables say a time or a tag")
    if moment.is_now:
        moment = Moment(at=datetime.now(timezone.utc))
    heads = {table: lake.snapshot(table, moment) for table in lake.tables()}
    found = [Ref("tag", table, check_name(name), head) for table, head in heads.items() if head]
    return found + _inputs(lake, name, heads)


def _inputs(lake: Lake, name: str, heads: dict[str, int | None]) -> list[Ref]:
    """Tags of the snapshots that the tagged gold was computed from, where the name is not there.

    Without them expiry may take what `lake reproduce` needs of a tagged gold.
    """
    from jobs.pipeline import GROUPS  # noqa: PLC0415

    found = []
    for group in (g for g in GROUPS if isinstance(g, GoldGroup)):
        record = group.jobs[-1].table.full_name
        newest = lake.history(record).newest_receipt(heads[record]) if heads.get(record) else None
        cursor = (newest[1].get("cursor") if newest else None) or {}
        for table in (t for t in group.sources if t.name in cursor):
            head = int(cursor[table.name])
            there = head in lake.history(table.full_name).snapshots
            if there and head != heads.get(table.full_name):
                found.append(Ref("tag", table.full_name, name + INPUTS, head))
    return found


def put(settings: Settings, wanted: list[Ref]) -> list[dict[str, Any]]:
    """Make the refs; the same one again changes nothing.

    Raises UsageError, before anything is made, for a name that is another snapshot's.
    """
    committer = Committer(settings)
    for ref in wanted:
        ref.done(committer.fresh(ref.table))
    return [
        {
            "table": ref.table,
            ref.kind: ref.name,
            "snapshot_id": str(ref.snapshot_id),
            "made": committer.commit(ref.table, ref.done, ref.make),
        }
        for ref in wanted
    ]


def listed(lake: Lake, kind: str, tables: list[str]) -> list[dict[str, Any]]:
    """The tags or branches of the tables, with the day until which expiry leaves them."""
    return [
        {
            "table": table,
            kind: name,
            "snapshot_id": str(ref["snapshot-id"]),
            "written_at": _time(lake.history(table).snapshots[ref["snapshot-id"]].at_ms),
            "kept_until": _until(lake, table, ref),
        }
        for table in tables
        for name, ref in sorted((lake.history(table).metadata.get("refs") or {}).items())
        if ref["type"] == kind and name != MAIN
    ]


def _until(lake: Lake, table: str, ref: dict[str, Any]) -> datetime | str:
    age = ref.get("max-ref-age-ms")
    if age is None:
        return "forever"
    return _time(lake.history(table).snapshots[ref["snapshot-id"]].at_ms + age)


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, tz=timezone.utc)


def drop(settings: Settings, lake: Lake, kind: str, name: str, tables: list[str]) -> list[Any]:
    """Remove the tag or branch from the tables that have it; with a tag its `_inputs`.

    Raises UsageError for a name that no table has, and for what runs own.
    """
    if kind == "branch":
        _droppable(name)
    names = (name, name + INPUTS) if kind == "tag" else (name,)
    there = [row for row in listed(lake, kind, tables) if row[kind] in names]
    if not any(row[kind] == name for row in there):
        raise UsageError(f"no {kind} {name!r}", next_command=f"lake {kind} --list")
    committer = Committer(settings)
    for row in there:
        _drop(committer, kind, row["table"], row[kind])
    return there


def _drop(committer: Committer, kind: str, table: str, name: str) -> None:
    def done(found: IcebergTable) -> bool:
        return name not in found.metadata.refs

    def change(found: IcebergTable) -> None:
        changes = found.manage_snapshots()
        (changes.remove_tag if kind == "tag" else changes.remove_branch)(name).commit()

    committer.commit(table, done, change)


def _droppable(name: str) -> None:
    if name == MAIN:
        raise UsageError("main is the table itself", next_command="lake rollback TABLE --to …")
    if name.startswith(RUNNING):
        run_id = name[len(RUNNING) :]
        raise UsageError(
            f"{name} is of a run at work or killed: the next run finishes or drops it",
            next_command=f"lake run; after a failed audit lake discard {run_id}",
        )
    if name.startswith(FAILED):
        run_id = name[len(FAILED) :]
        raise UsageError(
            f"{name} is of a run that waits for a decision",
            next_command=f"lake discard {run_id}, or lake publish {run_id}",
        )
