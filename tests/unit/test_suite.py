"""The suite's own rules: fast folders first, and under CI=true a skip is a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
_SKIPPED = '''
import pytest

def test_skipped():
    """Skips."""
    pytest.skip("no such tool here")

def test_passed(request):
    """Passes, with its folder's marker."""
    assert request.node.get_closest_marker("{marker}")
'''


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A project with this conftest and a test in two folders."""
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    (tmp_path / "tests").mkdir()
    shutil.copy(PROJECT / "tests" / "conftest.py", tmp_path / "tests")
    for folder, marker in (("browser", "browser"), ("unit", "unit")):
        (tmp_path / "tests" / folder).mkdir()
        file = tmp_path / "tests" / folder / f"test_{folder}.py"
        file.write_text(_SKIPPED.replace("{marker}", marker))
    return tmp_path


def run(suite: Path, ci: str) -> subprocess.CompletedProcess[str]:
    """Run it."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-v"],
        cwd=suite,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_skip_says_why_and_passes(suite: Path) -> None:
    """Elsewhere a missing tool is a skip, with its reason printed."""
    done = run(suite, "")
    assert done.returncode == 0, done.stdout
    assert "no such tool here" in done.stdout.partition("short test summary")[2]


def test_a_skip_fails_under_ci(suite: Path) -> None:
    """Where CI=true, what was skipped was not tested."""
    done = run(suite, "true")
    assert done.returncode == 1, done.stdout
    assert "2 skipped tests fail the run" in done.stdout


def test_fast_folders_come_first(suite: Path) -> None:
    """Unit tests run before browser tests, whatever the seed."""
    lines = [line for line in run(suite, "").stdout.splitlines() if "::test_" in line]
    folders = [line.split("/")[1] for line in lines if line.startswith("tests/")]
    assert folders == ["unit", "unit", "browser", "browser"]


def test_late_and_last_ones_wait(suite: Path) -> None:
    """What stands on the others' work runs after them, and what undoes it runs after that."""
    marked = "\n\n".join(
        f'@pytest.mark.{mark}\ndef test_{mark}():\n    """Waits its turn."""'
        for mark in ("last", "late", "unit")
    )
    (suite / "tests" / "unit" / "test_turns.py").write_text(f"import pytest\n\n{marked}\n")
    told = run(suite, "").stdout
    assert told.index("::test_unit ") < told.index("::test_late ") < told.index("::test_last ")
