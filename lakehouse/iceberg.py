"""The few calls into Iceberg's Java library that Spark SQL has no words for."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Optional

from lakehouse.errors import ConfigurationError, ConflictError, StorageError
from lakehouse.snapshots import RECEIPT, History

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyspark.sql import SparkSession

RECEIPT_LIMIT_BYTES = 1000
# What Iceberg says when somebody else's commit came between; the whole step is run again.
_CONFLICTS = (
    "Found conflicting files",
    "Runtime file filtering is not possible",
    "CommitFailedException",
    "Cannot commit",
    "Missing required files to delete",
    "is not an ancestor of",
)
_FOREVER_MS = 2**63 - 1


def _load(spark: SparkSession, identifier: str) -> Any:
    try:
        return spark._jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(  # noqa: SLF001
            spark._jsparkSession,  # noqa: SLF001
            identifier,
        )
    except Exception as error:
        if "NoSuchTable" in str(error) or "not found" in str(error):
            raise ConfigurationError(
                f"{identifier} does not exist", next_command="lake tables apply"
            ) from error
        raise


def history(spark: SparkSession, identifier: str) -> History:
    """The table's metadata as it is now; one call over the gateway, whatever its size."""
    current = _load(spark, identifier).operations().current()
    parser = spark._jvm.org.apache.iceberg.TableMetadataParser  # noqa: SLF001
    return History.parse(identifier, json.loads(parser.toJson(current)))


def changed_partitions(
    spark: SparkSession, identifier: str, snapshot_ids: Iterable[int]
) -> set[str]:
    """Partition paths (`event_ts_day=2026-01-03`) of the files those snapshots added or removed.

    Reads only the manifests the snapshots wrote. Data and delete files count alike.
    """
    table = _load(spark, identifier)
    io, specs, found = table.io(), table.specs(), set()
    for snapshot_id in snapshot_ids:
        snapshot = table.snapshot(snapshot_id)
        for files in (
            snapshot.addedDataFiles(io),
            snapshot.removedDataFiles(io),
            snapshot.addedDeleteFiles(io),
            snapshot.removedDeleteFiles(io),
        ):
            for file in files:
                found.add(str(specs.get(file.specId()).partitionToPath(file.partition())))
    return found


@contextlib.contextmanager
def receipt(spark: SparkSession, facts: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Every commit inside carries `facts` in its snapshot's summary.

    The library's EnvironmentContext is the one way that reaches SQL, DataFrame and maintenance
    commits alike. It is shared by the whole JVM: one commit at a time. Whoever uses it must
    assert the receipt on the new head, because every way of losing it is silent.

    Raises StorageError for a receipt over 1 kB: every metadata file repeats all summaries.
    """
    context = spark._jvm.org.apache.iceberg.EnvironmentContext  # noqa: SLF001
    pairs = {RECEIPT + name: _text(value) for name, value in facts.items() if value is not None}
    size = sum(len(k.encode()) + len(v.encode()) for k, v in pairs.items())
    if size > RECEIPT_LIMIT_BYTES:
        raise StorageError(f"the receipt of run {facts.get('run')} has {size} bytes, over 1 kB")
    for name, value in pairs.items():
        context.put(name, value)
    try:
        yield pairs
    finally:
        for name in pairs:
            context.remove(name)


@contextlib.contextmanager
def conflicts(target: str) -> Iterator[None]:
    """Raise ConflictError for whatever Iceberg says of another commit that came between."""
    try:
        yield
    except Exception as error:
        if any(text in str(error) for text in _CONFLICTS):
            raise ConflictError(f"{target}: {str(error)[:200]}") from error
        raise


def expire(
    spark: SparkSession, identifier: str, snapshot_ids: Iterable[int], lasting: Iterable[str]
) -> None:
    """Drop exactly these snapshots from the metadata; no file is removed.

    `lasting` are tags that outlive the time they were made for. Tags and branches that nobody
    holds go with their time. Raises Iceberg's error for a snapshot that a ref names.
    """
    table = _load(spark, identifier)
    refs = table.manageSnapshots()
    names = list(lasting)
    for name in names:
        refs = refs.setMaxRefAgeMs(name, _FOREVER_MS)
    if names:
        refs.commit()
    # Older than 1970 is nothing: by age alone none goes, whatever the table's properties say.
    update = table.expireSnapshots().expireOlderThan(0).cleanExpiredFiles(False)
    for snapshot_id in snapshot_ids:
        update = update.expireSnapshotId(snapshot_id)
    update.commit()


def remove_files(spark: SparkSession, identifier: str, paths: Iterable[str]) -> None:
    """Delete files by the table's own way to its store."""
    io = _load(spark, identifier).io()
    for path in paths:
        io.deleteFile(path)


def write_text(spark: SparkSession, identifier: str, path: str, text: str) -> None:
    """Write a small file by the table's own way to its store."""
    stream = _load(spark, identifier).io().newOutputFile(path).createOrOverwrite()
    try:
        stream.write(bytearray(text.encode()))
    finally:
        stream.close()


def swap_property(
    spark: SparkSession, identifier: str, name: str, old: Optional[str], new: Optional[str]
) -> bool:
    """Set a table's property to `new` if it still is `old` (None: absent); whether it was set.

    Atomic in every place, because it is the catalog's own commit: of two callers one succeeds.
    `new` must be a text nobody else writes: by it a commit whose answer was lost is recognised.
    """
    operations = _load(spark, identifier).operations()
    while True:
        base = operations.refresh()
        properties = spark._jvm.java.util.HashMap(base.properties())  # noqa: SLF001
        if properties.get(name) != old:
            return False
        if new is None:
            properties.remove(name)
        else:
            properties.put(name, new)
        try:
            operations.commit(base, base.replaceProperties(properties))
        except Exception as error:
            if new is not None and operations.refresh().properties().get(name) == new:
                return True
            if "CommitFailedException" not in str(error):
                raise
        else:
            return True


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
