"""What a maintenance goes by, and what it did: each step tells why, or why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from jobs.maintenance.compaction import Checksum, Target, checksum
from lakehouse import catalog
from lakehouse.ledger import now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pyspark.sql import SparkSession

    from lakehouse.job import Group
    from lakehouse.settings import Settings
    from lakehouse.table import Table


class Action(NamedTuple):
    """What a step did to a table, would do, or why it did nothing."""

    table: str
    step: str
    did: str
    why: str


@dataclass(frozen=True)
class Work:
    """What a maintenance goes by. `dry` does nothing and says what it would do."""

    spark: SparkSession
    settings: Settings
    groups: Sequence[Group]
    progress: Callable[[str], None] = lambda _: None
    dry: bool = False
    clock: Callable[[], datetime] = now
    check: Callable[[SparkSession, Table, str, int], Checksum] = checksum
    done: list[Action] = field(default_factory=list)

    def name(self, table: Table) -> str:
        """The table's identifier in this place."""
        return catalog.identifier(self.settings, table.full_name)

    def target(self, table: Table) -> Target:
        """The table as compaction knows it."""
        return Target(self.spark, table, self.name(table), self.check)

    def tell(self, table: Table, step: str, why: str, act: Callable[[], Any] | None = None) -> None:
        """Do it, unless dry, and remember what was done, or why nothing was."""
        if act is None:
            self.done.append(Action(table.full_name, step, "nothing", why))
            return
        if not self.dry:
            self.progress(f"{table.full_name}: {step}: {why}")
            said = act()
            why = f"{why}; {said}" if isinstance(said, str) else why
        self.done.append(Action(table.full_name, step, "would" if self.dry else "done", why))
