"""What maintenance owes a table is declared in its contract, and reaches the table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from console import tables
from jobs.pipeline import TABLES
from lakehouse import settings
from lakehouse.contract import properties
from lakehouse.errors import ContractError
from lakehouse.upkeep import Upkeep

if TYPE_CHECKING:
    from pathlib import Path

    from lakehouse.table import Table

STOPS = next(table for table in TABLES if table.name == "stops")


@pytest.mark.parametrize(
    "wrong", [{"target_file_mb": 0}, {"keep_days": 0}, {"keep_snapshots": 0}, {"fresh_hours": -1}]
)
def test_a_retention_that_leaves_nothing_is_refused(wrong: dict[str, Any]) -> None:
    """A file has a size, and at least a day and a snapshot stay."""
    with pytest.raises(ContractError):
        Upkeep(**wrong)


def test_holds_are_patterns() -> None:
    """A tag is held by the beginning of its name, and no other is."""
    upkeep = Upkeep(holds=("audit*",))
    assert upkeep.holds_tag("audit_2026_q1")
    assert not upkeep.holds_tag("before_audit")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.full_name)
def test_vacuum_finds_nothing_to_remove(table: Table) -> None:
    """VACUUM knows no holds and no cursors: by its properties nothing is ever old enough for it."""
    found = properties(table)
    ten_years_sec, day_sec = 10 * 365 * 86_400, 86_400
    assert int(found["vacuum_max_snapshot_age_seconds"]) == ten_years_sec < 2**31
    assert int(found["vacuum_max_snapshot_age_seconds"]) > 10 * table.upkeep.keep_days * day_sec
    assert int(found["vacuum_min_snapshots_to_keep"]) >= 1_000_000
    kept = int(found["write.metadata.previous-versions-max"])
    assert int(found["vacuum_max_metadata_files_to_keep"]) > kept


def test_retention_reaches_the_table_by_its_one_owner(tmp_path: Path) -> None:
    """`lake tables apply` sets sizes, retention and sort; applied, nothing is left to do."""
    lake = settings.load({}, home=str(tmp_path / "lake"))
    tables.apply(lake, (STOPS,))
    changed = replace(
        STOPS, sort=("stop_id",), upkeep=Upkeep(target_file_mb=256, keep_days=90, keep_snapshots=7)
    )
    told = {step.action: step.detail for step in tables.plan(lake, (changed,))}
    assert told["sort by"] == "stop_id"
    assert told["set properties"] == (
        "history.expire.max-snapshot-age-ms, history.expire.min-snapshots-to-keep, "
        "write.target-file-size-bytes"
    )
    tables.apply(lake, (changed,))
    assert tables.plan(lake, (changed,)) == []
    made = tables.open_catalog(lake).load_table(tables.identifier(lake, STOPS.full_name))
    assert made.properties["write.target-file-size-bytes"] == str(256 * 1024 * 1024)
    assert made.properties["history.expire.max-snapshot-age-ms"] == str(90 * 86_400_000)
    assert [field.source_id for field in made.sort_order().fields] == [1]
    tables.apply(lake, (STOPS,))
    assert tables.plan(lake, (STOPS,)) == []
