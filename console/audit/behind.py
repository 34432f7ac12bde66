"""The rows of other tables that a gold row was made of, as its job relates them."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from console.audit.fields import CONTRACTS
from console.audit.history import inputs
from console.reading import Moment
from jobs.pipeline import GROUPS
from lakehouse.job import Gold
from lakehouse.table import AUDIT_NAMES

if TYPE_CHECKING:
    import duckdb

    from console.reading import Lake
    from lakehouse.snapshots import Snapshot

MOST = 20
_PARAMETER = re.compile(r":(\w+)")


def relations(name: str) -> tuple[tuple[str, str], ...]:
    """(table, condition) of the tables behind a gold table; none for any other."""
    jobs = (job for group in GROUPS for job in group.jobs if job.table.full_name == name)
    return next((job.behind for job in jobs if isinstance(job, Gold)), ())


class Behind:
    """The rows behind gold rows; a table is read once for all of them."""

    def __init__(self, lake: Lake, name: str) -> None:
        self._lake = lake
        self._name = name
        self._connect = cache(self._connected)

    def of(self, row: dict[str, Any], snapshot: Snapshot) -> list[dict[str, Any]]:
        """What a row may have been made of, table by table, as the run that made it read them.

        Where that snapshot was expired, the table as it is now is asked, and `as_read` is false.
        """
        read = inputs(snapshot)
        params = snapshot.receipt.get("params") or {}
        found = []
        for table, condition in relations(self._name):
            wanted = read.get(table.split(".")[1])
            kept = wanted is not None and wanted in self._lake.history(table).snapshots
            moment = Moment(snapshot_id=wanted) if kept else Moment()
            rows = self._rows(row, table, condition, params, moment)
            facts = {"table": table, "snapshot_id": None if wanted is None else str(wanted)}
            shown = [n for n in (*CONTRACTS[table].key, *AUDIT_NAMES) if rows and n in rows[0]]
            keys = [{n: r[n] for n in shown} for r in rows[:MOST]]
            found.append(
                {**facts, "as_read": kept, "where": condition, "rows": len(rows), "first": keys}
            )
        return found

    def _connected(self, table: str, moment: Moment) -> duckdb.DuckDBPyConnection:
        return self._lake.connect([table], moment)

    def _rows(
        self,
        row: dict[str, Any],
        table: str,
        condition: str,
        params: dict[str, Any],
        moment: Moment,
    ) -> list[dict[str, Any]]:
        import pyarrow as pa  # noqa: PLC0415

        connection = self._connect(table, moment)
        fields = self._lake.table(self._name).schema().as_arrow()
        connection.register("gold_row", pa.Table.from_pylist([row], schema=fields))
        used = {n: params.get(n) for n in _PARAMETER.findall(condition)}
        where = _PARAMETER.sub(r"$\1", condition)
        order = ", ".join(f"b.{n}" for n in CONTRACTS[table].key)
        found = connection.sql(
            f"select b.* from {table} as b, gold_row as g where {where} order by {order}",
            params=used or None,
        )
        rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
        return rows
