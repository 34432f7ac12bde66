"""A table's past in a bucket lake: history, diff, blame and times on Glue and S3."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa

from console.audit.blame import Blame
from console.audit.diff import diff
from console.audit.difference import Counts
from console.audit.history import lines
from console.reading import Lake, Moment
from console.tables import apply, identifier, open_catalog
from ingestion.bronze import Bronze, Origin, Record, Stream
from jobs.silver.emt import stops
from lakehouse import ledger
from tests.emulated.lakes import bucket_of

if TYPE_CHECKING:
    from lakehouse.settings import Settings

NAME = stops.TABLE.full_name
AT = datetime(2026, 1, 1, 10, tzinfo=timezone.utc)
SHA256 = "b" * 64


def stop(key: str, name: str, row: int) -> dict[str, Any]:
    """A row of a stop as a run would write it."""
    audit = {
        "ingest_ts": AT,
        "run_id": "r",
        "source_uri": f"originals/{SHA256}/a",
        "source_row": row,
    }
    return {"stop_id": key, "stop_name": name, "updated_ts": AT, **audit}


def test_the_past_of_a_table_in_a_bucket(lake: Settings) -> None:
    """The same answers as in a folder: who, what, when, and the line of bronze, from S3."""
    chosen = replace(lake, prefix=f"p{uuid4().hex[:6]}")
    apply(chosen, (stops.TABLE, *ledger.TABLES))
    table = open_catalog(chosen).load_table(identifier(chosen, NAME))
    record = Record({"stop": "62"}, {"url": "/stops/"}, Origin(f"originals/{SHA256}/a", SHA256, 3))
    bronze = Bronze(bucket_of(chosen))
    bronze.write_file(Stream("emt", "stops"), [record], sha256=SHA256, fetched_at=AT)
    for number, run in enumerate(("r1", "r2")):
        rows = [stop(str(62 + number), f"name {number}", 3 + number)]
        frame = pa.Table.from_pylist(rows, schema=table.schema().as_arrow())
        table.append(frame, snapshot_properties={"lake.run": run, "lake.job": NAME})

    reader = Lake(chosen)
    newest, first, genesis = lines(NAME, reader.history(NAME))
    assert [(r["run"], r["added"]) for r in (newest, first, genesis)] == [
        ("r2", 1), ("r1", 1), ("tables apply", 0)
    ]  # fmt: skip
    then = Moment(at=first["made_current_at"])
    assert [r["stop_id"] for r in reader.ask(f"select stop_id from {NAME}", then)] == ["62"]
    found = diff(reader, NAME, then)
    assert (found.counts, found.rows[0]["key"]) == (Counts(added=1), {"stop_id": "63"})

    number, told = Blame(chosen, reader, NAME).rows("stop_name like 'name%'", 20, deep=True)
    assert (number, [row["versions"][0]["run"] for row in told]) == (2, ["r1", "r2"])
    source = told[0]["versions"][0]["source"]
    assert (source["request"], source["origin"]["row"]) == ({"url": "/stops/"}, 3)
    assert told[1]["versions"][0]["source"]["missing"]
