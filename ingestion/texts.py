"""Rows of text files: JSON, JSON lines and CSV, plain or in gzip.

Text is UTF-8, or UTF-16 with its mark; a line is decoded strictly, or the file is refused.
"""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from ingestion import caps
from ingestion.cells import parse_json
from ingestion.rows import Header, Row
from lakehouse.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from ingestion.streams import Kind

_GZIP = b"\x1f\x8b"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_PACKED_TWICE = {b"PK": "a workbook", b"PA": "a Parquet file", _GZIP: "another gzip file"}
_LOOK_AHEAD = 20
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class _Line:
    number: int
    offset: int
    data: bytes

    @property
    def too_long(self) -> bool:
        return len(self.data) > caps.ROW_BYTES

    def text(self) -> str:
        """Raise BadInputError with the byte's place for anything but UTF-8 text."""
        try:
            text = self.data.decode()
        except UnicodeDecodeError as error:
            byte = self.data[error.start]
            raise BadInputError(
                f"not UTF-8 text: byte 0x{byte:02x} at offset {self.offset + error.start:,} "
                f"(line {self.number:,})"
            ) from error
        if "\0" in text:
            offset = self.offset + self.data.index(0)
            raise BadInputError(f"not text: a NUL byte at offset {offset:,} (line {self.number:,})")
        return text


def rows(content: bytes, kind: Kind) -> Iterator[Row]:
    """The rows of a text file. Raises BadInputError when nothing of it can be trusted."""
    content = _as_utf8(content)
    start = _open(content).read(caps.MB).removeprefix(codecs.BOM_UTF8).lstrip()[:64].lower()
    if not start:
        raise BadInputError("an empty file: nothing but blanks, for a megabyte or to its end")
    if start.startswith((b"<!doctype html", b"<html")):
        raise BadInputError("an HTML page, not data: often a server's error page")
    if start.startswith(b"<"):
        raise BadInputError("XML or HTML, which no stream is made of")
    if start[:1] in (b"{", b"["):
        return _json(content, next(_filled(content)), kind)
    return _csv(content, kind)


def _open(content: bytes) -> BinaryIO:
    if content.startswith(_GZIP):
        return io.BufferedReader(caps.Gunzip(content), buffer_size=256 * 1024)
    return io.BytesIO(content)


def _as_utf8(content: bytes) -> bytes:
    stream = _open(content)
    head = stream.read(2)
    if content.startswith(_GZIP) and head in _PACKED_TWICE:
        raise BadInputError(f"{_PACKED_TWICE[head]} in a gzip file: unpack it first")
    if head not in _UTF16:
        return content
    wide = head + _document(stream)
    try:
        return wide.decode("utf-16").encode()
    except UnicodeError as error:
        place = getattr(error, "start", 0)
        raise BadInputError(f"not UTF-16 text: damaged at byte offset {place:,}") from error


def _document(stream: BinaryIO) -> bytes:
    data = stream.read(caps.DOCUMENT_BYTES + 1)
    if len(data) > caps.DOCUMENT_BYTES:
        raise BadInputError(
            f"one document of more than {caps.size(caps.DOCUMENT_BYTES)}: write it as JSON lines"
        )
    return data


def _lines(content: bytes) -> Iterator[_Line]:
    """Yield the lines; of one that is too long only its beginning, and the rest is skipped."""
    stream = _open(content)
    offset = len(codecs.BOM_UTF8) if stream.read(3) == codecs.BOM_UTF8 else 0
    if not offset:
        stream = _open(content)
    number = 0
    while data := stream.readline(caps.ROW_BYTES + 1):
        number += 1
        yield _Line(number, offset, data)
        offset += len(data)
        while len(data) > caps.ROW_BYTES and not data.endswith(b"\n"):
            data = stream.readline(caps.ROW_BYTES + 1)
            offset += len(data)


def _filled(content: bytes) -> Iterator[_Line]:
    return (line for line in _lines(content) if line.data.strip())


def _json(content: bytes, first: _Line, kind: Kind) -> Iterator[Row]:
    try:
        parse_json(first.text()[: caps.ROW_BYTES])
    except (ValueError, RecursionError) as error:
        failure = error
    else:
        return _json_lines(content, kind) if _more_lines(content) else _one(content, kind)
    if _looks_like_lines(content, first):
        return _json_lines(content, kind)
    if isinstance(failure, RecursionError):
        raise BadInputError(f"JSON nested deeper than {caps.DEPTH} levels") from failure
    return _one(content, kind)


