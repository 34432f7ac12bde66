"""What is published together stays together, whatever maintenance writes anew."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.maintenance import pair
from jobs.maintenance.compaction import stretches
from lakehouse.snapshots import History

PEER, RECORD = "g.peer", "g.record"
Commit = tuple[int, str, dict[str, Any]]


def line(table: str, *commits: Commit) -> History:
    """One line of commits: (id, operation, receipt)."""
    snapshots = [
        {
            "snapshot-id": snapshot_id,
            "parent-snapshot-id": commits[n - 1][0] if n else None,
            "timestamp-ms": n,
            "summary": {"operation": operation, **{f"lake.{k}": v for k, v in says.items()}},
        }
        for n, (snapshot_id, operation, says) in enumerate(commits)
    ]
    head = {"main": {"snapshot-id": commits[-1][0], "type": "branch"}}
    return History.parse(table, {"snapshots": snapshots, "refs": head})


def record(peer: int) -> History:
    """A commit record that names the peer's snapshot."""
    return line(RECORD, (50, "append", {"run": "a", "peers": f'{{"peer":{peer}}}'}))


@pytest.mark.parametrize(
    ("commits", "moved"),
    [
        ([(1, "append", {})], {}),
        ([(1, "append", {}), (2, "replace", {}), (3, "replace", {})], {"peer": 3}),
        ([(1, "append", {}), (2, "append", {}), (3, "replace", {})], {}),
        ([(2, "append", {}), (3, "replace", {})], {}),
    ],
)
def test_the_record_follows_compaction_alone(commits: list[Commit], moved: dict[str, int]) -> None:
    """It names the new head where nothing but files changed; never over a change of rows."""
    assert pair.moved({PEER: line(PEER, *commits), RECORD: record(1)}, RECORD) == moved


def test_before_the_first_publish_nothing_follows() -> None:
    """A record without a receipt names nobody."""
    found = {PEER: line(PEER, (1, "append", {})), RECORD: line(RECORD, (50, "append", {}))}
    assert pair.moved(found, RECORD) == {}


def test_every_kept_record_keeps_its_peers() -> None:
    """The peers of each receipt that stays are told, of those that go not."""
    found = line(
        RECORD,
        (50, "append", {"run": "a", "peers": '{"peer":1}'}),
        (51, "append", {"run": "b", "peers": '{"peer":2}'}),
        (52, "replace", {}),
    )
    assert pair.peers(found, {51: "", 52: ""}, "peer") == {2}
    assert pair.peers(found, {50: "", 51: ""}, "peer") == {1, 2}
    assert pair.peers(found, {50: ""}, "other") == set()


def test_others_commits_part_ours() -> None:
    """Our commits are proven in stretches: what others changed in between is not ours to prove."""
    ours = {"via": "maintenance"}
    found = line(
        PEER,
        (1, "append", {}), (2, "replace", ours), (3, "replace", ours),
        (4, "append", {}), (5, "replace", ours), (6, "replace", {}),
    )  # fmt: skip
    newest_first = list(found.lineage())[:-1]
    assert [(a.id, b.id) for a, b in stretches(newest_first)] == [(2, 3), (5, 5)]
