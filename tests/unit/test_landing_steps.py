"""Killed anywhere, repeated, or at work with others: never lost, never doubled."""

from __future__ import annotations

import gzip
import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from landing_files import NOW, STOP, STOPS, drop, json_lines, tree, workbook

from ingestion.bronze import Bronze, Stream
from ingestion.landing import land, strays, sweep, waiting
from ingestion.quarantine import quarantined
from lakehouse.errors import BusyError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "good": json_lines(STOP, STOP),
    "partly": json_lines(STOP) + b"[1]\n",
    "bad": b"{",
    "workbook": workbook([["node", "name"], ["1", "a"]]),
}


class Killed(Exception):  # noqa: N818 - it is an event, not an error
    """The process ended here."""


class Steps:
    """Hears the steps of a landing, and ends it before the one of this number."""

    def __init__(self, last: int | None = None) -> None:
        self.names: list[str] = []
        self.last = last

    def __call__(self, name: str) -> None:
        """Hear of a step."""
        if len(self.names) == self.last:
            raise Killed
        self.names.append(name)


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_killed_landing_is_finished_by_the_next(tmp_path: Path, content: bytes) -> None:
    """Ended before any of its steps and landed again, the lake is the same as undisturbed."""
    steps = Steps()
    drop(tmp_path / "whole", content, step=steps)
    whole = tree(tmp_path / "whole")
    assert len(steps.names) >= 4
    for last in range(len(steps.names)):
        root = tmp_path / str(last)
        with pytest.raises(Killed):
            drop(root, content, step=Steps(last))
        assert content in tree(root / "raw").values()
        (landed,) = sweep(root, now=NOW, location=None, settle_sec=0)
        assert tree(root) == whole, steps.names[last]
        assert landed.status in {"landed", "partly", "quarantined", "known"}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_landing_the_same_bytes_again_changes_nothing(tmp_path: Path, content: bytes) -> None:
    """Known by content, not by name or day; what is in quarantine is said again."""
    first = drop(tmp_path, content, name="a")
    before = tree(tmp_path)
    steps = Steps()
    again = tmp_path / "b"
    again.write_bytes(content)
    later = NOW + timedelta(days=1)
    landed = land(tmp_path, again, STOPS, now=later, location=None, keep_source=False, step=steps)
    assert (landed.status, landed.rows) == ("known", 0)
    assert (landed.reason, landed.bad_rows) == (first.reason, first.bad_rows)
    assert tree(tmp_path) == before
    assert "rows" not in steps.names


def test_the_same_bytes_in_two_streams_are_two_files(tmp_path: Path) -> None:
    """A file that was landed to the wrong stream can still be landed to the right one."""
    content = json_lines({"line": 1, "label": "1", "stops": []})
    wrong = drop(tmp_path, content)
    right = drop(tmp_path, content, stream=Stream("emt", "timetables"))
    assert [wrong.status, right.status] == ["quarantined", "landed"]


def test_bronze_without_its_original_is_finished_under_the_first_name(tmp_path: Path) -> None:
    """Killed between the two, and renamed before it comes again: bronze still names a file."""
    content = FILES["good"]
    with pytest.raises(Killed):
        drop(tmp_path, content, name="first.jsonl", step=Steps(2))
    assert Bronze(tmp_path).find(STOPS, drop(tmp_path / "x", content).sha256)
    landed = drop(tmp_path, content, name="second.jsonl")
    assert landed.bronze is not None
    with gzip.open(landed.bronze) as lines:
        uri = json.loads(next(lines))["origin"]["uri"]
    assert (tmp_path / uri).read_bytes() == content
    assert [path.name for path in (tmp_path / uri).parent.iterdir()] == ["first.jsonl"]


def test_a_users_own_file_is_left_where_it_is(tmp_path: Path) -> None:
    """What was not put into raw is the user's, landed or not."""
    for name, content in FILES.items():
        file = tmp_path / name
        file.write_bytes(content)
        land(tmp_path / "lake", file, STOPS, now=NOW, location=None, keep_source=True)
        assert file.read_bytes() == content