def _more_lines(content: bytes) -> bool:
    return next(islice(_filled(content), 1, None), None) is not None


def _looks_like_lines(content: bytes, first: _Line) -> bool:
    """Whether the first line is a bad one among good ones, rather than a document's beginning."""
    if not first.data.lstrip().startswith(b"{") or first.data.strip() == b"{":
        return False
    return any(
        isinstance(_parsed(line)[0], dict) for line in islice(_filled(content), 1, _LOOK_AHEAD)
    )


def _one(content: bytes, kind: Kind) -> Iterator[Row]:
    stream = _open(content)
    line = _Line(1, 0, _document(stream).removeprefix(codecs.BOM_UTF8))
    try:
        found = parse_json(line.text())
    except RecursionError as error:
        raise BadInputError(f"JSON nested deeper than {caps.DEPTH} levels") from error
    except ValueError as error:
        raise BadInputError(f"JSON cut short or malformed: {error}") from error
    items = found if isinstance(found, list) else [found]
    return (_checked(number, item, kind) for number, item in enumerate(items, start=1))


def _json_lines(content: bytes, kind: Kind) -> Iterator[Row]:
    for line in _filled(content):
        found, reason = _parsed(line)
        yield Row(line.number, reason=reason) if reason else _checked(line.number, found, kind)


def _parsed(line: _Line) -> tuple[Any, str]:
    if line.too_long:
        return None, f"a line of more than {caps.size(caps.ROW_BYTES)}"
    try:
        return parse_json(line.text()), ""
    except RecursionError:
        return None, f"nested deeper than {caps.DEPTH} levels"
    except ValueError as error:
        return None, f"not JSON: {error}"


def _checked(number: int, payload: Any, kind: Kind) -> Row:
    if not isinstance(payload, dict):
        return Row(number, reason=f"not a JSON object but {type(payload).__name__}")
    reason = kind.problem(payload)
    return Row(number, reason=reason) if reason else Row(number, payload)


def _csv(content: bytes, kind: Kind) -> Iterator[Row]:
    csv.field_size_limit(caps.ROW_BYTES)  # the module's own is 128 kB, less than a timetable
    first = next(_filled(content))
    delimiter = _delimiter(first.text(), kind)
    reader = csv.reader(_csv_lines(content), delimiter=delimiter, strict=True)
    header: Header | None = None
    for number, cells, reason in _records(reader):
        if reason and header:
            yield Row(number, reason=reason)
        elif header is None:
            header = Header.of(cells)
            if problem := kind.problem(header.fields):
                raise BadInputError(problem)
        elif any(cells):
            yield _csv_row(number, header, cells)


def _csv_lines(content: bytes) -> Iterator[str]:
    for line in _lines(content):
        if line.too_long:
            raise BadInputError(f"line {line.number:,} is longer than {caps.size(caps.ROW_BYTES)}")
        yield line.text()


def _records(reader: Any) -> Iterator[tuple[int, list[str], str]]:
    """Yield the line a record starts at, its cells, and why there are none.

    A quote that never closes takes the rest of the file with it. After any other fault nobody can
    say where the next record begins, so the file is refused.
    """
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            if "unexpected end" not in str(error):
                raise BadInputError(f"not CSV from line {number:,} on: {error}") from error
            yield number, [], "a quote is never closed: the file is cut here, or lacks it"
            return
        if cells is None:
            return
        if cells:
            yield number, cells, ""


def _csv_row(number: int, header: Header, cells: list[str]) -> Row:
    if len(cells) != len(header.names):
        return Row(number, reason=f"{len(cells)} fields, and the header has {len(header.names)}")
    try:
        return Row(number, header.payload(cells))
    except ValueError as error:
        return Row(number, reason=str(error))


def _delimiter(line: str, kind: Kind) -> str:
    """The delimiter under which the header is the stream's; Spanish Excel writes semicolons."""
    for delimiter in _DELIMITERS:
        if not kind.problem(Header.of(next(csv.reader([line], delimiter=delimiter))).fields):
            return delimiter
    return max(_DELIMITERS, key=line.count)
