"""The report's section on the tables' health."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from console.health import Health, Point
from console.report import steps, write
from console.report.upkeep import Patient, section
from tests.report_lake import FACTS, NOW, filled
from tests.report_page import Reader

if TYPE_CHECKING:
    from pathlib import Path

WELL = Health(
    table="emt_silver.stops", data_files=2, small_files=1, delete_files=1, size_bytes=3_000_000,
    average_bytes=1_500_000, snapshots=4, rows=900, rows_a_day=1.4, bytes_a_day=9.0, newest=NOW,
    promised_hours=26, verdict="well", next_command="",
)  # fmt: skip
ILL = replace(WELL, table="emt_silver.<b>", verdict="stale: 48 h old, promised 26 h")
POINTS = [Point(NOW - timedelta(hours=300 - n), n, n % 2, 10_000 * n, 3 * n) for n in range(1, 300)]


def test_it_says_how_many_are_well() -> None:
    """The heading counts what is wrong, and the table says what to type."""
    assert section([Patient(WELL, POINTS)], NOW).heading == (
        "Each of 1 table is fresh and well laid out"
    )
    told = section([Patient(WELL, POINTS), Patient(ILL, [])], NOW)
    assert told.heading == "Of 2 tables, 1 older than promised"
    assert [row[0] for row in told.tables[0].rows] == ["emt_silver.stops", "emt_silver.<b>"]


def test_the_page_holds_it_soundly(tmp_path: Path) -> None:
    """Charts are named and have their tables, names are escaped, and the page stays small."""
    patients = [Patient(replace(WELL, table=f"db.t{n}"), POINTS) for n in range(14)]
    out = write(
        filled(), tmp_path / "r.html", generated_at=NOW, source="made up", tables=FACTS,
        attribution="nobody", patients=[*patients, Patient(ILL, POINTS)],
    )  # fmt: skip
    text = out.read_text(encoding="utf-8")
    assert len(text.encode()) < 2_000_000
    mine = text[text.index('<section id="health"') :]
    assert len(re.findall(r'<svg role="img" aria-label="[^"]+ through time"', mine)) == 2
    assert mine.count("<details>") == 2
    assert "emt_silver.&lt;b&gt;" in mine
    assert "emt_silver.<b>" not in text
    assert Reader(text).tags


def test_a_long_past_is_thinned_but_keeps_its_peaks() -> None:
    """However many commits: few steps, the highest and the last among them, in order."""
    past = [(n / 1_000, float(n % 7)) for n in range(1_000)] + [(1.0, 99.0)]
    thin = steps.thin(past)
    assert len(thin) <= 61
    assert thin[-1] == (1.0, 99.0)
    assert thin == sorted(thin)
    assert max(v for _, v in thin[:-1]) == 6.0
    assert steps.thin(past[:5]) == past[:5]
