"""Which files each snapshot of a table holds, and the rows of some of them, read by field id."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from pyiceberg.exceptions import ValidationError
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.expressions.parser import parse
from pyiceberg.expressions.visitors import (
    _InclusiveMetricsEvaluator,
    bind,
    expression_evaluator,
    extract_field_ids,
    inclusive_projection,
    manifest_evaluator,
)
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.manifest import DataFileContent, FileFormat
from pyiceberg.schema import Schema
from pyiceberg.table import FileScanTask
from pyiceberg.table.delete_file_index import DeleteFileIndex
from pyiceberg.types import DoubleType, FloatType
from pyiceberg.utils.concurrent import ExecutorFactory
from pyparsing import ParseException

from lakehouse.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pyarrow as pa
    from pyiceberg.expressions import BooleanExpression
    from pyiceberg.manifest import DataFile, ManifestEntry, ManifestFile
    from pyiceberg.table import Table as IcebergTable

    # A data file with the delete files that apply to it: equal ones hold equal rows.
    Identity = tuple[str, frozenset[str]]
    Tasks = dict[Identity, FileScanTask]

# What Iceberg's parser reads otherwise than SQL does: wildcards, escapes, quoted names, fractions
# that it rounds.
_OTHERWISE = re.compile(r"\blike\b|[\\\"]|\d[.e]|\.\d", re.IGNORECASE)


def pruning(schema: Schema, condition: str) -> BooleanExpression:
    """The condition as Iceberg knows it, for leaving out files; all files where it does not.

    Never stricter than SQL: NaN, which bounds do not count, is greater than any number there.
    """
    if _OTHERWISE.search(condition):
        return AlwaysTrue()
    try:
        found = parse(condition)
        used = extract_field_ids(bind(schema, found, case_sensitive=False))
    except (ParseException, ValueError, TypeError, NotImplementedError, ValidationError):
        return AlwaysTrue()
    inexact = any(isinstance(schema.find_type(i), (DoubleType, FloatType)) for i in used)
    return AlwaysTrue() if inexact else found


class Files:
    """The files of a table's snapshots that may hold rows of a condition; a manifest is read once.

    Raises ConfigurationError for equality deletes and deletion vectors, which none of our writers
    makes and PyIceberg cannot apply. `writers` names the snapshot that added each data file.
    """

    def __init__(self, table: IcebergTable, condition: BooleanExpression | None = None) -> None:
        self._table = table
        self._condition = condition or AlwaysTrue()
        self._entries: dict[str, list[ManifestEntry]] = {}
        self._tasks: dict[int, Tasks] = {}
        self.writers: dict[str, int | None] = {}
        self._of_spec = cache(self._evaluators)
        self._by_bounds = _InclusiveMetricsEvaluator(
            table.schema(), self._condition, case_sensitive=False
        ).eval

    def tasks(self, snapshot_id: int | None) -> Tasks:
        """What to read for the rows of a snapshot; nothing for None, a table's time before."""
        if snapshot_id is None:
            return {}
        if snapshot_id not in self._tasks:
            self._tasks[snapshot_id] = self._plan(snapshot_id)
        return self._tasks[snapshot_id]

    def _plan(self, snapshot_id: int) -> Tasks:
        snapshot = self._table.metadata.snapshot_by_id(snapshot_id)
        entries = self._live(snapshot.manifests(self._table.io) if snapshot else [])
        deletes = DeleteFileIndex()
        for entry in entries:
            if entry.data_file.content != DataFileContent.DATA:
                self._refuse(entry.data_file)
                deletes.add_delete_file(entry, partition_key=entry.data_file.partition)
        found = {}
        for entry in entries:
            file = entry.data_file
            if file.content == DataFileContent.DATA:
                self.writers[file.file_path] = entry.snapshot_id
                mine = deletes.for_data_file(entry.sequence_number or 0, file, file.partition)
                identity = (file.file_path, frozenset(d.file_path for d in mine))
                found[identity] = FileScanTask(file, mine)
        return found

    def _live(self, manifests: list[ManifestFile]) -> list[ManifestEntry]:
        wanted = [m for m in manifests if self._of_spec(m.partition_spec_id)[0](m)]
        fresh = [m for m in wanted if m.manifest_path not in self._entries]
        for manifest, entries in zip(
            fresh, ExecutorFactory.get_or_create().map(self._open, fresh), strict=True
        ):
            self._entries[manifest.manifest_path] = entries
        return [entry for m in wanted for entry in self._entries[m.manifest_path]]

    def _open(self, manifest: ManifestFile) -> list[ManifestEntry]:
        in_partition = self._of_spec(manifest.partition_spec_id)[1]
        return [
            entry
            for entry in manifest.fetch_manifest_entry(self._table.io)
            if entry.data_file.content != DataFileContent.DATA
            or (in_partition(entry.data_file) and self._by_bounds(entry.data_file))
        ]

    def _evaluators(
        self, spec_id: int
    ) -> tuple[Callable[[ManifestFile], bool], Callable[[DataFile], bool]]:
        """Whether a manifest, and a file, of that partitioning may hold such rows."""
        spec, schema = self._table.specs()[spec_id], self._table.schema()
        if self._condition == AlwaysTrue() or any(
            field.source_id not in schema.field_ids for field in spec.fields
        ):
            return _always, _always
        projected = inclusive_projection(schema, spec, case_sensitive=False)(self._condition)
        partition = Schema(*spec.partition_type(schema).fields)
        within = expression_evaluator(partition, projected, case_sensitive=False)
        manifests = manifest_evaluator(spec, schema, projected, case_sensitive=False)
        return manifests, lambda file: within(file.partition)

    def _refuse(self, file: DataFile) -> None:
        if (
            file.content == DataFileContent.EQUALITY_DELETES
            or file.file_format == FileFormat.PUFFIN
        ):
            name = ".".join(self._table.name())
            raise ConfigurationError(
                f"{name} has equality deletes or deletion vectors, which cannot be read here",
                next_command="rewrite its data files with Spark, then ask again",
            )

    def read(self, tasks: Iterable[FileScanTask], fields: Schema) -> pa.Table:
        """The rows of these files, deletes applied, as these fields: by id, absent ones null."""
        scan = ArrowScan(self._table.metadata, self._table.io, fields, AlwaysTrue())
        return scan.to_table(list(tasks))


def _always(_: Any) -> bool:
    return True
