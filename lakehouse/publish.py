"""Write, audit, publish: a group of tables moves together, or main stays as it was.

Each table is built on a branch of the run. The last table is the commit record: its receipt names
its peers' snapshots, every receipt names the commit record, and who reads the group reads the
snapshots it names. Every run begins by finishing or dropping what a killed run left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.errors import ConflictError, DataQualityError, UsageError
from lakehouse.iceberg import history
from lakehouse.snapshots import MAIN

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RUNNING, FAILED = "run_", "failed_"
KEEP_DAYS = 7


def branch_of(run_id: str) -> str:
    """The branch a run builds on."""
    return RUNNING + run_id


def create_branch(spark: SparkSession, table: str, branch: str) -> None:
    """A branch at main's head; one left by an earlier try is replaced."""
    spark.sql(
        f"alter table {table} create or replace branch {branch} retain {KEEP_DAYS} days"
    ).collect()


def drop_branch(spark: SparkSession, table: str, branch: str) -> None:
    """Drop a branch if it is there; its snapshots go with the next expiry."""
    spark.sql(f"alter table {table} drop branch if exists {branch}").collect()


def fast_forward(spark: SparkSession, table: str, branch: str) -> int:
    """Move main to the branch's head, and prove by the refs that it moved. Repeatable.

    Raises ConflictError if main moved meanwhile, DataQualityError if main is elsewhere after.
    """
    wanted = history(spark, table).head(branch)
    if wanted is None:
        raise ConflictError(f"{table}: no branch {branch}")
    catalog, name = table.split(".", 1)
    try:
        spark.sql(f"call {catalog}.system.fast_forward('{name}', '{MAIN}', '{branch}')").collect()
    except Exception as error:
        if "is not an ancestor" in str(error):
            raise ConflictError(f"{table}: main moved since {branch} was built") from error
        raise
    if history(spark, table).head() != wanted:
        raise DataQualityError(f"{table}: main did not move to {wanted} of {branch}")
    return wanted


def publish(spark: SparkSession, tables: list[str], branch: str) -> list[int]:
    """Fast-forward all tables, the commit record last, then drop the branches."""
    heads = [fast_forward(spark, table, branch) for table in tables]
    for table in tables:
        drop_branch(spark, table, branch)
    return heads


def recover(spark: SparkSession, tables: list[str]) -> list[str]:
    """Finish a run that was killed while publishing; drop the branches of any other.

    A run whose branch is on main of one table passed its audit: the other tables follow. Where
    one cannot follow (main moved, branch gone), the peers in the commit record differ from main
    and the next refresh rebuilds everything. Returns the runs that were finished.
    """
    found = {table: history(spark, table) for table in tables}
    left = {ref for h in found.values() for ref in h.refs if ref.startswith(RUNNING)}
    finished = []
    for branch in sorted(left):
        run_id = branch[len(RUNNING) :]
        if any(h.of_run(run_id) for h in found.values()):
            try:
                for table in tables:
                    if not found[table].of_run(run_id):
                        fast_forward(spark, table, branch)
                finished.append(run_id)
            except ConflictError:
                pass  # the peers tell, see above
        for table in tables:
            drop_branch(spark, table, branch)
    return finished


def set_aside(spark: SparkSession, tables: list[str], run_id: str) -> None:
    """Keep a run's branches, which failed the audit, under the name `failed_<run>`."""
    for table in tables:
        head = history(spark, table).head(branch_of(run_id))
        if head is not None:
            spark.sql(
                f"alter table {table} create or replace branch {FAILED}{run_id} "
                f"as of version {head} retain {KEEP_DAYS} days"
            ).collect()
            drop_branch(spark, table, branch_of(run_id))


def _holding(spark: SparkSession, tables: list[str], run_id: str) -> list[str]:
    """The tables that keep a failed branch of the run. Raises UsageError for none."""
    branch = FAILED + run_id
    found = [table for table in tables if branch in history(spark, table).refs]
    if not found:
        raise UsageError(f"run {run_id} waits for no decision", next_command="lake history TABLE")
    return found


def release(spark: SparkSession, tables: list[str], run_id: str) -> list[int]:
    """Publish a run that failed its audit, because a person said so.

    Raises UsageError for an unknown run, ConflictError if main moved since.
    """
    if _holding(spark, tables, run_id) != tables:
        raise UsageError(
            f"run {run_id} is not whole any more", next_command=f"lake discard {run_id}"
        )
    return publish(spark, tables, FAILED + run_id)


def discard(spark: SparkSession, tables: list[str], run_id: str) -> None:
    """Drop what a failed run built, or what is left of it. Raises UsageError for an unknown run."""
    for table in _holding(spark, tables, run_id):
        drop_branch(spark, table, FAILED + run_id)
