"""The bench stays alive: its small size runs, and what does not depend on time keeps its bars."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import measure, nearest
from bench.measure import Cost
from bench.report import Report
from lakehouse import sql
from lakehouse.errors import ContractError

ROOT = Path(__file__).parents[2]
EXACT = {
    "nearest join: sums unlike DuckDB's",
    "nearest join: shuffles of arrivals",
    "append to one day: files",
    "merge, large / small: bytes",
    "gold, large / small: bytes",
    "maintained: most files of a day",
    "maintained: delete files",
}
TIMED = {
    "nearest join / scan: CPU",
    "nearest join / DuckDB ASOF: CPU",
    "merge, large / small: CPU",
    "gold, large / small: CPU",
    "gold, incremental / full: CPU",
    "maintained / fresh: CPU",
    "maintained / fresh: time",
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """What one small run printed, and its JSON."""
    folder = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "bench", "--small", "--json", str(folder / "found.json")]
    done = subprocess.run(
        [*command, "--home", str(folder / "home")],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads((folder / "found.json").read_text())


def test_every_figure_is_printed_with_its_bar(bench: tuple[str, dict[str, Any]]) -> None:
    """Each figure has a bar and a mark, on the screen and in the JSON."""
    printed, found = bench
    figures = {f["name"]: f for f in found["figures"]}
    assert set(figures) == EXACT | TIMED
    assert all(name in printed for name in figures)
    assert {figures[name]["mark"] for name in TIMED} == {"not judged at this size"}
    assert {figures[name]["mark"] for name in EXACT} == {"pass"}


def test_join_agrees_with_duckdb_and_shuffles_no_arrival(
    bench: tuple[str, dict[str, Any]],
) -> None:
    """Joined sums equal DuckDB's; some arrivals are out of reach; only weather is shuffled."""
    facts = bench[1]["facts"]["nearest"]
    assert facts["rows"] == 9_000
    assert 0 < facts["matched"] < facts["rows"]
    assert {table for _, tables in facts["shuffles"] for table in tables} <= {"meteorology_current"}


def test_append_to_one_day_writes_one_file(bench: tuple[str, dict[str, Any]]) -> None:
    """New rows of one day are an append of one or two files, never a file a line."""
    summary = bench[1]["facts"]["append"]
    assert (summary["operation"], summary["added-records"]) == ("append", "100")
    assert int(summary["added-data-files"]) <= 2


def test_only_exact_figures_decide() -> None:
    """A missed exact bar counts as missed, a missed CPU bar does not, and unjudged ones never."""
    report = Report(costs={"large": [Cost(9, 9, 120, 0)], "small": [Cost(1, 1, 100, 0)]})
    report.ratio("cpu", "large", "small", "cpu_sec", 1.5, judged=True)
    report.ratio("cpu small", "large", "small", "cpu_sec", 1.5, judged=False)
    report.ratio("bytes", "large", "small", "read_bytes", 1.1, judged=False)
    report.count("files", 2, 2)
    marks = [f.mark for f in report.figures]
    assert marks == ["FAIL", "not judged at this size", "FAIL", "pass"]
    assert [f.name for f in report.missed] == ["bytes"]


def test_the_join_is_the_one_of_the_file() -> None:
    """The measured join is cut out of the gold SELECT; a SELECT without it is refused."""
    text = sql.select("gold/arrivals_weather")
    condition = "p.event_us div 300000000 = n.bucket"
    assert condition in text
    assert condition in nearest.real_join(text)
    with pytest.raises(ContractError, match="reach"):
        nearest.real_join(text.replace("\nreach as", "\nrange as"))
    with pytest.raises(ContractError, match="another way"):
        nearest.real_join(text.replace("left join nearest as n", "inner join nearest as n"))


def test_cpu_of_a_reaped_child_counts() -> None:
    """CPU seconds are those of the whole tree, of children that ended too."""
    before = measure.cpu_seconds(os.getpid())
    burn = "import time\nwhile time.process_time() < 0.15: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert measure.cpu_seconds(os.getpid()) - before >= 0.1
