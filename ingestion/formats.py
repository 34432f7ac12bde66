"""A dropped file's rows, whatever it is: known by what is in it, never by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingestion import caps, texts, workbooks
from ingestion.rows import Header, Row
from lakehouse.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingestion.streams import Kind

_PARQUET = b"PAR1"
_REFUSED = {
    b"\xd0\xcf\x11\xe0": "an old (.xls) or encrypted Office file: save it as .xlsx",
    b"%PDF": "a PDF document, not data",
    b"\x89PNG": "a picture, not data",
    b"7z\xbc\xaf": "a 7z archive: unpack it first",
    b"\x28\xb5\x2f\xfd": "a zstd file: unpack it first",
    b"BZh": "a bzip2 file: unpack it first",
    b"PK\x05\x06": "an empty zip file",
}
_BATCH_BYTES = 128 * caps.MB
_BATCH_ROWS = (16, 1024)


def rows(content: bytes, kind: Kind) -> Iterator[Row]:
    """The rows of a file, good and bad. Raises BadInputError when it can't be read at all."""
    if not content:
        raise BadInputError("an empty file: 0 bytes")
    for start, reason in _REFUSED.items():
        if content.startswith(start):
            raise BadInputError(reason)
    if content.startswith(b"PK\x03\x04"):
        return workbooks.rows(content, kind)
    if content.startswith(_PARQUET):
        return _parquet(content, kind)
    return texts.rows(content, kind)


def _parquet(content: bytes, kind: Kind) -> Iterator[Row]:
    if len(content) < 2 * len(_PARQUET) or not content.endswith(_PARQUET):
        raise BadInputError("a Parquet file cut short: its end is missing")
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        header = Header.of(file.schema_arrow.names)
        if problem := kind.problem(header.fields):
            raise BadInputError(problem)
        yield from _batches(file, header, len(content))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadInputError(f"a damaged Parquet file: {str(error)[:200]}") from error


def _batches(file: Any, header: Header, packed: int) -> Iterator[Row]:
    """Few rows at a time, within the caps: a text stored once may stand in every row."""
    groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
    caps.check_expansion(packed, sum(g.total_byte_size for g in groups), caps.EXPANDED_BYTES)
    chunks = [g.column(i).total_uncompressed_size for g in groups for i in range(g.num_columns)]
    fewest, most = _BATCH_ROWS
    number, expanded = 0, 0
    size = min(most, max(fewest, _BATCH_BYTES // max(chunks, default=1)))
    for batch in file.iter_batches(batch_size=size, use_threads=False):
        expanded += batch.nbytes
        caps.check_expansion(caps.EXPANDED_BYTES, expanded, caps.EXPANDED_BYTES)
        for cells in zip(*(column.to_pylist() for column in batch.columns)):
            number += 1
            yield _row(number, header, cells)


def _row(number: int, header: Header, cells: tuple[Any, ...]) -> Row:
    try:
        return Row(number, header.payload(cells))
    except ValueError as error:
        return Row(number, reason=str(error))
