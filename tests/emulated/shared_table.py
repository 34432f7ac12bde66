"""A table that three kinds of writers share; its file ships with the job that merges."""

from __future__ import annotations

from lakehouse.table import Column, Table

TABLE = Table(
    database="bronze",
    name="shared",
    doc="One row for each key that somebody wrote.",
    owner="tests",
    key=("k",),
    latest_by="at",
    audited=False,
    columns=(
        Column("k", "string", "Who wrote it, and in which round.", required=True),
        Column("v", "bigint", "1, or 2 once it was corrected."),
        Column("at", "timestamp", "When it was written, UTC."),
    ),
    ignored=("at",),
)
