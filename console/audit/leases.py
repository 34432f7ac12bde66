"""The lease of a group of tables without Spark: the same one that its runs take."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from console.audit.commits import Committer, swap_property
from lakehouse import lease
from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakehouse.job import Group
    from lakehouse.settings import Settings

INDEX = "ops.run"


@contextlib.contextmanager
def held(
    settings: Settings, group: str, waiting: Callable[[str], None]
) -> Iterator[Callable[[], None]]:
    """Hold the group's lease; yields a check that it is still held.

    Raises BusyError naming who holds it.
    """
    if not settings.in_bucket:
        with lease.hold(settings.root, group, settings.lease_wait_sec, waiting) as still_held:
            yield still_held
        return
    index = Committer(settings).fresh(INDEX)

    def read(name: str) -> str | None:
        return index.refresh().properties.get(f"lake.lease.{name}")

    def swap(name: str, old: str | None, new: str | None) -> bool:
        return swap_property(index, f"lake.lease.{name}", old, new)

    wait_sec = settings.lease_wait_sec
    with lease.catalog_lease(read, swap, group, wait_sec, waiting) as still_held:
        yield still_held


def group_of(table: str) -> Group:
    """The group whose jobs make the table. Raises UsageError for a table that no job makes."""
    from jobs.pipeline import GROUPS  # noqa: PLC0415

    for group in GROUPS:
        if any(job.table.full_name == table for job in group.jobs):
            return group
    made = ", ".join(job.table.full_name for group in GROUPS for job in group.jobs)
    raise UsageError(f"no job makes {table}; jobs make {made}")
