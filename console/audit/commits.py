"""Commits to a table's refs and properties through PyIceberg: none loses another writer's."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from console.tables import identifier, open_catalog
from lakehouse.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table as IcebergTable

    from lakehouse.settings import Settings

MAX_TRIES = 12
_NEXT = "wait, then type it again"


class Committer:
    """Changes tables of one catalog; each try stands on the table as it is then."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._catalog: Catalog = open_catalog(settings)

    def fresh(self, name: str) -> IcebergTable:
        """The table as the catalog has it now."""
        return self._catalog.load_table(identifier(self._settings, name))

    def commit(
        self,
        name: str,
        done: Callable[[IcebergTable], bool],
        change: Callable[[IcebergTable], None],
    ) -> bool:
        """Make `change` unless it is `done`; again after another writer's commit.

        PyIceberg commits on the metadata that it was read from, or not at all, and only appends
        are tried again there. A commit whose answer was lost is recognised by `done`. Returns
        whether there was anything to do. Raises ConflictError after too many tries, and whatever
        `done` and `change` refuse.
        """
        from pyiceberg.exceptions import CommitFailedException  # noqa: PLC0415

        for attempt in range(MAX_TRIES):
            table = self.fresh(name)
            if done(table):
                return attempt > 0
            try:
                change(table)
            except CommitFailedException:
                time.sleep(random.uniform(0.5, 1.0) * min(0.05 * 2**attempt, 2))  # noqa: S311
            except Exception:
                if not done(self.fresh(name)):
                    raise
                return True
            else:
                return True
        raise ConflictError(f"{name}: other commits kept coming between", next_command=_NEXT)


def swap_property(table: IcebergTable, name: str, old: str | None, new: str | None) -> bool:
    """Set a property to `new` if it still is `old` (None: absent); whether it was set.

    The same as `lakehouse.iceberg.swap_property`, without Spark.
    """
    from pyiceberg.exceptions import CommitFailedException  # noqa: PLC0415
    from pyiceberg.table.update import RemovePropertiesUpdate, SetPropertiesUpdate  # noqa: PLC0415

    change: Any = (
        RemovePropertiesUpdate(removals=[name])
        if new is None
        else SetPropertiesUpdate(updates={name: new})
    )
    while table.refresh().properties.get(name) == old:
        try:
            with table.transaction() as transaction:
                transaction._apply((change,), (_still(name, old),))  # noqa: SLF001
        except CommitFailedException:
            continue
        except Exception:
            if new is None or table.refresh().properties.get(name) != new:
                raise
        return True
    return False


def _still(name: str, old: str | None) -> Any:
    """A requirement of a commit: the property is what it was. Checked where the lock is."""
    from pyiceberg.exceptions import CommitFailedException  # noqa: PLC0415
    from pyiceberg.table.update import ValidatableTableRequirement  # noqa: PLC0415

    class Still(ValidatableTableRequirement):
        type: str = "assert-property"

        def validate(self, base_metadata: Any) -> None:  # type: ignore[override]
            if base_metadata is None or base_metadata.properties.get(name) != old:
                raise CommitFailedException(f"{name} was changed meanwhile")

    return Still()
