"""How much a dropped file may be or become, and the readers that hold to it.

Nothing is expanded further than its cap, whatever a file says about itself.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from lakehouse.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

MB = 1024 * 1024

FILE_BYTES = 512 * MB
"""The largest file. It is read at once; a year of polls (8,000 a day) is 230 MB in .jsonl.gz."""
EXPANDED_BYTES = 4096 * MB
"""The most a gzip or Parquet file may become: that year of polls is 3 GB of JSON lines."""
WORKBOOK_BYTES = 512 * MB
"""The most a workbook may become: a day of 13,000 polls is 32 MB, and it is held in memory."""
WORKBOOK_CELLS = 10_000_000
"""The largest grid of a workbook: a full sheet (1,048,576 rows) of nine columns."""
WORKBOOK_PARTS = 2_000
"""The most parts in a workbook; a recorded one has 9 to 11."""
DOCUMENT_BYTES = 256 * MB
"""The largest single JSON document or UTF-16 text: it is parsed as a whole."""
ROW_BYTES = 16 * MB
"""The largest row: a year of hourly weather in one reply is 9 MB."""
BAD_ROWS = 100_000
"""The most bad rows that are listed: a file with more of them is refused as a whole."""
COLUMNS = 2_000
"""The most columns; the widest recorded table has 48."""
DEPTH = 100
"""The deepest nesting of a payload; recorded ones have 8 levels."""
RATIO = 200
"""The highest expansion of more than RATIO_FREE_BYTES; recorded files have 13 to 19."""
RATIO_FREE_BYTES = 10 * MB

_CHUNK = 64 * 1024
_ENCRYPTED = 0x1
_LOCAL_HEADER = 30


def size(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / MB:,.1f} MB" if count >= MB else f"{count:,} bytes"


def check_expansion(packed: int, expanded: int, limit: int) -> None:
    """Refuse what became, or says it will become, too large or suspiciously larger."""
    if expanded > limit:
        raise BadInputError(f"it expands to more than {size(limit)}, the most that is read")
    if expanded > RATIO_FREE_BYTES and expanded > RATIO * max(packed, 1):
        raise BadInputError(
            f"it expands more than {RATIO} times ({size(packed)} to {size(expanded)} or more), "
            "as a decompression bomb does"
        )


class Gunzip(io.RawIOBase):
    """The expanded bytes of a gzip file (all its members), within the caps."""

    def __init__(self, content: bytes) -> None:
        self._packed = memoryview(content)
        self._position = 0
        self._expanded = 0
        self._inflate = zlib.decompressobj(wbits=31)

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer; 0 at the end of the last member."""
        data = b""
        while not data and not self._finished():
            data = self._step(len(buffer))
        buffer[: len(data)] = data
        self._expanded += len(data)
        check_expansion(self._position, self._expanded, EXPANDED_BYTES)
        return len(data)

    def _finished(self) -> bool:
        """Whether the last member ended; padding after it is no member."""
        if not self._inflate.eof:
            return False
        while rest := bytes(self._packed[self._position : self._position + _CHUNK]):
            padding = len(rest) - len(rest.lstrip(b"\0"))
            self._position += padding
            if padding < len(rest):
                self._inflate = zlib.decompressobj(wbits=31)
                return False
        return True

    def _step(self, room: int) -> bytes:
        packed = self._packed[self._position : self._position + _CHUNK]
        if not packed:
            raise BadInputError("a gzip file cut short: its end is missing")
        try:
            data = self._inflate.decompress(packed, room)
        except zlib.error as error:
            raise BadInputError(
                f"a damaged gzip file, near byte {self._position:,}: {error}"
            ) from error
        left = len(self._inflate.unconsumed_tail) + len(self._inflate.unused_data)
        self._position += len(packed) - left
        return data


def workbook_parts(content: bytes) -> list[zipfile.ZipInfo]:
    """The parts of a zip file, when what they say they are is within the caps."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise BadInputError(f"a workbook cut short or damaged: {error}") from error
    if len({part.filename.lower() for part in parts}) < len(parts):
        raise BadInputError("a damaged workbook: a part stands twice in it")
    if len(parts) > WORKBOOK_PARTS:
        raise BadInputError(f"{len(parts):,} parts; a workbook has at most {WORKBOOK_PARTS:,}")
    check_expansion(len(content), sum(part.file_size for part in parts), WORKBOOK_BYTES)
    for part in parts:
        if part.flag_bits & _ENCRYPTED:
            raise BadInputError("an encrypted zip file; save the workbook without a password")
        if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadInputError(f"{_shown(part)} is packed in a way no workbook uses")
    return parts


def inflate(content: bytes, part: zipfile.ZipInfo) -> bytes:
    """One part of a workbook, refused if it is not exactly as large as it says."""
    start = part.header_offset + _LOCAL_HEADER
    header = content[part.header_offset : start]
    if len(header) < _LOCAL_HEADER or not header.startswith(b"PK\x03\x04"):
        raise BadInputError(f"a damaged workbook: {_shown(part)} is not where it should be")
    start += sum(struct.unpack("<HH", header[26:30]))
    packed = memoryview(content)[start : start + part.compress_size]
    data = b"".join(_unpack(part, packed))
    if len(data) != part.file_size or zlib.crc32(data) != part.CRC:
        raise BadInputError(f"a damaged workbook: {_shown(part)} is not what the file says it is")
    return data


def _unpack(part: zipfile.ZipInfo, packed: memoryview) -> Iterator[bytes]:
    if part.compress_type == zipfile.ZIP_STORED:
        yield bytes(packed)
        return
    inflater = zlib.decompressobj(wbits=-15)
    try:
        yield inflater.decompress(packed, part.file_size + 1)
    except zlib.error as error:
        raise BadInputError(f"a damaged workbook: {_shown(part)}: {error}") from error


def _shown(part: zipfile.ZipInfo) -> str:
    return ascii(part.filename[:80])
