"""SELECTs by name, and the safe ways into SQL text: checked identifiers, typed literals."""

from __future__ import annotations

import re
from datetime import timezone
from importlib import resources
from typing import TYPE_CHECKING

from lakehouse.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*\Z")


def select(name: str) -> str:
    """The text of `sql/<name>.sql`. Raises ContractError where there is none."""
    path = resources.files("sql")
    for part in f"{name}.sql".split("/"):
        path = path / part
    if not path.is_file():
        raise ContractError(f"sql/{name}.sql does not exist")
    return path.read_text(encoding="utf-8")


def identifier(text: str) -> str:
    """`text` if it is a plain (dotted) identifier. Raises ContractError for anything else."""
    if not _IDENTIFIER.match(text):
        raise ContractError(f"{text!r} is not an identifier")
    return text


def timestamp(moment: datetime) -> str:
    """An aware time as a SQL literal."""
    text = moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")
    return f"timestamp'{text} UTC'"


def any_of(predicates: Iterable[str]) -> str:
    """Predicates joined by OR; none of them is `false`."""
    joined = " or ".join(f"({p})" for p in predicates)
    return joined or "false"


def midnight(value: date) -> str:
    """The instant a UTC day begins, as a SQL literal."""
    return f"timestamp'{value.isoformat()} 00:00:00 UTC'"


def day(value: date) -> str:
    """A date as a SQL literal."""
    return f"date'{value.isoformat()}'"
