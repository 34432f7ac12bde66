"""The way every job goes: what is new, transform, judge, stage, keep the rejected, commit, record.

A run is driven by what is new, not by the event that woke it; it ends only when nothing is.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from pyspark.sql import functions as F

from lakehouse import code, log, merge, quality, records, streams
from lakehouse.errors import ConflictError, ContractError, LakeError, UsageError
from lakehouse.iceberg import history
from lakehouse.job import GoldGroup, SilverGroup
from lakehouse.ledger import Outcome, leased, now, verify
from lakehouse.pending import all_files, pending_files
from lakehouse.refresh import Refresh

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from pyspark.sql import DataFrame, SparkSession

    from lakehouse.job import Group, Silver
    from lakehouse.ledger import Ledger
    from lakehouse.settings import Settings

T = TypeVar("T")
MAX_TRIES = 5
# A batch stays small enough to be staged on one worker; what is left over is the next batch.
MAX_FILES = 2_000
_EXTRA = ("source_uri", "source_row", "item", "reject", "row_json")


def run(
    spark: SparkSession,
    settings: Settings,
    groups: Iterable[Group],
    *,
    full: bool = False,
    replace: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """Run the groups one after the other; returns what each step did, nothing for no work.

    `full` recomputes gold whole, `replace` lets silver overwrite newer versions and read all
    files again (after a mended transform). Raises LakeError; what was committed before stays,
    and the next run goes on from there.
    """
    done: list[Outcome] = []
    for group in groups:
        with leased(spark, settings, group.name, progress) as ledger:
            if isinstance(group, GoldGroup):
                done += _gold(spark, settings, group, ledger, progress, full=full)
            else:
                step = _SilverRun(spark, settings, group, ledger, progress, replace=replace)
                done += step.all()
    return done


def redrive(
    spark: SparkSession,
    settings: Settings,
    groups: Iterable[Group],
    *,
    table: str,
    sources: set[str],
    progress: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """Read the files of refused rows of a table again, after its transform was mended.

    `sources` are the rows' source_uri. What is refused no more leaves ops.rejected_row.
    Raises UsageError for a table that no silver job makes.
    """
    for group in groups:
        if not isinstance(group, SilverGroup):
            continue
        for job in group.jobs:
            if job.table.full_name == table:
                with leased(spark, settings, group.name, progress) as ledger:
                    step = _SilverRun(spark, settings, group, ledger, progress, redrive=sources)
                    return [step.one(job, step.files_of(job, sources))]
    raise UsageError(f"no silver job makes {table}", next_command="lake rejected list")


def again(step: Callable[[], T], what: str) -> T:
    """Run a whole step, again after a conflict: commit retries do not cover validation failures."""
    for attempt in range(1, MAX_TRIES + 1):
        try:
            return step()
        except ConflictError as error:  # noqa: PERF203  trying again is the point
            if attempt == MAX_TRIES:
                raise
            log.warn("conflict", step=what, attempt=attempt, why=str(error))
            time.sleep(random.uniform(0.1, 0.5) * 2**attempt)  # noqa: S311  jitter, no secret
    raise AssertionError(what)  # pragma: no cover


def _gold(
    spark: SparkSession,
    settings: Settings,
    group: GoldGroup,
    ledger: Ledger,
    progress: Callable[[str], None],
    *,
    full: bool,
) -> list[Outcome]:
    started = now()
    try:
        outcomes = again(
            lambda: Refresh(spark, settings, group, ledger, progress).run(full=full), group.name
        )
    except LakeError as error:
        ledger.ran(_failure(group.name, group.jobs[-1].table.full_name, started, error))
        raise
    for outcome in outcomes:
        ledger.ran(outcome)
    return outcomes


def _failure(group: str, table: str, started: datetime, error: LakeError) -> Outcome:
    return Outcome("", group, table, "failed", started, reason=str(error))


def run_id_of(job: Silver, files: list[str], *, replace: bool) -> str:
    """Hash of job, code and inputs: a retry has the same."""
    facts = [job.table.full_name, code.version(), sorted(files), replace]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def read_batch(
    spark: SparkSession, settings: Settings, job: Silver, files: list[str]
) -> tuple[DataFrame, int]:
    """The judged rows of the files, and how many records the files hold.

    Raises ContractError if the transform gives other columns than the contract's.
    """
    read = records.read(spark, settings, files, job.payload).persist()
    corrupt = F.col(records.CORRUPT).isNotNull()
    found = read.agg(F.count(F.lit(1)).alias("n"), F.count_if(corrupt).alias("bad")).collect()[0]
    rows = job.transform(read.where(~corrupt), settings)
    _same_columns(job, rows)
    if found["bad"]:
        rows = rows.unionByName(_unfit(job, read.where(corrupt)))
    return quality.judge(rows, job.table), found["n"]


def _unfit(job: Silver, bad: DataFrame) -> DataFrame:
    """Records whose payload does not have the stream's shape, as rejected rows."""
    nulls = [F.lit(None).cast(c.kind).alias(c.name) for c in job.table.columns]
    return bad.select(
        *nulls,
        "source_uri",
        "source_row",
        F.lit(0).alias("item"),
        F.lit("the record does not have the shape of its stream").alias("reject"),
        F.col(records.CORRUPT).alias("row_json"),
    )


