"""Where a row came from: the line of bronze it was read from, with its request and its origin."""

from __future__ import annotations

import gzip
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from lakehouse import streams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.reading import Lake
    from ingestion.places import LakePath

BRONZE = "bronze/"


class Sources:
    """The bronze of a lake, by what the rows' source_uri and source_row say."""

    def __init__(self, lake: Lake, root: LakePath) -> None:
        self._lake = lake
        self._root = root
        self._lines = cache(self._envelopes)
        self._found = cache(self._file)

    def find(self, uri: str | None, row: int | None) -> dict[str, Any] | None:
        """File and row; and, where bronze still holds the line, when and by what it was answered.

        A dropped original is found by the hash in its path, under which bronze has its rows.
        """
        if uri is None:
            return None
        told: dict[str, Any] = {"uri": uri, "row": row}
        if streams.is_name(uri):
            return {**told, **_told(self._event(uri), None)}
        file = self._found(uri)
        envelope = self._lines(file).get(row) if file and row is not None else None
        return {**told, **_told(envelope, file)}

    def _file(self, uri: str) -> str | None:
        """The bronze file that holds the rows of a source, relative to the lake's root."""
        from ingestion import places  # noqa: PLC0415

        if uri.startswith(BRONZE):
            return uri if places.mark(self._root / uri) else None
        hashes = [part for part in uri.split("/") if len(part) == 64]  # noqa: PLR2004  SHA-256
        for sha256 in hashes:
            for path in places.glob(self._root / "bronze", f"*/*/date=*/{sha256}.jsonl.gz"):
                return places.below(path, self._root).as_posix()
        return None

    def _envelopes(self, file: str) -> dict[int, dict[str, Any]]:
        """The lines of a bronze file by the row of their origin."""
        from ingestion import places  # noqa: PLC0415

        content = places.read(self._root / file)
        return dict(_rows(gzip.decompress(content).decode())) if content else {}

    def _event(self, name: str) -> dict[str, Any] | None:
        """The envelope of an event that a stream delivered; the same however often."""
        part = streams.Part.parse(name)
        if part.table not in self._lake.tables():
            return None
        scan = self._lake.table(part.table).scan(
            f"event_id = '{part.event}'", selected_fields=("envelope",), limit=1
        )
        found = scan.to_arrow().to_pylist()
        return json.loads(found[0]["envelope"]) if found else None


def _rows(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # Not splitlines: JSON leaves other ends of lines (U+2028, say) as they are in texts.
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        envelope = json.loads(line)
        yield (envelope.get("origin") or {}).get("row") or number, envelope


def _told(envelope: dict[str, Any] | None, file: str | None) -> dict[str, Any]:
    """What a line says of itself; the payload, which may be long, stays where it is."""
    if envelope is None:
        return {"bronze": file, "missing": True}
    return {
        "bronze": file,
        "stream": f"{envelope.get('source')}/{envelope.get('stream')}",
        "fetched_at": envelope.get("fetched_at"),
        "request": envelope.get("request") or None,
        "origin": envelope.get("origin"),
    }
