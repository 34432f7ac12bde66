"""The way maintenance goes: group by group, under the writers' own lease, each step by need.

Every step looks at what is there and is safe to repeat: killed between two of them, the next
maintenance goes on from there.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Any, Callable

from jobs.maintenance import compaction, expiry, facts, layout, orphans, pair, trash
from lakehouse import catalog, ledger, log, publish
from lakehouse.errors import UsageError
from lakehouse.iceberg import expire, history
from lakehouse.job import GoldGroup
from lakehouse.ledger import Outcome, leased, verify
from lakehouse.run import again

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from jobs.maintenance.compaction import Target
    from jobs.maintenance.work import Action, Work
    from lakehouse.job import Group
    from lakehouse.table import Table

LEASE = "maintenance"
_SHOWN = 3


def maintain(work: Work, names: Iterable[str] = ()) -> list[Action]:
    """Maintain the named tables, all for none; returns what was done to each, and why.

    Raises BusyError naming who holds a lease, ConflictError if commits of others kept coming
    between (what was done stays), DataQualityError if a compaction changed a row.
    """
    chosen = set(names)
    rooms = _rooms(work.groups)
    unknown = chosen - {t.full_name for _, tables in rooms for t in tables}
    if unknown:
        raise UsageError(f"no table {', '.join(sorted(unknown))}", next_command="lake maintain")
    with _alone(work) as index:
        for group, tables in rooms:
            mine = [t for t in tables if not chosen or t.full_name in chosen]
            if mine:
                before, started = len(work.done), ledger.now()
                try:
                    _room(work, group, mine)
                finally:
                    _record(work, index, group, started, work.done[before:])
        if not work.dry and not work.settings.in_bucket:
            for name in trash.purge(work.settings.root, work.settings.trash_days, ledger.now()):
                log.event("purged", removal=name)
    return work.done


def _rooms(groups: Sequence[Group]) -> list[tuple[Group | None, list[Table]]]:
    """Tables by the group that writes them, its streams first; the index belongs to none."""
    found: list[tuple[Group | None, list[Table]]] = []
    for group in groups:
        delivered = [t for job in group.jobs for t in getattr(job, "stream_tables", ())]
        found.append((group, [*dict.fromkeys(delivered), *(job.table for job in group.jobs)]))
    return [*found, (None, list(ledger.TABLES))]


@contextlib.contextmanager
def _alone(work: Work) -> Any:
    """One maintenance at a time; a dry one changes nothing and waits for nobody."""
    if work.dry:
        yield None
        return
    with leased(work.spark, work.settings, LEASE, work.progress) as index:
        yield index


def _room(work: Work, group: Group | None, tables: list[Table]) -> None:
    """Maintain tables of one group, its writers kept out."""
    held = contextlib.nullcontext()
    if group is not None and not work.dry:
        held = leased(work.spark, work.settings, group.name, work.progress)  # type: ignore[assignment]
    with held:
        if isinstance(group, GoldGroup) and not work.dry:
            publish.recover(work.spark, [work.name(job.table) for job in group.jobs])
        waiting = _waiting(work, group)
        for table in tables:
            verify(work.spark, work.name(table), table)
            if waiting:
                work.tell(table, "compact", f"{waiting} waits for a decision: {_two_ways(waiting)}")
            else:
                _compact(work, table)
        if isinstance(group, GoldGroup):
            _pair(work, group, tables)
        _expire(work, group, tables)
        for table in tables:
            _orphans(work, table)


def _waiting(work: Work, group: Group | None) -> str:
    """A run that failed its audit: it can only be published onto main as it is."""
    if not isinstance(group, GoldGroup):
        return ""
    refs = {ref for job in group.jobs for ref in history(work.spark, work.name(job.table)).refs}
    return next((r for r in sorted(refs) if r.startswith(publish.FAILED)), "")


def _two_ways(branch: str) -> str:
    run_id = branch[len(publish.FAILED) :]
    return f"lake publish {run_id} or lake discard {run_id}"


def _compact(work: Work, table: Table) -> None:
    target = work.target(table)
    files = facts.files(work.spark, table, target.name)
    needs = layout.needs(files, table.upkeep.target_bytes)
    if needs:
        why = _few([f"{n.partition or 'whole table'}: {n.why}" for n in needs])
        work.tell(table, "compact", why, lambda: _again(table, lambda: _rewritten(work, target)))
    else:
        count = f"{len(files.data)} data and {len(files.deletes)} delete files"
        work.tell(table, "compact", f"{count}: no partition needs it")
    if needs and not work.dry:
        files = facts.files(work.spark, table, target.name)
    many = layout.many_manifests(files)
    if many:
        act = lambda: _again(table, lambda: compaction.rewrite_manifests(target))  # noqa: E731
        work.tell(table, "manifests", many, act)
    else:
        work.tell(table, "manifests", f"{files.manifests} manifests: few enough")


def _again(table: Table, step: Callable[[], Any]) -> Any:
    return again(step, f"maintenance of {table.full_name}")


def _rewritten(work: Work, target: Target) -> str:
    """Compact by what is needed now: after a conflict that is something else."""
    files = facts.files(work.spark, target.table, target.name)
    compaction.compact(target, layout.needs(files, target.table.upkeep.target_bytes))
    left = facts.files(work.spark, target.table, target.name)
    return f"{len(files.data)} → {len(left.data)} data files, {len(left.deletes)} of deletes left"


def _few(texts: list[str]) -> str:
    more = f" and {len(texts) - _SHOWN} partitions more" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more


def _pair(work: Work, group: GoldGroup, tables: list[Table]) -> None:
    """Let the commit record name what compaction made of its peers."""
    record = group.jobs[-1].table
    if record not in tables:
        return
    found = {job.table.full_name: history(work.spark, work.name(job.table)) for job in group.jobs}
    heads = pair.moved(found, record.full_name)
    if not heads:
        work.tell(record, "pair", "the commit record names the heads of its peers")
        return
    why = f"{', '.join(sorted(heads))} was written anew"
    name, as_found = work.name(record), found[record.full_name]
    work.tell(record, "pair", why, lambda: pair.follow(work.spark, record, name, as_found, heads))


def _expire(work: Work, group: Group | None, tables: list[Table]) -> None:
    readers = facts.consumers(work.spark, work.settings, work.groups)
    now_ms = int(work.clock().timestamp() * 1000)
    record = group.jobs[-1].table if isinstance(group, GoldGroup) else None
    for table in tables:
        found = history(work.spark, work.name(table))
        mine = readers.get(table.full_name, [])
        named: set[int] = set()
        if record is not None and table != record:
            beside, named = _read_together(work, record, table, now_ms)
            mine = [*mine, *beside]
        _drop(work, table, expiry.plan(found, table.upkeep, now_ms, mine, named))


def _read_together(
    work: Work, record: Table, table: Table, now_ms: int
) -> tuple[list[expiry.Consumer], set[int]]:
    """Where the record's newest receipt stands in a peer, and what all its kept ones name."""
    found = history(work.spark, work.name(record))
    kept = expiry.plan(found, record.upkeep, now_ms).kept
    newest = found.newest_receipt()
    at = pair.peers(found, {newest[0].id: ""}, table.name) if newest else set()
    reader = expiry.Consumer(record.full_name, frozenset(at))
    return [reader], pair.peers(found, kept, table.name)


