"""`lake up`, `lake tick`, `lake down`: the emulated AWS as its operator starts and stops it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """The command, in a folder of this test's."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("AWS_", "LAKE_"))}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "console.main", *words],
            cwd=PROJECT,
            env={**kept, "LAKE_HOME": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    yield run
    run("down")


def told(done: subprocess.CompletedProcess[str]) -> Any:
    """Its JSON."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_is_up_once_and_down_for_good(
    lake: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """Up says where, and that memory is all it has; again it is the same; down ends it."""
    first = lake("up", "--json")
    assert "state is in memory" in first.stderr
    again = told(lake("up", "--json"))
    assert again == told(first)
    assert json.loads((tmp_path / "emulator" / "emulator.json").read_text())["pid"] == again["pid"]
    assert told(lake("down", "--json")) == {"stopped": True}
    assert told(lake("down", "--json")) == {"stopped": False}
    assert lake("tick").returncode == 78


def test_down_forgets_what_was_deployed(
    lake: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    """What lived in the emulator leaves no state behind; what lives on AWS stays known."""
    told(lake("up", "--json"))
    for place in ("emulated-dev", "aws-prod"):
        (tmp_path / "deployed" / place).mkdir(parents=True)
    lake("down")
    assert [path.name for path in (tmp_path / "deployed").iterdir()] == ["aws-prod"]


def test_the_clock_is_set_ahead(lake: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """A tick moves the emulated time; a time without a zone, or no time, is refused."""
    told(lake("up", "--json"))
    until = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=2)
    moved = told(lake("tick", "--until", until.isoformat(), "--json"))
    assert moved["fired"] == []
    assert datetime.fromisoformat(moved["now"]) - until < timedelta(minutes=1)
    for odd, why in (("2026-03-01T10:00:00", "has no zone"), ("soon", "is no time")):
        done = lake("tick", "--until", odd)
        assert done.returncode == 2
        assert why in done.stderr
        assert "next:  lake tick --until 2026-03-01T10:00:00Z" in done.stderr