def _same_columns(job: Silver, rows: DataFrame) -> None:
    wanted = {c.name: c.kind for c in job.table.columns}
    given = {name: kind for name, kind in rows.dtypes if name not in _EXTRA}
    if wanted != given or not set(_EXTRA) <= set(rows.columns):
        differ = sorted(set(wanted.items()) ^ set(given.items()))
        raise ContractError(f"{job.table.full_name}: the transform gives other columns: {differ}")


class _SilverRun:
    """One run of a silver group, table after table."""

    def __init__(
        self,
        spark: SparkSession,
        settings: Settings,
        group: SilverGroup,
        ledger: Ledger,
        progress: Callable[[str], None],
        *,
        replace: bool = False,
        redrive: set[str] | None = None,
    ) -> None:
        self._spark = spark
        self._settings = settings
        self._group = group
        self._ledger = ledger
        self._say = progress
        self._replace = replace or redrive is not None
        self._redrive = redrive

    def all(self) -> list[Outcome]:
        """Take in every pending file and stream part; list again until nothing is new."""
        done: list[Outcome] = []
        seen: dict[str, set[str]] = {}
        while True:
            pending = pending_files(self._spark, self._settings, self._group, self._ledger)
            if self._replace:
                pending = all_files(self._spark, self._settings, self._group)
            fresh = 0
            for job in self._group.jobs:
                already = seen.setdefault(job.table.full_name, set())
                files = [f for f in pending[job.table.full_name] if f not in already][:MAX_FILES]
                already.update(files)
                if files:
                    fresh += len(files)
                    done.append(self.one(job, files))
            if not fresh:
                return done

    def files_of(self, job: Silver, sources: set[str]) -> list[str]:
        """What the sources were taken from: events by name; files, or by the hash in their path."""
        events = {source for source in sources if streams.is_name(source)}
        hashes = {part for source in sources - events for part in source.split("/")}
        listed = all_files(self._spark, self._settings, self._group)[job.table.full_name]
        files = [f for f in listed if not streams.is_name(f)]
        return [
            *(f for f in files if f in sources or f.rsplit("/", 1)[1].split(".")[0] in hashes),
            *sorted(events),
        ]

    def one(self, job: Silver, files: list[str]) -> Outcome:
        """Take these files into one table."""
        started = now()
        try:
            outcome = again(lambda: self._step(job, files, started), job.table.full_name)
        except LakeError as error:
            self._ledger.ran(_failure(self._group.name, job.table.full_name, started, error))
            raise
        self._ledger.ran(outcome)
        return outcome

    def _step(self, job: Silver, files: list[str], started: datetime) -> Outcome:
        table, target = job.table, self._ledger.name(job.table)
        found = verify(self._spark, target, table)
        run_id = run_id_of(job, files, replace=self._replace)
        done = Outcome(run_id, self._group.name, table.full_name, "ok", started, files=len(files))
        committed = found.of_run(run_id)
        if committed and not self._replace:  # killed between its commit and the ledger
            self._ledger.took(table, files, run_id, found)
            said = committed.receipt
            counts = merge.Counts(**said["counts"])
            facts = {"counts": counts, "records": int(said["records"]), "committed": True}
            return Outcome(**{**vars(done), **facts, "snapshot_id": committed.id})
        self._say(f"{table.full_name}: reading {len(files)} files")
        rows, count = read_batch(self._spark, self._settings, job, files)
        staged = merge.stage(self._spark, table, target, rows, replace=self._replace)
        staged.counts.check(table)
        receipt = self._facts(job, run_id, files, count, staged.counts)
        head = self._write(job, staged, receipt, started)
        if self._redrive:
            self._ledger.absolve(table, self._redrive, staged.rejected, receipt)
        self._spark.catalog.clearCache()
        current = history(self._spark, target)
        self._ledger.took(table, files, run_id, current)
        facts = {"counts": staged.counts, "records": count, "committed": head is not None}
        return Outcome(**{**vars(done), **facts, "snapshot_id": current.head()})

    def _write(
        self, job: Silver, staged: merge.Staged, facts: dict[str, Any], started: datetime
    ) -> int | None:
        if staged.counts.rejected:
            self._ledger.reject(job.table, staged.rejected, facts)
        if not staged.counts.written:
            return None
        stamped = staged.rows.withColumn("ingest_ts", F.lit(started)).withColumn(
            "run_id", F.lit(facts["run"])
        )
        ready = replace(staged, rows=stamped)
        target = self._ledger.name(job.table)
        self._ledger.still_held()
        return merge.commit(self._spark, job.table, target, ready, facts)

    def _facts(
        self, job: Silver, run_id: str, files: list[str], count: int, counts: merge.Counts
    ) -> dict[str, Any]:
        return {
            "run": run_id,
            "job": job.table.full_name,
            "code": code.version(),
            "contract": str(job.table.version),
            "inputs": hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()[:16],
            "files": str(len(files)),
            "cursor": streams.heads(files) or None,
            "records": str(count),
            "counts": {k: v for k, v in asdict(counts).items() if v},
        }
