"""Trino's client protocol: one statement, its rows as they come, and how it went.

https://trino.io/docs/406/develop/client-protocol.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from urllib.request import Request, urlopen

from console.emulator.trino.settings import CATALOG

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TIMEOUT_SECONDS = 300
_USER = "athena"


class TrinoError(Exception):
    """A statement failed: `name` is Trino's name of the error, such as TABLE_NOT_FOUND."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name


class StoppedError(Exception):
    """It was stopped by who asked; the message is the reason."""


@dataclass
class Result:
    """Columns with their type signatures, rows of plain values (floats as text), and figures."""

    columns: list[dict[str, Any]] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list, repr=False)
    stats: dict[str, Any] = field(default_factory=dict)
    update_count: int | None = None


def execute(
    url: str,
    sql: str,
    *,
    database: str = "",
    prepared: Mapping[str, str] | None = None,
    stop: Callable[[dict[str, Any]], str] = lambda _stats: "",
) -> Result:
    """Run one statement to its end.

    `stop` hears the figures so far, and gives a reason to stop or nothing. Raises TrinoError,
    StoppedError.
    """
    headers = _headers(database, prepared or {})
    result = Result()
    told = _ask(Request(f"{url}/v1/statement", sql.encode(), headers))  # noqa: S310  loopback http
    while True:
        _take(result, told)
        reason = stop(result.stats)
        following = told.get("nextUri")
        if reason:
            if following:
                _ask(Request(following, headers=headers, method="DELETE"))  # noqa: S310  likewise
            raise StoppedError(reason)
        if not following:
            return result
        told = _ask(Request(following, headers=headers))  # noqa: S310  likewise


def _headers(database: str, prepared: Mapping[str, str]) -> dict[str, str]:
    headers = {
        "X-Trino-User": _USER,
        "X-Trino-Catalog": CATALOG,
        "X-Trino-Time-Zone": "UTC",
        "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",  # fractions of a second as they are
    }
    if database:
        headers["X-Trino-Schema"] = database
    if prepared:
        told = [f"{name}={quote(text, safe='')}" for name, text in prepared.items()]
        headers["X-Trino-Prepared-Statement"] = ",".join(told)
    return headers


def _ask(request: Request) -> dict[str, Any]:
    with urlopen(request, timeout=_TIMEOUT_SECONDS) as reply:  # noqa: S310  loopback http
        text = reply.read()
    return dict(json.loads(text, parse_float=str)) if text else {}


def _take(result: Result, told: dict[str, Any]) -> None:
    """Add one part of an answer. Raises TrinoError for one that says no."""
    result.stats = told.get("stats", result.stats)
    result.columns = told.get("columns", result.columns)
    result.update_count = told.get("updateCount", result.update_count)
    result.rows += told.get("data", ())
    error = told.get("error")
    if error:
        raise TrinoError(error["errorName"], error["message"])
