"""Histories read from table metadata: lineages, receipts, rollbacks, times, pairs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from lakehouse.snapshots import History, together

START = datetime(2025, 8, 26, 10, tzinfo=timezone.utc)


def commit(number: int, parent: int | None, **summary: str) -> dict[str, Any]:
    """A snapshot as metadata says it; `number` is its id, its sequence and its minute."""
    found: dict[str, Any] = {
        "snapshot-id": number,
        "sequence-number": number,
        "timestamp-ms": at(number),
        "summary": {"operation": "append", **{k.replace("_", "."): v for k, v in summary.items()}},
    }
    return found if parent is None else {**found, "parent-snapshot-id": parent}


def at(minute: int) -> int:
    """A minute in milliseconds since 1970."""
    return int((START + timedelta(minutes=minute)).timestamp() * 1000)


def history(*snapshots: dict[str, Any], main: int | None, log: Any = (), **refs: int) -> History:
    """A table's history."""
    heads = {**refs, **({} if main is None else {"main": main})}
    return History.parse(
        "t",
        {
            "snapshots": list(snapshots),
            "refs": {name: {"snapshot-id": head} for name, head in heads.items()},
            "snapshot-log": [{"timestamp-ms": at(m), "snapshot-id": s} for m, s in log],
        },
    )


RUNS = history(
    commit(1, None),
    commit(2, 1, lake_run="a", lake_peers='{"t1":7}'),
    commit(3, 2),
    commit(4, 1, lake_run="b"),
    main=3,
    side=4,
)


def test_a_lineage_is_newest_first() -> None:
    """Ancestors by parent, whatever other branches there are."""
    assert [s.id for s in RUNS.lineage()] == [3, 2, 1]
    assert [s.id for s in RUNS.lineage(4)] == [4, 1]
    assert list(RUNS.lineage(99)) == []
    assert RUNS.head("side") == 4
    assert RUNS.head("nowhere") is None


def test_an_empty_table() -> None:
    """A table without a commit has no head, no lineage and no receipt."""
    empty = History.parse("t", {"snapshots": None, "refs": None, "snapshot-log": None})
    assert empty.head() is None
    assert list(empty.lineage()) == []
    assert empty.newest_receipt() is None
    assert empty.current_at(START) is None


def test_receipts() -> None:
    """The newest receipt of a lineage; commits without one are passed over, JSON is read."""
    found = RUNS.newest_receipt()
    assert found is not None
    snapshot, receipt = found
    assert (snapshot.id, receipt) == (2, {"run": "a", "peers": {"t1": 7}})
    assert RUNS.newest_receipt(1) is None


def test_a_run_counts_on_main_only() -> None:
    """A run on a branch, or rolled back, has not happened."""
    ran = RUNS.of_run("a")
    assert ran is not None
    assert ran.id == 2
    assert RUNS.of_run("b") is None


def test_holding_a_commit() -> None:
    """On main, or expired from its beginning: held. Rolled back: not."""
    assert RUNS.holds(2, 2)
    assert not RUNS.holds(4, 4)
    expired = history(commit(5, 4), commit(6, 5), main=6)
    assert expired.holds(3, 3)
    assert not expired.holds(9, 9)
    whole = history(commit(1, None), main=1)
    assert not whole.holds(3, 0)


@pytest.mark.parametrize(("minute", "expected"), [(0, None), (1, 1), (4, 2), (5, 1), (9, 1)])
def test_what_was_current_then(minute: int, expected: int | None) -> None:
    """By when a snapshot became current: a rollback makes the old one current again."""
    found = history(commit(1, None), commit(2, 1), main=1, log=[(1, 1), (3, 2), (5, 1)])
    assert found.current_at(START + timedelta(minutes=minute)) == expected
    madrid = (START + timedelta(minutes=minute)).astimezone(timezone(timedelta(hours=2)))
    assert found.current_at(madrid) == expected


def test_a_pair_is_what_the_record_names() -> None:
    """The commit table's receipt names its peer's snapshot, whatever main of the peer is."""
    peer = history(commit(7, None, lake_run="a"), commit(8, 7, lake_run="c"), main=8)
    pair = together({"d.t1": peer, "d.t2": RUNS}, "d.t2")
    assert pair is not None
    assert (pair.run_id, pair.snapshots) == ("a", {"d.t1": 7, "d.t2": 3})
    assert together({"d.t1": peer, "d.t2": RUNS}, "d.t2", head=1) is None


def test_columns_of_the_current_schema() -> None:
    """Names and types are those of the current schema, lists written out."""
    fields = [
        {"name": "a", "type": "long"},
        {"name": "b", "type": {"type": "list", "element": "string"}},
    ]
    schemas = [{"schema-id": 0, "fields": []}, {"schema-id": 1, "fields": fields}]
    found = History.parse("t", {"schemas": schemas, "current-schema-id": 1})
    assert found.columns == {"a": "long", "b": "list<string>"}


def test_a_whole_log_answers_for_any_time() -> None:
    """A log that begins with the table's first commit hides nothing, whatever expired since."""
    found = history(commit(1, None), commit(2, 1), main=2, log=[(1, 1), (2, 2)])
    assert found.known_since is None
    assert history(main=None).known_since is None


def test_a_first_publication_by_a_branch_hides_nothing() -> None:
    """Main may begin with a branch's head: all sequence numbers are there, nothing was expired."""
    found = history(commit(1, None), commit(2, 1), main=2, log=[(5, 2)])
    whole = History.parse("t", {**found.metadata, "last-sequence-number": 2})
    assert whole.known_since is None
    assert whole.became_current == {1: at(5), 2: at(5)}


CUT = {
    "the beginning": (commit(3, 2), [(3, 3)], {3: 3}),
    "in between, by PyIceberg": (commit(4, 3), [(1, 1), (4, 4)], {1: 1, 4: 4}),
    "before a rollback": (commit(5, 1), [(9, 1), (10, 5)], {1: 9, 5: 10}),
}


@pytest.mark.parametrize("what", list(CUT))
def test_an_expired_past_is_not_known(what: str) -> None:
    """Since the last entry whose predecessor is lost, and no sooner, it is known what was."""
    last, log, expected = CUT[what]
    found = history(commit(1, None), last, main=last["snapshot-id"], log=log)
    found = History.parse("t", {**found.metadata, "last-sequence-number": 9})
    assert found.known_since == at(9 if "rollback" in what else last["snapshot-id"])
    assert found.became_current == {s: at(minute) for s, minute in expected.items()}


def test_rows_become_current_with_the_head_upon_them() -> None:
    """Inner commits of a branch stand on main with its head; a rollback makes nothing new."""
    branch = (commit(1, None), commit(2, 1), commit(3, 2), commit(4, 1))
    found = history(*branch, main=1, log=[(1, 1), (7, 3), (8, 1)], side=4)
    assert found.became_current == {1: at(1), 2: at(7), 3: at(7)}


def test_what_stood_below_an_expired_past_is_not_known() -> None:
    """Below the first entry that is left nothing says when: it may have been current before."""
    found = history(commit(2, 1), commit(3, 2), commit(4, 3), main=4, log=[(6, 3), (7, 4)])
    cut = History.parse("t", {**found.metadata, "last-sequence-number": 4})
    assert cut.became_current == {3: at(6), 4: at(7)}
