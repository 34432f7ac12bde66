"""A small lake without Spark, in a folder or a bucket: landed files, rows, receipts, an index.

Digests of receipts are computed here anew, from the documents, not by the code that checks them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from console import tables
from console.reading import Lake
from ingestion import places
from ingestion.bronze import Bronze, Record, Stream
from ingestion.landing import land
from jobs.pipeline import GOLD_EMT, TABLES
from lakehouse import code

if TYPE_CHECKING:
    from lakehouse.settings import Settings

NOW = datetime(2025, 8, 29, 12, tzinfo=timezone.utc)
STOPS, LINES = "emt_silver.stops", "emt_silver.lines"
ARRIVALS, HOURS = (job.table.full_name for job in GOLD_EMT.jobs)
OF = {table.full_name: table for table in TABLES}
_START = {
    "string": "x", "timestamp": NOW, "date": NOW.date(), "bigint": 1, "int": 1, "double": 0.5
}  # fmt: skip
Row = dict[str, Any]


class KeptLake:
    """The lake of these settings, with every table."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        tables.apply(settings, TABLES)
        self.root = places.root(settings)
        self.runs = self._saved_runs = 0

    def save(self) -> KeptLake:
        """Remember the catalog as it is: where main of every table is."""
        _copy(self.settings.root / "catalog.db", self.settings.root / "saved.db")
        self._saved_runs = self.runs
        return self

    def restore(self) -> KeptLake:
        """Put the catalog back; files that no table names any more stay, as after any commit."""
        _copy(self.settings.root / "saved.db", self.settings.root / "catalog.db")
        self.runs = self._saved_runs
        return self

    def reader(self) -> Lake:
        """A fresh reader."""
        return Lake(self.settings)

    def head(self, table: str) -> int:
        """Where main is."""
        return self.reader().history(table).refs["main"]

    def append(self, table: str, rows: list[Row], receipt: Row | None = None) -> int:
        """Append rows with a receipt; what the contract requires and a row lacks is made up."""
        opened = tables.open_catalog(self.settings)
        found = opened.load_table(tables.identifier(self.settings, table))
        schema = found.schema().as_arrow()
        needed = {c.name: _START[c.kind] for c in OF[table].columns if c.required}
        full = [{**dict.fromkeys(schema.names), **needed, **row} for row in rows]
        said = {
            f"lake.{name}": value if isinstance(value, str) else json.dumps(value)
            for name, value in (receipt or {}).items()
        }
        found.append(pa.Table.from_pylist(full, schema=schema), snapshot_properties=said)
        return self.head(table)

    def land(self, stream: str, *payloads: Row) -> tuple[str, str]:
        """Drop a file and land it; its bronze file and its original, as the lake names them."""
        content = "".join(json.dumps(payload) + "\n" for payload in payloads).encode()
        file = self.root / "raw" / Path(stream) / "dropped.jsonl"
        places.publish(file, content)
        done = land(
            self.root, file, Stream.parse(stream), now=NOW, location=None, keep_source=False
        )
        assert done.bronze is not None
        name = f"originals/{stream}/{done.sha256}/dropped.jsonl"
        return places.below(done.bronze, self.root).as_posix(), name

    def pull(self, stream: str, *payloads: Row) -> str:
        """Write pulled replies; their bronze file."""
        asked = {"method": "GET", "url": "/v1/stops"}
        replies = [
            (Record(payload, asked), NOW + timedelta(seconds=number))
            for number, payload in enumerate(payloads)
        ]
        path = Bronze(self.root).write_replies(Stream.parse(stream), replies)
        assert path is not None
        return places.below(path, self.root).as_posix()

    def silver(self, table: str, rows: list[Row], files: list[str]) -> str:
        """Rows of these files as a run of silver leaves them: commit, receipt, index; its id."""
        run = self._run()
        inputs = hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()[:16]
        receipt = {
            "run": run, "job": table, "code": code.version(), "contract": "1", "inputs": inputs,
            "counts": {"rows_in": len(rows), "inserted": len(rows)},
        }  # fmt: skip
        made = [{"ingest_ts": NOW, "run_id": run, **row} for row in rows]
        head = self.append(table, made, receipt)
        sequence = self.reader().history(table).snapshots[head].sequence
        taken = {"table_name": table, "run_id": run, "snapshot_id": head}
        index = [{**taken, "file": f, "sequence_number": sequence, "recorded_at": NOW}
                 for f in files]  # fmt: skip
        self.append("ops.processed_file", index, {"run": run, "job": "ops.processed_file"})
        told = {**taken, "status": "ok", "job_group": "silver.emt", "inserted": len(rows)}
        self.append("ops.run", [told], {"run": run, "job": "ops.run"})
        return run

    def gold(self, rows: list[Row]) -> str:
        """Rows of both gold tables as a run publishes them, the commit record last; its id."""
        run = self._run()
        cursor = {table.name: self.head(table.full_name) for table in GOLD_EMT.sources}
        facts: Row = {"run": run, "code": code.version(), "cursor": cursor, "params": {},
                      "record": HOURS.split(".")[1], "counts": {"i": len(rows)}}  # fmt: skip
        made = [{"ingest_ts": NOW, "run_id": run, **row} for row in rows]
        peer = self.append(ARRIVALS, made, {**facts, "job": ARRIVALS})
        peers = {ARRIVALS.split(".")[1]: peer}
        self.append(HOURS, made, {**facts, "job": HOURS, "peers": peers})
        return run

    def rows(self, table: str) -> list[Row]:
        """The rows of main, without the order they are in."""
        found = self.reader().table(table).scan().to_arrow().to_pylist()
        return sorted(found, key=str)

    def _run(self) -> str:
        self.runs += 1
        return hashlib.sha256(str(self.runs).encode()).hexdigest()[:16]


def _copy(source: Path, target: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(source)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def filled(settings: Settings) -> KeptLake:
    """Stops from a dropped and a pulled file, lines, and gold of one arrival."""
    lake = KeptLake(settings)
    bronze, original = lake.land("emt/stops", *({"node": str(n), "name": "Ñ"} for n in (1, 2)))
    pulled = lake.pull("emt/stops", *({"node": str(n), "name": "Ñ"} for n in (3, 4)))
    dropped = [{"stop_id": str(n), "source_uri": original, "source_row": n} for n in (1, 2)]
    replies = [{"stop_id": str(n + 2), "source_uri": pulled, "source_row": n} for n in (1, 2)]
    lake.silver(STOPS, dropped, [bronze])
    lake.silver(STOPS, replies, [pulled])
    lake.gold([{"source_uri": pulled, "source_row": 1}])
    return lake
