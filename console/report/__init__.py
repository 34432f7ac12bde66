"""The report: one static HTML file about the lake as it is, readable anywhere, needing nothing."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from console.report.summary import TableFact
from lakehouse.errors import ConfigurationError, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from console.report.page import Page
    from console.report.upkeep import Patient

__all__ = ["TableFact", "write"]

LATE_RATIO = 1.3


def write(
    con: duckdb.DuckDBPyConnection,
    out: Path,
    *,
    generated_at: datetime,
    source: str,
    tables: list[TableFact],
    attribution: str,
    late_ratio: float = LATE_RATIO,
    patients: Sequence[Patient] = (),
) -> Path:
    """Write the report on what `con` holds to the file `out`, whole or not at all.

    `source` says where the data is from, recorded or simulated; `late_ratio` is the threshold
    that gold was made with; `patients` are the tables whose health is told.
    """
    from console.report.page import render  # noqa: PLC0415

    made = _page(con, generated_at, source, tables, attribution, late_ratio, patients)
    document = render(made)
    draft = out.with_name(f".{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(document, encoding="utf-8")
        draft.replace(out)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise StorageError(
            f"the report cannot be written to {out}: {error.strerror or error}",
            next_command="lake report --out FILE in a folder that can be written",
        ) from error
    return out


def _page(
    con: duckdb.DuckDBPyConnection,
    now: datetime,
    source: str,
    tables: list[TableFact],
    attribution: str,
    late_ratio: float,
    patients: Sequence[Patient],
) -> Page:
    import duckdb as engine  # noqa: PLC0415

    from console.report.edition import edit  # noqa: PLC0415

    try:
        return edit(con, now, source, tables, attribution, late_ratio, patients)
    except engine.CatalogException as error:
        what = str(error).splitlines()[0]
        raise ConfigurationError(
            f"the report needs a table that the lake does not have: {what}",
            next_command="lake tables apply",
        ) from error
