"""JSON values of an answer in the form that Firehose writes into a column of a type."""

from __future__ import annotations

import math
import re
from typing import Any, Callable

_WHOLE = re.compile(r"[+-]?\d{1,18}(\.0*)?\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_INT_BITS = 31
# The year 9999: a later second is an epoch in milliseconds.
_LAST_SECOND = 253_402_300_799
_MICROSECONDS = 1_000_000


class UnfitError(ValueError):
    """A value that its column cannot take."""


def fitted(kind: str, value: Any) -> Any:
    """The value for a column of that type, None for None. Raises UnfitError for another kind."""
    return None if value is None else _FITTERS[kind](value)


def text(value: Any) -> str | None:
    """Without blanks around it; empty is None, as in silver."""
    if not isinstance(value, str):
        raise UnfitError("no text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise UnfitError("half of a surrogate pair")
    return value.strip(" ") or None


def _numeric(value: Any) -> int | float | str | None:
    """A number, or the text of one; an empty text is None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise UnfitError("no number")
    return text(value) if isinstance(value, str) else value


def _whole(value: Any) -> int | None:
    """A whole number, also with a zero fraction."""
    number = _numeric(value)
    if number is None or isinstance(number, int):
        return number
    if not _WHOLE.match(str(number)):
        raise UnfitError("no whole number")
    return int(str(number).partition(".")[0])


def _int(value: Any) -> int | None:
    number = _whole(value)
    if number is not None and not -(2**_INT_BITS) <= number < 2**_INT_BITS:
        raise UnfitError("more than 32 bits")
    return number


def _double(value: Any) -> float | None:
    number = _numeric(value)
    if number is None:
        return None
    if isinstance(number, str) and not _NUMBER.match(number):
        raise UnfitError("no number")
    try:
        found = float(number)
    except OverflowError as error:
        raise UnfitError("too large") from error
    if not math.isfinite(found):
        raise UnfitError("not finite")
    return found


def _instant(value: Any) -> int | None:
    """Epoch seconds → microseconds."""
    seconds = _whole(value)
    if seconds is not None and not 0 <= seconds <= _LAST_SECOND:
        raise UnfitError("no time")
    return None if seconds is None else seconds * _MICROSECONDS


_FITTERS: dict[str, Callable[[Any], Any]] = {
    "string": text,
    "int": _int,
    "double": _double,
    "timestamp": _instant,
}
