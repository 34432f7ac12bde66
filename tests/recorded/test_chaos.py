"""The main job killed at random moments, and two at once: the same contents, never a mixed pair."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from console.demo import WORKBOOKS
from console.reading import Moment
from lakehouse.snapshots import together

from .conftest import GOLD, Made

if TYPE_CHECKING:
    from pathlib import Path

KILLS = int(os.environ.get("CHAOS_KILLS", "3"))
SEED = int(os.environ.get("CHAOS_SEED", "20250826"))
pytestmark = [pytest.mark.recorded, pytest.mark.chaos]
_PAIR = (
    f"select (select count(*) from {GOLD[0]}) as rows, "
    f"(select coalesce(sum(total_preds), 0) from {GOLD[1]}) as counted"
)


def _consistent(made: Made) -> bool:
    """What `lake sql` reads of both gold tables comes from one run; True for no table yet."""
    reader = made.reader()
    if not set(GOLD) <= set(reader.tables()):
        return True
    answer = reader.ask(_PAIR, Moment())[0]
    assert answer["rows"] == answer["counted"], answer
    histories = {name: reader.history(name) for name in GOLD}
    pair = together(histories, GOLD[1])
    if pair:
        made_by = histories[GOLD[1]].newest_receipt(pair.snapshots[GOLD[1]])
        peer = histories[GOLD[0]].newest_receipt(pair.snapshots[GOLD[0]])
        assert made_by is not None
        if peer is not None and made_by[1].get("counts"):  # else only the cursor moved
            assert peer[1]["run"] == made_by[1]["run"]
    return True


class _Watcher(threading.Thread):
    """Reads the pair again and again while others write."""

    def __init__(self, made: Made) -> None:
        super().__init__(daemon=True)
        self.made, self.reads, self.failure = made, 0, None
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.3):
            self._read()

    def _read(self) -> None:
        try:
            _consistent(self.made)
            self.reads += 1
        except AssertionError as error:
            self.failure = self.failure or error

    def end(self) -> None:
        self.over.set()
        self.join()
        assert self.failure is None, self.failure


def _files(recorded: Path) -> list[tuple[Path, str]]:
    return [(f, s) for pattern, s in WORKBOOKS for f in sorted(recorded.glob(pattern))]


def _landed(made: Made) -> list[Path]:
    """The bronze files of a lake, relative to it: what its workbooks and its calendar became."""
    return sorted(p.relative_to(made.home) for p in made.home.glob("bronze/*/*/*/*.jsonl.gz"))


def _put(source: Made, target: Made, files: list[Path]) -> None:
    """The same landed files in another lake; that landing always makes the same is tested below."""
    for file in files:
        (target.home / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.home / file, target.home / file)


def _kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_killed_at_random_moments_ends_with_the_same_contents(
    tmp_path: Path, workbooks: tuple[Made, Any]
) -> None:
    """Workbooks in a random order, alone or together, SIGKILL in between, then to the end."""
    chance = random.Random(SEED)  # noqa: S311  reproducible disorder
    made = Made(tmp_path)
    made.lake("tables", "apply")
    files = _landed(workbooks[0])
    chance.shuffle(files)
    watcher = _Watcher(made)
    watcher.start()
    killed = 0
    while files or killed < KILLS:
        together_now = [files.pop() for _ in range(min(len(files), chance.choice((1, 3))))]
        _put(workbooks[0], made, together_now)
        running = made.start("run")
        try:
            running.wait(timeout=chance.uniform(6, 30) if killed < KILLS else None)
        except subprocess.TimeoutExpired:
            _kill(running)
            killed += 1
    made.lake("run")
    watcher.end()
    assert killed >= KILLS
    assert watcher.reads > 0
    assert made.checksums() == workbooks[0].checksums()
    before = made.heads()
    made.lake("run")
    assert made.heads() == before


def test_two_runs_at_once_end_well(tmp_path: Path, workbooks: tuple[Made, Any]) -> None:
    """Both end with 0, or one with 75 and who holds what; no row doubled or lost."""
    made = Made(tmp_path)
    made.lake("tables", "apply")
    _put(workbooks[0], made, _landed(workbooks[0]))
    both = [made.start("run", said=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate(timeout=900)[0] for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 0], [0, 75]), said
    assert codes == [0, 0] or any("is held by process" in text for text in said)
    assert made.checksums() == workbooks[0].checksums()


def test_a_landing_killed_anywhere_is_finished_by_the_same_command(
    tmp_path: Path, recorded: Path, workbooks: tuple[Made, Any]
) -> None:
    """SIGKILL while landing leaves nothing half: the bronze files are the same in the end."""
    chance = random.Random(SEED + 1)  # noqa: S311  reproducible disorder
    made = Made(tmp_path)
    files = _files(recorded)
    for file, stream in files:
        landing = made.start("land", str(file), "--to", stream)
        time.sleep(chance.uniform(0.5, 2.5))
        _kill(landing)
        made.lake("land", str(file), "--to", stream)
    landed = {p.name for p in (tmp_path / "bronze").rglob("*.jsonl.gz")}
    expected = {
        p.name
        for p in (workbooks[0].home / "bronze").rglob("*.jsonl.gz")
        if "calendar" not in p.parts
    }
    assert landed == expected
    assert not list((tmp_path / "bronze").rglob("*.part"))
