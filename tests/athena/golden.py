"""Golden rows: answers as text that is the same for every run, kept beside the tests.

What differs from run to run (ids, times of writing, sizes) is there as `…`: that it is said, not
what.
`python -m tests.athena.golden` makes the lake and writes them anew; a diff shows what has changed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.questions import files

if TYPE_CHECKING:
    from console.questions.files import Query
    from lakehouse.settings import Settings

FOLDER = Path(__file__).with_name("golden")
SOME = "…"
# fmt: off
VOLATILE = frozenset({
    "run_id", "ingest_ts", "started_at", "ended_at", "seconds", "longest_sec",
    "seconds_per_row_written", "share", "snapshot_id", "parent_id", "committed_at",
    "made_current_at", "until_ts", "code_version", "inputs", "sources_at", "file_path",
    "file_size_in_bytes", "bytes_per_row", "total_size", "bytes_written", "bytes_in_table",
    "recorded_at", "rejected_at", "first_ts", "last_ts", "last_good_ts", "last_change_ts",
    "lag_sec", "began_at", "utc_date", "counts",
})
# fmt: on


def values(loaded: Settings) -> dict[str, dict[str, str]]:
    """What is put in place of examples: the two times at which a run of gold became current."""
    from console.reading import Lake  # noqa: PLC0415

    found = Lake(loaded).history("emt_gold.delay_weather_hourly")
    runs = [(ms, i) for ms, i in found.log if "lake.run" in found.snapshots[i].summary]
    (first_ms, _), (_, second) = runs
    # A millisecond later: a snapshot is current from its own on.
    first = datetime.fromtimestamp((first_ms + 1) / 1000, tz=timezone.utc).isoformat()
    between = {"earlier": first, "later": str(second)}
    return {
        "known_at": {"at": first},
        "changed_between": between,
        "rows_changed_between": between,
    }


def plain(value: Any) -> Any:
    """A value as JSON knows it, the same for every engine: 9 digits of a number with a point."""
    if isinstance(value, datetime):
        at = value.astimezone(timezone.utc) if value.tzinfo else value
        zone = "Z" if value.tzinfo else ""
        return at.replace(tzinfo=None).isoformat(sep=" ") + zone
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (float, Decimal)):
        return float(f"{value:.9g}")
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


def canonical(rows: list[dict[str, Any]]) -> list[str]:
    """The rows as lines of JSON, in an order of their own."""
    return sorted(
        json.dumps(
            {
                name: SOME if name in VOLATILE and value is not None else plain(value)
                for name, value in row.items()
            },
            ensure_ascii=False,
        )
        for row in rows
    )


def path(query: Query) -> Path:
    """Where a file's golden rows are."""
    return FOLDER / query.kind / f"{query.name}.jsonl"


def read(query: Query) -> list[str]:
    """A file's golden rows."""
    return path(query).read_text("utf-8").splitlines()


def write(query: Query, rows: list[dict[str, Any]]) -> None:
    """Keep these rows as the golden ones."""
    path(query).parent.mkdir(parents=True, exist_ok=True)
    path(query).write_text("".join(f"{line}\n" for line in canonical(rows)), "utf-8")


def main() -> int:
    """Write the golden rows of every file, as DuckDB answers; the tests ask Trino."""
    from console.emulator.server import Server  # noqa: PLC0415
    from console.questions import local  # noqa: PLC0415
    from tests.athena import made  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder, Server(folder=Path(folder)) as server:
        loaded = made.make(server)
        put = values(loaded)
        for query in files.everything():
            write(query, local.ask(loaded, query.asked(put.get(query.name, {}))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
