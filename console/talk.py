"""How the console speaks: progress and talk on stderr, tables or JSON on stdout."""

from __future__ import annotations

import json
import sys
import time
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_STARTED = time.monotonic()


def say(text: str) -> None:
    """One line of talk on stderr, with the seconds since the start."""
    sys.stderr.write(f"{time.monotonic() - _STARTED:6.1f} s  {text}\n")
    sys.stderr.flush()


def plain(value: Any) -> Any:
    """A value as JSON knows it: times as ISO text in UTC."""
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def out_json(value: Any) -> None:
    """A value on stdout as JSON."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=plain, indent=2) + "\n")


def out_rows(rows: list[dict[str, Any]], *, as_json: bool, empty: str = "no rows") -> None:
    """Rows on stdout: a list of objects, or a table as wide as it needs to be."""
    if as_json:
        out_json(rows)
        return
    if not rows:
        say(empty)
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, value in rows[0].items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if v is None else _cell(v) for v in row.values()))
    width = None if sys.stdout.isatty() else 240
    Console(width=width, highlight=False, markup=False).print(table)


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1 else f"{value:,.2f}"
    return str(value)


def progress(total: int, what: str) -> Callable[[int], None]:
    """A callback that says how far it is, at most once a second."""
    last = [0.0]

    def tell(done: int) -> None:
        if time.monotonic() - last[0] >= 1 or done == total:
            last[0] = time.monotonic()
            say(f"{what}: {done} of {total}")

    return tell


def listed(values: Iterable[str]) -> str:
    """Values in one line."""
    return ", ".join(values)


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless it was said before. Raises UsageError where nobody can answer."""
    import typer  # noqa: PLC0415

    from lakehouse.errors import UsageError  # noqa: PLC0415

    if yes:
        say(question.rstrip("?"))
    elif not sys.stdin.isatty():
        raise UsageError(question, next_command="the same command with --yes")
    else:
        typer.confirm(question, err=True, abort=True)
