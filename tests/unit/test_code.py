"""Which code runs: a hash of what ships, and of nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lakehouse import code

PROJECT = Path(__file__).parents[2]


def version(folder: Path) -> str:
    """The version a process of its own tells of a copy."""
    told = subprocess.run(
        [sys.executable, "-c", "from lakehouse import code; print(code.version())"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip()


def test_the_version_is_of_what_ships(tmp_path: Path) -> None:
    """A copy elsewhere has the same version; a changed SELECT another; other files none."""
    ignore = shutil.ignore_patterns("__pycache__")
    for package in code.SHIPPED:
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=ignore)
    first = version(tmp_path)
    assert len(first) == 12
    (tmp_path / "jobs" / "notes.txt").write_text("nothing")
    (tmp_path / "jobs" / "__pycache__").mkdir()
    (tmp_path / "sql" / "athena").mkdir(exist_ok=True)
    (tmp_path / "sql" / "athena" / "question.sql").write_text("select 1\n")
    assert version(tmp_path) == first
    select = tmp_path / "sql" / "gold" / "arrivals_weather.sql"
    select.write_text(select.read_text() + "\n")
    second = version(tmp_path)
    select.rename(select.with_name("another.sql"))
    assert len({first, second, version(tmp_path)}) == 3
