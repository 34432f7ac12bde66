"""A row of a dropped file: a payload, or the reason why it is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingestion import caps
from ingestion.bronze import dumps
from ingestion.cells import value
from lakehouse.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Row:
    """Row `number` of a file or sheet; `reason` says why there is no payload."""

    number: int
    payload: Any = None
    reason: str = ""
    sheet: str | None = None


@dataclass(frozen=True)
class Header:
    """The columns of a table, as written; an unnamed one is empty text."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse a header that can't name every value of a row once."""
        named = [name for name in self.names if name]
        if len(self.names) > caps.COLUMNS:
            raise BadInputError(f"{len(self.names):,} columns; at most {caps.COLUMNS:,} are read")
        twice = {name for name in named if named.count(name) > 1}
        if twice:
            raise BadInputError(f"the column {min(twice)[:80]!r} stands twice in the header")

    @classmethod
    def of(cls, cells: Sequence[Any]) -> Header:
        """The header that a row of cells is."""
        return cls(tuple("" if cell is None else str(cell).strip() for cell in cells))

    @property
    def fields(self) -> list[str]:
        """The payload's own fields: of `current.temp_c`, that is `current`."""
        return list(dict.fromkeys(_path(name)[0] for name in self.names if name))

    def payload(self, cells: Sequence[Any]) -> dict[str, Any]:
        """The payload of a row of cells; dotted columns are nested, empty cells absent.

        Raises ValueError for a row that doesn't fit the header.
        """
        found: dict[str, Any] = {}
        for index, cell in enumerate(cells):
            content = value(cell)
            if content is None:
                continue
            name = self.names[index] if index < len(self.names) else ""
            if not name:
                raise ValueError(f"a value in column {index + 1}, which has no name")
            _place(found, name, content)
        return found


def flaw(payload: Any) -> str:
    """Why a payload can't be kept as one line of JSON; empty if it can."""
    try:
        text = dumps(payload).encode()
    except UnicodeEncodeError:
        return "a text with half a surrogate pair, which is no Unicode"
    except RecursionError:
        return f"nested deeper than {caps.DEPTH} levels"
    except (ValueError, TypeError) as error:
        return f"no JSON value: {error}"
    if len(text) > caps.ROW_BYTES:
        return f"{caps.size(len(text))} in one row; at most {caps.size(caps.ROW_BYTES)} are kept"
    if text.count(b"[") + text.count(b"{") > caps.DEPTH and _too_deep(payload):
        return f"nested deeper than {caps.DEPTH} levels"
    return ""


def _too_deep(payload: Any) -> bool:
    level = [payload]
    for _ in range(caps.DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = [item for item in below if isinstance(item, (dict, list))]
        if not level:
            return False
    return True


def _path(name: str) -> list[str]:
    parts = name.split(".")
    return parts if all(parts) else [name]


def _place(payload: dict[str, Any], name: str, content: Any) -> None:
    *folders, leaf = _path(name)
    at: Any = payload
    made: list[str] = []
    for folder in folders:
        made.append(folder)
        at = at.setdefault(folder, _Nested())
        if not isinstance(at, _Nested):
            raise ValueError(  # noqa: TRY004 - the row's fault, not the caller's
                f"the columns {'.'.join(made)!r} and {name!r} are both filled"
            )
    if leaf in at:
        raise ValueError(f"the column {name!r} and one below it are both filled")
    at[leaf] = content


class _Nested(dict[str, Any]):
    """An object made of dotted columns: a cell's own object is never added to."""
