"""The files of one snapshot of a table as they are: metadata, manifest list, manifests, data."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.io import InputFile
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import clear_manifest_cache, read_manifest_list
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.metadata import TableMetadataUtil

from lakehouse.errors import StorageError
from lakehouse.snapshots import History

if TYPE_CHECKING:
    from pyiceberg.io import FileIO
    from pyiceberg.manifest import ManifestEntry

_CONTENT = ("data_rows", "position_deletes", "equality_deletes")


def folder(name: str) -> str:
    """Where a table's files are in a bundle."""
    return f"tables/{name}"


def collect(
    table: IcebergTable, found: History, head: int, *, data: bool
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The snapshot's files by their path in a bundle, and what a reader must know of them.

    Raises StorageError for a file that is gone.
    """
    metadata, manifest_list = _metadata(table, found, head), _manifest_list(found, head)
    manifests, entries = _manifests(table.io, manifest_list)
    locations = [metadata, manifest_list, *manifests]
    if data:
        locations += [entry.data_file.file_path for entry in entries]
    paths = {at: _path(found.table, table.location(), at) for at in locations}
    facts = {
        "snapshot_id": str(head),
        "location": table.location(),
        "metadata": paths[metadata],
        "manifest_list": paths[manifest_list],
        "with_data": data,
        **_counted(entries),
    }
    return {path: _read(table.io, at) for at, path in paths.items()}, facts


def _path(name: str, location: str, at: str) -> str:
    """A file's path in a bundle: as below the table's own folder, wherever that was."""
    base, here = _plain(location).rstrip("/") + "/", _plain(at)
    rest = here.removeprefix(base) if here.startswith(base) else here.rpartition("/")[2]
    return f"{folder(name)}/{rest}"


def _plain(location: str) -> str:
    """Java writes `file:/a`, Python `file:///a`, for the same."""
    return re.sub(r"^file:/+", "/", location)


def _metadata(table: IcebergTable, found: History, head: int) -> str:
    """The metadata file that made the snapshot current, so that a later commit changes nothing.

    The table's newest one, where that is not kept any more or the snapshot never was main.
    """
    became = next((at_ms for at_ms, snapshot_id in found.log if snapshot_id == head), None)
    for entry in found.metadata.get("metadata-log") or ():
        if entry["timestamp-ms"] == became:
            try:
                said = json.loads(_read(table.io, entry["metadata-file"]))
            except StorageError:
                continue
            if said.get("current-snapshot-id") == head:
                return str(entry["metadata-file"])
    return table.metadata_location


def _manifest_list(found: History, head: int) -> str:
    said = next(s for s in found.metadata["snapshots"] if s["snapshot-id"] == head)
    return str(said["manifest-list"])


def _read(io: FileIO, location: str) -> bytes:
    try:
        with io.new_input(location).open() as stream:
            return bytes(stream.read())
    except FileNotFoundError as error:
        raise StorageError(f"{location} is gone", next_command="lake doctor") from error


def _manifests(io: FileIO, manifest_list: str) -> tuple[list[str], list[ManifestEntry]]:
    manifests = list(read_manifest_list(io.new_input(manifest_list)))
    entries = [entry for manifest in manifests for entry in manifest.fetch_manifest_entry(io)]
    return [manifest.manifest_path for manifest in manifests], entries


def _counted(entries: list[ManifestEntry]) -> dict[str, int]:
    """Rows in live data files, and how many deletes lie beside them."""
    counts = dict.fromkeys(_CONTENT, 0)
    for entry in entries:
        counts[_CONTENT[int(entry.data_file.content)]] += entry.data_file.record_count
    return counts


class Bundled:
    """A table's snapshot out of a bundle's files: no catalog, no lake."""

    def __init__(self, name: str, facts: dict[str, Any], files: dict[str, bytes]) -> None:
        self._facts, self._files = facts, files
        self.head = int(facts["snapshot_id"])
        self.history = History.parse(name, json.loads(files[facts["metadata"]]))
        self._io = _Here(name, facts["location"], files)

    def counted(self) -> dict[str, int]:
        """What the bundled manifests count."""
        return _counted(_manifests(self._io, _manifest_list(self.history, self.head))[1])

    def rows(self) -> pa.Table:
        """All rows of the snapshot, out of the bundled data files."""
        clear_manifest_cache()  # else files of the same names in a lake could answer
        at = self._facts["metadata"]
        metadata = TableMetadataUtil.parse_raw(self._files[at].decode())
        table = IcebergTable(("bundled",), metadata, at, self._io, NoopCatalog("bundle"))
        return table.scan(snapshot_id=self.head).to_arrow()


class _Here(PyArrowFileIO):
    """Files of a bundle in memory, by the locations they had in the lake."""

    def __init__(self, name: str, location: str, files: dict[str, bytes]) -> None:
        super().__init__()
        self._name, self._location, self._files = name, location, files

    def new_input(self, location: str) -> Any:
        return _InMemory(location, self._files.get(_path(self._name, self._location, location)))


class _InMemory(InputFile):
    def __init__(self, location: str, content: bytes | None) -> None:
        super().__init__(location)
        self._content = content

    def __len__(self) -> int:
        return len(self._content or b"")

    def exists(self) -> bool:
        return self._content is not None

    def open(self, seekable: bool = True) -> Any:  # noqa: ARG002, FBT001  the interface's own
        if self._content is None:
            raise FileNotFoundError(self.location)
        return pa.BufferReader(self._content)
