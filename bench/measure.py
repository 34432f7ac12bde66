"""What a piece of work costs: CPU of the process tree, bytes read, bytes shuffled, wall time.

CPU seconds hardly suffer from other load on the cores, wall time does; bytes not at all.
"""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession

    from bench.data import Size

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """The cost of one run of some work."""

    cpu_sec: float
    wall_sec: float
    read_bytes: int
    shuffle_bytes: int

    def __sub__(self, earlier: Cost) -> Cost:
        pairs = zip(asdict(self).values(), asdict(earlier).values())
        return Cost(*(now - then for now, then in pairs))


@dataclass(frozen=True)
class Work:
    """What is measured, and how everything is put back after it, which is not."""

    run: Callable[[], object]
    reset: Callable[[], object] = lambda: None


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure by itself."""
    return Cost(
        *(statistics.median(values) for values in zip(*(asdict(c).values() for c in costs)))
    )


def cpu_seconds(root: int) -> float:
    """User and system seconds of a process and its descendants, reaped children included."""
    parents, seconds = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended between the listing and the reading
        pid = int(stat.parent.name)
        parents[pid] = int(fields[1])
        seconds[pid] = sum(map(int, fields[11:15])) / _TICKS
    return sum(seconds[pid] for pid in parents if _descends(pid, root, parents))


def _descends(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid in parents and pid != root:
        pid = parents[pid]
    return pid == root


class Meter:
    """Reads the counters of this process and of its JVM."""

    def __init__(self, spark: SparkSession) -> None:
        self._jvm = spark._jvm  # noqa: SLF001  Spark's own counters have no Python name
        self._context = spark._jsc.sc()  # noqa: SLF001

    def measure(self, work: Callable[[], object]) -> Cost:
        """Run it once, from a heap without garbage."""
        self._jvm.System.gc()
        before = self._now()
        work()
        return self._now() - before

    def alternate(self, works: dict[str, Work], size: Size) -> dict[str, list[Cost]]:
        """Each work in turn, some rounds to warm up first; every other round goes backwards.

        What runs later in a JVM is faster: one after the other would flatter the last one.
        """
        costs: dict[str, list[Cost]] = {name: [] for name in works}
        for turn in range(size.warm_up + size.rounds):
            names = list(works) if turn % 2 == 0 else list(reversed(works))
            for name in names:
                cost = self.measure(works[name].run)
                works[name].reset()
                if turn >= size.warm_up:
                    costs[name].append(cost)
        return costs

    def _now(self) -> Cost:
        self._context.listenerBus().waitUntilEmpty()
        executor = self._context.statusStore().executorList(False).head()
        statistics_of_files = self._jvm.org.apache.hadoop.fs.FileSystem.getAllStatistics()
        return Cost(
            cpu_sec=cpu_seconds(os.getpid()),
            wall_sec=time.monotonic(),
            read_bytes=sum(one.getBytesRead() for one in statistics_of_files),
            shuffle_bytes=executor.totalShuffleWrite(),
        )
