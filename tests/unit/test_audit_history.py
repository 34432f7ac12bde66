"""`lake history`: what a snapshot changed, who made it, and when it was current."""

from __future__ import annotations

from typing import Any

import pytest

from console.audit.history import Change, brief, lines, moment
from tests.unit.test_snapshots import at, commit, history

COUNTS = '{"rows_in":9,"inserted":3,"updated":2,"unchanged":4}'
CHANGES: dict[str, tuple[dict[str, str], tuple[Any, ...]]] = {
    "the receipt counts": (
        {"lake.job": "d.t", "lake.counts": COUNTS, "added-records": "5"},
        (3, 2, 0, "receipt"),
    ),
    "gold's letters": (
        {"lake.job": "d.t", "lake.counts": '{"g":1,"i":2,"n":7,"u":3}'},
        (2, 3, 1, "receipt"),
    ),
    "nothing counted is nothing changed": (
        {"lake.job": "d.t", "lake.counts": "{}", "added-records": "0"},
        (0, 0, 0, "receipt"),
    ),
    "another table's receipt": (
        {"lake.job": "d.other", "lake.counts": COUNTS, "added-records": "1"},
        (1, 0, 0, "summary"),
    ),
    "no receipt": ({"added-records": "4", "deleted-records": "1"}, (4, None, 1, "summary")),
    "merge-on-read": ({"added-position-deletes": "2"}, (0, 0, 2, "summary")),
    "compaction": (
        {"operation": "replace", "lake.job": "d.t", "lake.counts": COUNTS, "added-records": "9"},
        (0, 0, 0, "summary"),
    ),
}


@pytest.mark.parametrize("what", list(CHANGES))
def test_rows_added_changed_and_removed(what: str) -> None:
    """The run's own counts where it is its table; else the summary's, a change unknown."""
    summary, expected = CHANGES[what]
    made = commit(1, None)
    made["summary"] |= summary
    (snapshot,) = history(made, main=1).snapshots.values()
    found = Change.of("d.t", snapshot)
    assert (found.added, found.changed, found.removed, found.said_by) == expected


def test_a_line_says_when_it_was_written_and_current() -> None:
    """Of a branch: written when it was, current when published; twice after a rollback."""
    log = [(1, 1), (5, 2), (6, 1), (8, 3)]
    found = history(commit(1, None), commit(2, 1), commit(3, 1), main=3, log=log, side=2)
    newest, side, first = lines("d.t", found)
    assert (side["written_at"], side["made_current_at"]) == (moment(at(2)), moment(at(5)))
    assert (side["on_main"], side["refs"], newest["on_main"]) == (False, "side", True)
    assert first["current"] == [
        {"from": moment(at(1)), "until": moment(at(5))},
        {"from": moment(at(6)), "until": moment(at(8))},
    ]
    assert newest["current"] == [{"from": moment(at(8)), "until": None}]
    assert [row["snapshot_id"] for row in brief([newest])] == ["3"]


def test_a_line_says_who_and_from_what() -> None:
    """Run, job, code, contract and the sources' snapshots; maintenance is said to be itself."""
    made = commit(1, None)
    receipt = {"run": "r", "job": "d.t", "code": "c", "contract": "2", "inputs": "i"}
    made["summary"] |= {f"lake.{name}": value for name, value in receipt.items()}
    made["summary"] |= {"lake.cursor": '{"stops":8316981820466504621}'}
    kept = commit(2, 1)
    kept["summary"] |= {**made["summary"], "operation": "replace", "lake.via": "maintenance"}
    upkeep, run = lines("d.t", history(made, kept, main=2))
    assert {name: run[name] for name in receipt} == receipt
    assert run["sources"] == {"stops": "8316981820466504621"}
    assert upkeep["run"] == "maintenance"
