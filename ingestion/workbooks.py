"""Rows of Excel workbooks, read by calamine only after their size is known to be harmless.

A small file can name a cell in the last corner of a sheet, or one long text ten thousand times;
calamine would make room for all of it, so the grid and the texts are measured first.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

from ingestion import caps
from ingestion.cells import whole
from ingestion.rows import Header, Row
from lakehouse.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ingestion.streams import Kind

_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{0,3})(\d{1,7})["']""")
_NUMBER = re.compile(rb"<(?:\w+:)?v(?:\s[^>]*)?>\s*(\d{1,9})\s*<")
_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
_TEXT = re.compile(rb"<(?:\w+:)?si[\s/>]")
_BOOK = "xl/workbook.xml"
_TEXTS = "xl/sharedstrings.xml"
_SHEET = b"sheetData"


def rows(content: bytes, kind: Kind) -> Iterator[Row]:
    """The rows of every sheet whose header is the stream's; another sheet is one bad row.

    Raises BadInputError for a file that is no workbook, is too large, or has no such sheet.
    """
    _measure(content)
    sheets = [(sheet, top) for sheet in _sheets(content) if (top := _top(sheet)) is not None]
    problems = [_problem(cells, kind) for _, (_, cells) in sheets]
    if not sheets:
        raise BadInputError("0 rows: the workbook is empty")
    if all(problems):
        named = (f"sheet {s.name!r}: {text}" for (s, _), text in zip(sheets, problems))
        raise BadInputError("; ".join(named))
    for (sheet, (start, cells)), problem in zip(sheets, problems):
        if problem:
            yield Row(start, reason=problem, sheet=sheet.name)
        else:
            yield from _below(sheet, start, Header.of(cells))


def _below(sheet: Any, start: int, header: Header) -> Iterator[Row]:
    for number, cells in _filled(sheet):
        if number > start:
            yield _row(sheet.name, number, header, cells)


def _row(sheet: str, number: int, header: Header, cells: list[Any]) -> Row:
    try:
        return Row(number, header.payload([whole(cell) for cell in cells]), sheet=sheet)
    except ValueError as error:
        return Row(number, reason=str(error), sheet=sheet)


def _filled(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """Yield the rows that are not blank, by the sheet's own numbers."""
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        if any(cell != "" for cell in cells):
            yield number, cells


def _top(sheet: Any) -> tuple[int, list[Any]] | None:
    """The first row that is not blank: the header."""
    return next(_filled(sheet), None)


def _problem(cells: list[Any], kind: Kind) -> str:
    try:
        return kind.problem(Header.of(cells).fields)
    except BadInputError as error:
        return error.message


def _sheets(content: bytes) -> list[Any]:
    from python_calamine import CalamineWorkbook, SheetTypeEnum  # noqa: PLC0415

    def read() -> list[Any]:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        return [
            book.get_sheet_by_name(sheet.name)
            for sheet in book.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet
        ]

    return _guarded(read)


def _guarded(read: Callable[[], list[Any]]) -> list[Any]:
    """Turn whatever calamine says of a bad file, a Rust panic included, into BadInputError."""
    try:
        return read()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise BadInputError(f"a workbook that can't be read: {str(error)[:200]}") from error


def _measure(content: bytes) -> None:
    parts = {part.filename.lower(): part for part in caps.workbook_parts(content)}
    if _BOOK not in parts:
        raise BadInputError("a zip file, but no .xlsx workbook")
    texts = [0]
    if _TEXTS in parts:
        texts = _lengths(caps.inflate(content, parts[_TEXTS]))
    cells = text_bytes = 0
    for name, part in parts.items():
        if name == _TEXTS:
            continue
        data = caps.inflate(content, part)
        if b"<!DOCTYPE" in data[:4096]:
            raise BadInputError("a workbook with its own XML entities, as an XML bomb has")
        if _SHEET in data:
            cells += _grid(data)
            text_bytes += _texts_named(data, texts)
    if cells > caps.WORKBOOK_CELLS:
        raise BadInputError(
            f"a grid of {cells:,} cells; at most {caps.WORKBOOK_CELLS:,} are read "
            "(a stray cell far below or to the right of the table makes it so large)"
        )
    if text_bytes > caps.WORKBOOK_BYTES:
        raise BadInputError(f"its texts expand to more than {caps.size(caps.WORKBOOK_BYTES)}")


def _grid(sheet: bytes) -> int:
    """The cells of the smallest rectangle around the sheet's cells."""
    places = set(_PLACE.findall(sheet))
    columns = {letters for letters, _ in places}
    height = max((int(digits) for _, digits in places), default=0)
    width = max(map(_column, columns), default=0)
    return max(height * max(width, 1), len(_CELL.findall(sheet)))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number


def _lengths(part: bytes) -> list[int]:
    starts = [match.start() for match in _TEXT.finditer(part)] + [len(part)]
    return [end - start for start, end in zip(starts, starts[1:])]


def _texts_named(sheet: bytes, lengths: list[int]) -> int:
    """At most so many bytes of shared texts does the sheet name: calamine copies each."""
    numbers = map(int, _NUMBER.findall(sheet))
    return sum(lengths[number] for number in numbers if number < len(lengths))
