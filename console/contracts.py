"""Contracts as data: what a program is given that cannot import the jobs, which need pyspark."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from typing import Any

from lakehouse.errors import ContractError
from lakehouse.table import Check, Column, Table
from lakehouse.upkeep import Upkeep


def as_json(tables: tuple[Table, ...]) -> str:
    """The contracts as text: the same for equal contracts."""
    told = {"tables": [_plain(table) for table in tables]}
    return json.dumps(told, sort_keys=True, ensure_ascii=False)


def from_json(text: str) -> tuple[Table, ...]:
    """The contracts that `as_json` told.

    Raises ContractError for a text of another version of this code.
    """
    try:
        return tuple(_table(told) for told in json.loads(text)["tables"])
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ContractError(
            f"these contracts are not what this code reads: {error}", next_command="lake build"
        ) from error


def digest(tables: tuple[Table, ...]) -> str:
    """What tells that a contract has changed."""
    return hashlib.sha256(as_json(tables).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.init}
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value


def _table(told: dict[str, Any]) -> Table:
    parts: dict[str, Any] = {
        "columns": tuple(Column(**column) for column in told.pop("columns")),
        "checks": tuple(Check(**check) for check in told.pop("checks")),
        "upkeep": Upkeep(**_tuples(told.pop("upkeep"))),
    }
    return Table(**{**_tuples(told), **parts})


def _tuples(told: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}