def _drop(work: Work, table: Table, planned: expiry.Expiry) -> None:
    reasons = sorted(set(planned.kept.values()))
    stay = f"{len(planned.kept)} snapshots stay ({_few(reasons)})"
    if not planned.gone:
        work.tell(table, "expire", f"none may go: {stay}")
        return
    why = f"{len(planned.gone)} snapshots that nobody needs; {stay}"
    name = work.name(table)
    work.tell(table, "expire", why, lambda: expire(work.spark, name, planned.gone, planned.lasting))


def _orphans(work: Work, table: Table) -> None:
    name = work.name(table)
    if table.upkeep.hold:
        work.tell(table, "orphans", f"hold: {table.upkeep.hold}")
        return
    files = orphans.find(work.spark, name, work.clock())
    if not files:
        work.tell(table, "orphans", f"no file older than {orphans.MIN_AGE_DAYS} days is unknown")
        return

    def act() -> str:
        removal = orphans.set_aside(
            work.spark, work.settings, table.full_name, name, files, ledger.now()
        )
        return f"lake maintain --restore {removal.id} brings them back"

    work.tell(table, "orphans", f"{len(files)} files that no snapshot knows", act)


def _record(
    work: Work,
    index: ledger.Ledger | None,
    group: Group | None,
    started: datetime,
    actions: list[Action],
) -> None:
    """Into the index of runs goes what was done; nothing done leaves no row."""
    if index is None:
        return
    room = group.name if group is not None else "ops"
    for table in dict.fromkeys(a.table for a in actions if a.did == "done"):
        did = "; ".join(
            f"{a.step}: {a.why}" for a in actions if a.table == table and a.did == "done"
        )
        head = history(work.spark, catalog.identifier(work.settings, table)).head()
        run_id = hashlib.sha256(f"{LEASE} {table} {started} {head}".encode()).hexdigest()[:16]
        index.ran(
            Outcome(
                run_id, f"{LEASE} {room}", table, "ok", started,
                reason=did, snapshot_id=head, committed=True,
            )
        )  # fmt: skip
