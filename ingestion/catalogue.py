"""Which stops and lines there are, by the newest list of them that bronze holds."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ingestion.bronze import Stream, instant
from ingestion.places import glob, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ingestion.places import LakePath

STOPS, LINES = Stream("emt", "stops"), Stream("emt", "lines")
_IDENTIFIER = {STOPS: "node", LINES: "line"}
# A list older than this is asked for again before it is relied on.
FRESH = timedelta(days=7)


def known(root: LakePath, stream: Stream, now: datetime) -> list[str]:
    """The stops or lines of the newest day with a list, in order; none if that is too long ago."""
    folders = sorted(glob(root / "bronze" / stream.source / stream.name, "date=*"), reverse=True)
    oldest = instant(now - FRESH)[:10]
    for folder in folders:
        if folder.name.removeprefix("date=") < oldest:
            break
        found = {name for file in glob(folder, "*.jsonl.gz") for name in _names(file, stream)}
        if found:
            return sorted(found, key=lambda name: (len(name), name))
    return []


def _names(file: LakePath, stream: Stream) -> Iterator[str]:
    """What a file names: replies hold a list of rows, dropped files one row a line."""
    with opened(file) as packed, gzip.open(packed, "rt", encoding="utf-8") as lines:
        for line in lines:
            payload = json.loads(line)["payload"]
            rows: list[Any] = payload.get("data") or [payload]
            names = (row.get(_IDENTIFIER[stream]) for row in rows if isinstance(row, dict))
            yield from (str(name) for name in names if name not in (None, ""))
