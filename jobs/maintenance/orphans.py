"""Files of a table's folder that no snapshot knows any more: found dry first, then set aside.

It is the only way by which files go. Expiry of snapshots leaves theirs to it, so that all of them
can be brought back for a while.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from jobs.maintenance import trash
from lakehouse import catalog, sql
from lakehouse.errors import StorageError
from lakehouse.iceberg import history, remove_files, write_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from lakehouse.settings import Settings

# A writer's files are orphans until it commits; none writes for so long.
MIN_AGE_DAYS = 3


def find(spark: SparkSession, name: str, now: datetime) -> list[str]:
    """Orphans older than three days, by Iceberg's dry run; in order.

    The files' times are the machine's own: a clock ahead of it makes none older.
    Raises StorageError if a file of another table is among them.
    """
    until = min(now, datetime.now(timezone.utc)) - timedelta(days=MIN_AGE_DAYS)
    call = (
        f"call {catalog.NAME}.system.remove_orphan_files(table => '{name.split('.', 1)[1]}', "
        f"older_than => {sql.timestamp(until)}, dry_run => true, prefix_listing => true)"
    )
    found = sorted(row[0] for row in spark.sql(call).collect())
    home = _path(history(spark, name).metadata["location"]).rstrip("/") + "/"
    foreign = [uri for uri in found if not _path(uri).startswith(home)]
    if foreign:
        raise StorageError(f"{name}: {foreign[0]} is not below {home}: nothing was removed")
    return found


def _path(uri: str) -> str:
    """A URI without its scheme's slashes, which differ from writer to writer."""
    return uri.partition(":")[2].lstrip("/")


def set_aside(
    spark: SparkSession, settings: Settings, table: str, name: str, files: list[str], now: datetime
) -> trash.Removal:
    """Remove the files so that they can be brought back."""
    removal = trash.Removal.of(table, files, now)
    if settings.in_bucket:
        write_text(spark, name, trash.manifest_uri(settings, removal.id), str(removal))
        remove_files(spark, name, removal.files)
    else:
        trash.move(settings.root, removal)
    return removal
