"""The commits of a rollback, and its receipt: who set main of which tables back, when and why.

Iceberg makes no snapshot of it, so the receipt stands in a property that the same commit sets,
and, as the index of runs, in ops.run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from console.audit.commits import Committer
from lakehouse import code
from lakehouse.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyiceberg.table import Table as IcebergTable

    from console.audit.rollback import Move, Plan
    from console.reading import Lake
    from lakehouse.settings import Settings

RECEIPT = "lake.rollback."


@dataclass(frozen=True)
class Receipt:
    """Who set a group of tables back, when and why."""

    run_id: str
    at: datetime
    by: str
    why: str

    @classmethod
    def of(cls, planned: Plan, by: str, why: str) -> Receipt:
        """The receipt of doing that now."""
        at = datetime.now(timezone.utc)
        facts = [[m.table, m.start, m.target] for m in planned.moves]
        digest = hashlib.sha256(json.dumps(["rollback", facts, at.isoformat()]).encode())
        return cls(digest.hexdigest()[:16], at, by, why)

    def text(self, move: Move) -> str:
        """As the table's property holds it."""
        return json.dumps(
            {
                "run": self.run_id,
                "by": self.by,
                "why": self.why,
                "from": move.start,
                "to": move.target,
                "undone": move.runs[:20],
            },
            ensure_ascii=False,
        )


def execute(
    settings: Settings, planned: Plan, receipt: Receipt, still_held: Callable[[], None]
) -> None:
    """Move main of every table, the commit record last; the lease is held.

    Readers of the group go by its commit record, so they see all of it or nothing. Killed in
    between, the same command finishes it, or the next run rebuilds the group whole.
    Raises ConflictError if main is not any more what the plan says.
    """
    committer = Committer(settings)
    moves = [move for move in planned.moves if move.start != move.target]
    for move in moves:
        if committer.fresh(move.table).metadata.current_snapshot_id != move.start:
            raise _moved(move)
    for move in moves:
        still_held()
        _set_main(committer, move, receipt)
    _record(committer, planned, receipt)


def _set_main(committer: Committer, move: Move, receipt: Receipt) -> None:
    name = RECEIPT + receipt.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def done(table: IcebergTable) -> bool:
        return name in table.properties

    def change(table: IcebergTable) -> None:
        if table.metadata.current_snapshot_id != move.start:
            raise _moved(move)
        with table.transaction() as transaction:
            from pyiceberg.table.update.snapshot import ManageSnapshots  # noqa: PLC0415

            ManageSnapshots(transaction).set_current_snapshot(move.target).commit()
            transaction.set_properties({name: receipt.text(move)})

    committer.commit(move.table, done, change)


def _moved(move: Move) -> ConflictError:
    return ConflictError(
        f"{move.table}: main moved since the plan was made", next_command="the same command again"
    )


def _record(committer: Committer, planned: Plan, receipt: Receipt) -> None:
    """One row of ops.run for each table; the properties are the truth, this is the index."""
    import pyarrow as pa  # noqa: PLC0415

    index = committer.fresh("ops.run")
    schema = index.schema().as_arrow()
    rows = [
        {
            **dict.fromkeys(schema.names),
            "run_id": receipt.run_id,
            "job_group": planned.group.name,
            "table_name": move.table,
            "status": "rollback",
            "reason": f"{receipt.by}: {receipt.why} (from {move.start})",
            "started_at": receipt.at,
            "ended_at": datetime.now(timezone.utc),
            "code_version": code.version(),
            "snapshot_id": move.target,
        }
        for move in planned.moves
    ]
    facts = {"lake.run": receipt.run_id, "lake.job": "rollback"}
    index.append(pa.Table.from_pylist(rows, schema=schema), snapshot_properties=facts)


def receipts(lake: Lake, tables: list[str]) -> list[dict[str, Any]]:
    """Every rollback of the tables, newest first."""
    found = []
    for table in tables:
        properties = lake.history(table).metadata.get("properties") or {}
        for name, text in properties.items():
            if name.startswith(RECEIPT):
                found.append({"at": name[len(RECEIPT) :], "table": table, **json.loads(text)})
    return sorted(found, key=lambda row: (row["at"], row["table"]), reverse=True)


def who(settings: Settings) -> str:
    """The person at this shell; in a bucket's account also who AWS takes them for."""
    import getpass  # noqa: PLC0415
    import socket  # noqa: PLC0415

    person = f"{getpass.getuser()}@{socket.gethostname()}"
    if not settings.in_bucket:
        return person
    import boto3  # noqa: PLC0415

    options = {"region_name": settings.region or None, "endpoint_url": settings.endpoint or None}
    caller = boto3.client("sts", **options).get_caller_identity()
    return f"{person} as {caller['Arn']}"