def test_a_file_that_is_written_meanwhile_is_not_removed(tmp_path: Path) -> None:
    """What stands in raw is removed only if it is what was landed; the rest comes next time."""
    file = tmp_path / "raw/emt/stops/growing"

    def write_on(step: str) -> None:
        if step == "clean":
            with file.open("ab") as out:
                out.write(json_lines(STOP | {"node": "2"}))

    drop(tmp_path, json_lines(STOP), name="growing", step=write_on)
    (landed,) = sweep(tmp_path, now=NOW, location=None, settle_sec=0)
    assert (landed.status, landed.rows) == ("landed", 2)
    assert not file.exists()


def test_a_file_that_is_written_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """Half a file is neither landed nor quarantined."""

    def write_on(step: str) -> None:
        if step == "read":
            (tmp_path / "raw/emt/stops/growing").write_bytes(json_lines(STOP, STOP))

    with pytest.raises(BusyError, match="still being written"):
        drop(tmp_path, json_lines(STOP), name="growing", step=write_on)
    assert list(tree(tmp_path)) == ["raw/emt/stops/growing"]


def test_a_sweep_takes_what_is_whole_and_leaves_the_rest(tmp_path: Path) -> None:
    """Everything below a stream's folder is landed; hidden, unfinished and foreign files stay."""
    taken = ["emt/stops/a", "emt/stops/year=2025/month=08/b", "emt/incidents/c"]
    left = ["emt/stops/.hidden", "emt/stops/x.part", "emt/stops/~$book.xlsx", "emt/stops/.t/x"]
    stray = ["emt/stray", "stray", "emt/nothing/stray", "Emt/stops/stray"]
    for number, name in enumerate(taken + left + stray):
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(json_lines(STOP | {"guid": str(number)}))
    outside = tmp_path / "secret"
    outside.write_bytes(json_lines(STOP))
    (tmp_path / "raw/emt/stops/link").symlink_to(outside)
    landed = sweep(tmp_path, now=NOW, location=None, settle_sec=0)
    assert {str(done.file.relative_to(tmp_path / "raw")) for done in landed} == set(taken)
    assert {done.status for done in landed} == {"landed"}
    raw = {str(path.relative_to(tmp_path / "raw")) for path in strays(tmp_path)}
    assert raw == {*stray, "emt/stops/link"}
    assert set(tree(tmp_path / "raw")) == {*left, *stray, "emt/stops/link"}


def test_one_bad_file_never_stops_the_others(tmp_path: Path) -> None:
    """A sweep handles every file, whatever the ones before it were."""
    folder = tmp_path / "raw/emt/stops"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    landed = sweep(tmp_path, now=NOW, location=None, settle_sec=0)
    assert {done.file.name: done.status for done in landed} == {
        "bad": "quarantined", "good": "landed", "partly": "partly", "workbook": "landed",
    }  # fmt: skip
    assert tree(tmp_path / "raw") == {}
    assert len(quarantined(tmp_path)) == 2


def test_a_fresh_file_is_looked_at_twice(tmp_path: Path) -> None:
    """An old file is not waited for; one that has just changed is given time to change again."""
    folder = tmp_path / "raw/emt/stops"
    folder.mkdir(parents=True)
    (folder / "old").write_bytes(b"{")
    os.utime(folder / "old", (1, 1))
    assert waiting(tmp_path, settle_sec=3600) == [(folder / "old", STOPS)]
    (folder / "fresh").write_bytes(b"{")
    assert len(waiting(tmp_path, settle_sec=0.05)) == 2


def test_what_is_no_file_is_a_usage_error(tmp_path: Path) -> None:
    """A folder or nothing at all is a mistake in the call, not a bad file."""
    for path, reason in ((tmp_path, "a folder"), (tmp_path / "x", "not there")):
        with pytest.raises(UsageError, match=reason):
            land(tmp_path, path, STOPS, now=NOW, location=None, keep_source=True)


def test_quarantine_is_listed_the_oldest_first(tmp_path: Path) -> None:
    """The list is what the entries say, in the order they came."""
    for hours, content in ((2, b""), (1, b"["), (3, b"{")):
        file = tmp_path / f"f{hours}"
        file.write_bytes(content)
        now = NOW + timedelta(hours=hours)
        land(tmp_path, file, STOPS, now=now, location=None, keep_source=True)
    entries = quarantined(tmp_path)
    assert [entry.name for entry in entries] == ["f1", "f2", "f3"]
    assert entries[2].at == "2025-08-29T15:00:00.000000Z"
    assert (tmp_path / entries[2].file).read_bytes() == b"{"
