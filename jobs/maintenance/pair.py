"""Tables that are published together stay readable together: the commit record follows its peers.

Readers of a group read the snapshots that the record's newest receipt names. After its peers were
written anew it names the old files still: an empty commit names the new ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from jobs.maintenance.compaction import VIA
from lakehouse import merge
from lakehouse.snapshots import together

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from lakehouse.snapshots import History
    from lakehouse.table import Table


def moved(histories: dict[str, History], record: str) -> dict[str, int]:
    """Peers (by name) whose main went on by compaction alone from what the record names."""
    pair = together(histories, record)
    found = {}
    for name, snapshot_id in (pair.snapshots if pair else {}).items():
        head = histories[name].head()
        if name != record and head not in (None, snapshot_id) and _only_replaced(
            histories[name], snapshot_id
        ):  # fmt: skip
            found[name.split(".")[1]] = head
    return {name: head for name, head in found.items() if head is not None}


def _only_replaced(found: History, since: int) -> bool:
    for snapshot in found.lineage():
        if snapshot.id == since:
            return True
        if snapshot.operation != "replace":
            return False
    return False


def follow(
    spark: SparkSession, record: Table, name: str, found: History, heads: dict[str, int]
) -> int:
    """Commit the newest receipt again with the peers' new heads; returns the record's head."""
    newest = found.newest_receipt()
    facts: dict[str, Any] = dict(newest[1]) if newest else {}
    facts |= {"peers": {**facts.get("peers", {}), **heads}, "via": VIA}
    none = spark.table(name).where("false").withColumn("_status", F.lit("unchanged"))
    nothing = merge.Staged(none, "true", merge.Counts(), found.head())
    return merge.commit(spark, record, name, nothing, facts)


def peers(found: History, kept: dict[int, str], name: str) -> set[int]:
    """The snapshots of a peer that the record's kept receipts name."""
    return {
        int(names[name])
        for snapshot_id in kept
        if name in (names := found.snapshots[snapshot_id].receipt.get("peers") or {})
    }
