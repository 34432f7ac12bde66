"""Split rows into accepted and rejected: every row gets a reason or none, never both or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from lakehouse.table import Table


def first_reason(*reasons: tuple[Column, str]) -> Column:
    """The text of the first predicate that is true; null where none is. Null counts as false."""
    found = [F.when(F.coalesce(bad, F.lit(False)), F.lit(text)) for bad, text in reasons]
    return F.coalesce(*found, F.lit(None).cast("string"))


def not_a_number(text: Column, kind: str) -> Column:
    """Whether a text that is there cannot be read as the numeric type `kind`."""
    return text.isNotNull() & text.cast(kind).isNull()


def judge(rows: DataFrame, table: Table) -> DataFrame:
    """Set `reject` by the contract: the transform's own reason, a missing column, a row check."""
    missing = [(F.col(c.name).isNull(), f"no {c.name}") for c in table.columns if c.required]
    checks = [
        (~F.coalesce(F.expr(check.sql), F.lit(False)), check.name) for check in table.of_kind("row")
    ]
    judged = rows.withColumn("reject", F.coalesce("reject", first_reason(*missing, *checks)))
    # Only a refused row is kept as it was answered; the others would carry it for nothing.
    return judged.withColumn("row_json", F.when(F.col("reject").isNotNull(), F.col("row_json")))
