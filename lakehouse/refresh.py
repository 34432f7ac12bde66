"""Gold follows change: recompute the changed days, publish only the rows that differ.

Always equal to a full rebuild; unchanged rows keep the run that made them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Callable, Optional

from pyspark.sql import functions as F

from lakehouse import code, log, merge, publish, sql
from lakehouse.errors import DataQualityError
from lakehouse.iceberg import history
from lakehouse.job import Change
from lakehouse.ledger import Ledger, Outcome, now, verify
from lakehouse.snapshots import together

if TYPE_CHECKING:
    from datetime import date, datetime

    from pyspark.sql import DataFrame, SparkSession

    from lakehouse.job import Gold, GoldGroup
    from lakehouse.settings import Settings
    from lakehouse.snapshots import History
    from lakehouse.table import Table

_SHORT = {"inserted": "i", "updated": "u", "unchanged": "n", "gone": "g"}


@dataclass(frozen=True)
class Plan:
    """What a refresh would do: which days (None: all), why, and under which run id.

    `moved` tells whether the sources moved at all; a plan with days and nothing moved does not
    exist.
    """

    run_id: str
    days: Optional[set[date]]
    why: str
    change: Change
    params: dict[str, Any]
    moved: bool

    @property
    def facts(self) -> dict[str, Any]:
        """The part of the receipt that all tables of the group share."""
        return {
            "run": self.run_id,
            "code": code.version(),
            "cursor": self.change.heads,
            "params": self.params,
            "inputs": _digest(self.change.heads),
        }


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _cursor(receipt: dict[str, Any]) -> dict[str, int]:
    return {name: int(head) for name, head in (receipt.get("cursor") or {}).items()}


def _intact(targets: dict[str, History], commit_table: str) -> bool:
    """Whether main of every peer is what the commit record names (compaction aside)."""
    pair = together(targets, commit_table)
    if pair is None:
        return False
    for name, snapshot_id in pair.snapshots.items():
        for snapshot in targets[name].lineage():
            if snapshot.id == snapshot_id:
                break
            if snapshot.operation != "replace":
                return False
        else:
            return False
    record = targets[commit_table]
    for snapshot in record.lineage():  # nobody wrote to the commit table behind its receipt
        if "lake.run" in snapshot.summary:
            return True
        if snapshot.operation != "replace":
            return False
    return False


def plan(
    spark: SparkSession, settings: Settings, group: GoldGroup, ledger: Ledger, *, full: bool = False
) -> Optional[Plan]:
    """What a run of the group would recompute and why; None if nothing moved."""
    sources = {t.name: verify(spark, ledger.name(t), t) for t in group.sources}
    targets = {
        job.table.full_name: verify(spark, ledger.name(job.table), job.table) for job in group.jobs
    }
    commit_table = group.jobs[-1].table.full_name
    newest = targets[commit_table].newest_receipt()
    last = newest[1] if newest and "cursor" in newest[1] else {}
    heads = {name: h.refs["main"] for name, h in sources.items()}
    cursor = _cursor(last)
    params = {name: getattr(settings, name) for name in group.parameters}
    change = Change(spark, settings, cursor, heads, sources)
    why = _why_all(last, params, targets, commit_table, full=full)
    if not why and heads == cursor:
        return None
    days = None if why else group.changed_days(change)
    if not why:
        moved = sorted(name for name in heads if heads[name] != cursor.get(name))
        why = f"changed: {', '.join(moved)}" + ("" if days is not None else " (cursor lost)")
    # Whatever is rebuilt whole stands on the targets as they are: the same loss twice is two runs.
    base = {name: h.head() for name, h in targets.items()} if why else {}
    facts = [group.name, code.version(), heads, cursor, params, base, days is None]
    run_id = _digest(facts)
    return Plan(run_id, days, why, change, params, heads != cursor)


def _why_all(
    last: dict[str, Any],
    params: dict[str, Any],
    targets: dict[str, History],
    commit_table: str,
    *,
    full: bool,
) -> str:
    """Why everything must be recomputed; empty if the changed days are enough."""
    if full:
        return "asked for: --full"
    if not last:
        return "first run"
    if last.get("params") != params:
        return f"parameters changed: {last.get('params')} → {params}"
    if last.get("code") != code.version():
        return "the code or a SELECT changed"
    if not _intact(targets, commit_table):
        return "main of a table is not what the last run published (rollback or foreign commit)"
    return ""


class Refresh:
    """One run of a gold group, from plan to publish."""

    def __init__(
        self,
        spark: SparkSession,
        settings: Settings,
        group: GoldGroup,
        ledger: Ledger,
        progress: Callable[[str], None],
    ) -> None:
        self._spark = spark
        self._settings = settings
        self._group = group
        self._ledger = ledger
        self._say = progress
        self._tables = [ledger.name(job.table) for job in group.jobs]

    def run(self, *, full: bool) -> list[Outcome]:
        """Recover, plan, build on branches, audit, publish. Nothing moved: nothing happens.

        Raises DataQualityError if an audit fails; main is then as it was.
        """
        finished = publish.recover(self._spark, self._tables)
        for run_id in finished:
            log.event("recovered", group=self._group.name, run=run_id)
        planned = plan(self._spark, self._settings, self._group, self._ledger, full=full)
        if planned is None:
            return []
        self._refuse_again(planned)
        started = now()
        if planned.days is None:
            log.event("full rebuild", group=self._group.name, why=planned.why)
        if planned.days == set():
            return self._only_receipt(planned, started)
        self._group.views(planned.change, planned.days)
        return self._build(planned, started)

    def _refuse_again(self, planned: Plan) -> None:
        """The same inputs fail the same audit: say so before doing the work again."""
        for table in self._tables:
            if publish.FAILED + planned.run_id in history(self._spark, table).refs:
                raise DataQualityError(
                    f"run {planned.run_id} of {self._group.name} failed its audit and waits",
                    next_command=_two_ways(planned.run_id),
                )

    def _bounds(self, table: Table, days: Optional[set[date]]) -> str:
        if days is None:
            return "true"
        return merge.bounds(table, {column: sorted(days) for column in table.partition_columns})

    def _stage(self, job: Gold, planned: Plan, started: datetime) -> merge.Staged:
        self._say(f"{job.table.full_name}: computing {_days_text(planned.days)} ({planned.why})")
        fresh = self._spark.sql(sql.select(job.select), args=planned.params)
        stamped = fresh.withColumn("ingest_ts", F.lit(started)).withColumn(
            "run_id", F.lit(planned.run_id)
        )
        typed = stamped.select(*[F.col(c.name).cast(c.kind) for c in job.table.all_columns])
        target = self._ledger.name(job.table)
        bounds = self._bounds(job.table, planned.days)
        return merge.stage_whole(self._spark, job.table, target, typed, bounds)

    def _build(self, planned: Plan, started: datetime) -> list[Outcome]:
        branch = publish.branch_of(planned.run_id)
        staged: dict[str, merge.Staged] = {}
        heads: dict[str, int] = {}
        for job in self._group.jobs:
            delta = self._stage(job, planned, started)
            staged[job.table.name] = delta
            if delta.counts.written and not heads:
                heads = self._catch_up(planned, staged, branch)
            elif heads:
                heads[job.table.name] = self._commit(job, planned, delta, heads, branch)
            self._offer(job, planned, branch if heads else None)
        if not heads:
            return self._only_receipt(planned, started)
        self._audit(planned)
        self._ledger.still_held()
        published = publish.publish(self._spark, self._tables, branch)
        return self._outcomes(planned, started, staged, published)

    def _catch_up(
        self, planned: Plan, staged: dict[str, merge.Staged], branch: str
    ) -> dict[str, int]:
        """The first table with a difference was found: branches for all, commits so far."""
        for table in self._tables:
            publish.create_branch(self._spark, table, branch)
        heads: dict[str, int] = {}
        for job in self._group.jobs:
            if job.table.name in staged:
                delta = staged[job.table.name]
                heads[job.table.name] = self._commit(job, planned, delta, heads, branch)
        return heads

    def _commit(
        self, job: Gold, planned: Plan, delta: merge.Staged, peers: dict[str, int], branch: str
    ) -> int:
        target = f"{self._ledger.name(job.table)}.branch_{branch}"
        facts = self._facts(job.table, planned, delta.counts, peers)
        return merge.commit(self._spark, job.table, target, delta, facts)

    def _facts(
        self, table: Table, planned: Plan, counts: merge.Counts, peers: dict[str, int]
    ) -> dict[str, Any]:
        numbers = {_SHORT[k]: v for k, v in asdict(counts).items() if v and k in _SHORT}
        return {
            **planned.facts,
            "job": table.full_name,
            "contract": str(table.version),
            "counts": numbers,
            "peers": dict(peers) or None,
            "record": self._group.jobs[-1].table.name,
        }

    def _offer(self, job: Gold, planned: Plan, branch: Optional[str]) -> None:
        """Let the next SELECT of the group read what this one made, changed days only."""
        reader = self._spark.read.option("branch", branch) if branch else self._spark.read
        bounds = self._bounds(job.table, planned.days).format(t="")
        made: DataFrame = reader.table(self._ledger.name(job.table)).where(bounds)
        made.createOrReplaceTempView(job.table.name)

    def _audit(self, planned: Plan) -> None:
        """Run the group's table checks over what its branches hold for these days."""
        failed = []
        for job in self._group.jobs:
            kinds = {c.name: c.kind for c in job.table.checks if c.kind != "row"}
            checks = [c for c in job.table.checks if c.kind != "row"]
            if not checks:
                continue
            found = self._spark.table(job.table.name).selectExpr(
                *[f"coalesce({c.sql}, false) as `{c.name}`" for c in checks]
            )
            for name, good in found.collect()[0].asDict().items():
                if not good and kinds[name] == "warn":
                    log.warn("check", table=job.table.full_name, check=name)
                elif not good:
                    failed.append(f"{job.table.full_name}: {name}")
        if failed:
            publish.set_aside(self._spark, self._tables, planned.run_id)
            raise DataQualityError(
                f"run {planned.run_id} failed its audit, main is as it was: {'; '.join(failed)}",
                next_command=_two_ways(planned.run_id),
            )

    def _only_receipt(self, planned: Plan, started: datetime) -> list[Outcome]:
        """The sources moved but no row did: one empty commit carries the new cursor.

        Without it the same days would be recomputed for ever.
        """
        last = self._group.jobs[-1].table
        peers = {
            job.table.name: history(self._spark, self._ledger.name(job.table)).refs["main"]
            for job in self._group.jobs[:-1]
        }
        receipt_due = planned.moved or not planned.why.startswith("asked")
        if not receipt_due:
            return []
        target = self._ledger.name(last)
        none = self._spark.table(target).where("false").withColumn("_status", F.lit("unchanged"))
        nothing = merge.Staged(none, "true", merge.Counts())
        facts = self._facts(last, planned, nothing.counts, peers)
        head = merge.commit(self._spark, last, target, nothing, facts)
        days = None if planned.days is None else len(planned.days)
        outcome = Outcome(
            run_id=planned.run_id, job_group=self._group.name, table_name=last.full_name,
            status="ok", started_at=started, days=days, snapshot_id=head, committed=True,
        )  # fmt: skip
        return [outcome]

    def _outcomes(
        self,
        planned: Plan,
        started: datetime,
        staged: dict[str, merge.Staged],
        published: list[int],
    ) -> list[Outcome]:
        days = None if planned.days is None else len(planned.days)
        return [
            Outcome(
                run_id=planned.run_id, job_group=self._group.name,
                table_name=job.table.full_name, status="ok", started_at=started,
                counts=staged[job.table.name].counts, days=days,
                snapshot_id=head, committed=True,
            )
            for job, head in zip(self._group.jobs, published)
        ]  # fmt: skip


def _two_ways(run_id: str) -> str:
    return f"lake publish {run_id} (let it stand) or lake discard {run_id}"


def _days_text(days: Optional[set[date]]) -> str:
    if days is None:
        return "all days"
    return f"{len(days)} day{'s' if len(days) != 1 else ''}"
