"""Conversions that every silver transform uses: unknown is null, local times become instants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column

# Sources have been online since 2010; a poll lands at the latest the day after.
EARLIEST = "2010-01-01"
DAY_SECONDS = 86_400


def text(value: Column) -> Column:
    """Without blanks around it; empty is null."""
    trimmed = F.trim(value)
    return F.when(trimmed != "", trimmed)


def code(value: Column) -> Column:
    """A line's code, zero-padded to three digits; a longer one stays as it is."""
    known = text(value)
    return F.when(F.length(known) < 3, F.lpad(known, 3, "0")).otherwise(known)  # noqa: PLR2004


def label(value: Column) -> Column:
    """A line's public name; EMT writes the zeros of 001 as letters in places (OO1)."""
    known = text(value)
    return F.when(known.rlike(r"\AO+\d+\z"), F.translate(known, "O", "0")).otherwise(known)


def number(value: Column, kind: str) -> Column:
    """A number answered as number or as text; null where it is none."""
    return text(value).cast(kind)


def instant(local: Column, zone: str) -> Column:
    """A naive local time as an instant; of the two in the autumn overlap, the earlier."""
    return F.to_utc_timestamp(local.cast("timestamp"), zone)


def in_gap(local: Column, zone: str) -> Column:
    """Whether a naive local time falls into the hour that spring skips."""
    return F.from_utc_timestamp(instant(local, zone), zone) != local.cast("timestamp")


def too_late(moment: Column, landed: Column) -> Column:
    """Whether an instant lies more than a day after landing."""
    return moment > landed + F.expr("interval 1 day")


def too_early(moment: Column) -> Column:
    """Whether an instant lies before any source existed."""
    return moment < F.lit(EARLIEST).cast("timestamp")


def items(value: Column, kind: str) -> Column:
    """JSON text of a list as an array of `kind`; a single object is a list of one."""
    return F.from_json(value, f"array<{kind}>")


def texts(value: Column) -> Column:
    """JSON text of a list of texts, or one bare text, as an array."""
    listed = value.startswith("[")
    return F.when(listed, F.from_json(value, "array<string>")).otherwise(
        F.when(text(value).isNotNull(), F.array(text(value)))
    )
