"""What stands in a cell of a table, as a JSON value.

Python's literal lists and objects become what `ast.literal_eval` says they are; text that only
looks like one, such as a cell cut at 32,767 characters, stays text.
"""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NoReturn

LITERAL_CHARS = 1_000_000
"""The longest cell that Python's parser gets: it needs a hundred times its size. Excel's longest
cell has 32,767 characters."""
_CACHED_CHARS = 32_767
_EXACT_FLOAT = 2**53
_PAIRS = {"[": "]", "{": "}"}
_TOKEN = re.compile(
    r"""'[^'"]*' | "[^"]*" | '[^']*' | None | True | False | null | true | false""", re.VERBOSE
)
_WORDS = {"None": "null", "True": "true", "False": "false"}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)


def parse_json(text: str) -> Any:
    """A strict `json.loads`: NaN and 1e999 are refused. Raises ValueError, RecursionError."""
    return _DECODER.decode(text)


def value(cell: Any) -> Any:
    """A cell's JSON value; None is an empty cell."""
    if isinstance(cell, str):
        return structured(cell) if cell else None
    if isinstance(cell, float) and math.isnan(cell):
        return None
    return plain(cell)


def plain(cell: Any) -> Any:
    """Dates as ISO text (`2025-08-26 09:19:23`, as recorded), decimals as text; inside too."""
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, (date, time, Decimal)):
        return str(cell)
    if isinstance(cell, timedelta):
        return _clock(cell)
    if isinstance(cell, dict):
        return {key: plain(item) for key, item in cell.items()}
    if isinstance(cell, list):
        return [plain(item) for item in cell]
    return cell


def whole(cell: Any) -> Any:
    """Excel knows floats only: a whole one is an integer."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) <= _EXACT_FLOAT:
        return int(cell)
    return cell


def structured(text: str) -> Any:
    """The list or object that `text` is, in JSON or as a Python literal; else the text itself.

    Equal texts may share one value: it is never to be changed in place.
    """
    inner = text.strip()
    if inner[:1] not in _PAIRS or inner[-1:] != _PAIRS[inner[0]]:
        return text
    found = _cached(inner) if len(inner) <= _CACHED_CHARS else _parse(inner)
    return text if found is None else found


def _parse(text: str) -> Any:
    try:
        return parse_json(text)
    except (ValueError, RecursionError):
        pass
    try:
        return parse_json(_as_json(text))
    except (ValueError, RecursionError):
        return _literal(text)


_cached = lru_cache(maxsize=256)(_parse)


def _as_json(text: str) -> str:
    """A Python literal in JSON's spelling; ValueError where the two could differ.

    Without a backslash a string ends at the next quote of its kind, so these tokens are Python's
    own; what else Python knows and JSON doesn't is left as it is, and JSON's parser refuses it.
    """
    if "\\" in text:
        raise ValueError("escapes differ")
    return _TOKEN.sub(_respell, text)


def _respell(match: re.Match[str]) -> str:
    token = match[0]
    if token[0] == "'":
        return '"' + token[1:-1].replace('"', '\\"') + '"'
    if token[0] == '"':
        return token
    if token not in _WORDS:
        raise ValueError(f"{token} is no Python literal")
    return _WORDS[token]


def _literal(text: str) -> Any:
    if len(text) > LITERAL_CHARS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a cell is no defect of this code
            found = ast.literal_eval(text)
        return found if _is_json(found) else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _is_json(found: Any) -> bool:
    if isinstance(found, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in found.items())
    if isinstance(found, list):
        return all(map(_is_json, found))
    if isinstance(found, float):
        return math.isfinite(found)
    return found is None or isinstance(found, (str, int))


def _clock(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}"
