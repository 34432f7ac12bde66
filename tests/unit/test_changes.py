"""Which snapshots count since a cursor, and which days their partitions are."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from lakehouse import changes
from lakehouse.snapshots import History

#     1 ── 2 ── 3 ── 4 (main)
#          └─── 5 ── 6 (rolled back)
PARENTS = {1: None, 2: 1, 3: 2, 4: 3, 5: 2, 6: 5, 9: None}


def history(main: int = 4, replaced: tuple[int, ...] = (), gone: tuple[int, ...] = ()) -> History:
    """That history; some snapshots are compactions, some expired."""
    return History.parse(
        "t",
        {
            "snapshots": [
                {
                    "snapshot-id": number,
                    "parent-snapshot-id": parent,
                    "timestamp-ms": -number,
                    "summary": {"operation": "replace" if number in replaced else "append"},
                }
                for number, parent in PARENTS.items()
                if number not in gone
            ],
            "refs": {"main": {"snapshot-id": main}},
        },
    )


@pytest.mark.parametrize(
    ("cursor", "expected"),
    [
        (4, []),
        (3, [4]),
        (1, [2, 3, 4]),
        (6, [3, 4, 5, 6]),
        (5, [3, 4, 5]),
        (9, None),
        (None, None),
        (77, None),
    ],
)
def test_since_a_cursor(cursor: int | None, expected: list[int] | None) -> None:
    """New snapshots count, and after a rollback the lost ones too; a lost way means all."""
    found = changes.since(history(), cursor)
    assert (None if found is None else sorted(found)) == expected


def test_a_rollback_alone() -> None:
    """Main set back: what was lost counts."""
    assert sorted(changes.since(history(main=2), 4) or ()) == [3, 4]


def test_compaction_changes_no_row() -> None:
    """A replaced file is the same rows in another one."""
    assert changes.since(history(replaced=(3, 4)), 2) == []
    assert changes.since(history(replaced=(3,)), 2) == [4]


def test_an_expired_ancestor() -> None:
    """A way that is cut between cursor and head is lost: everything is recomputed."""
    assert changes.since(history(gone=(2,)), 1) is None
    assert changes.since(history(gone=(1,)), 2) is not None


def test_days_of_paths() -> None:
    """Partition paths of days; another partitioning is unknown, so all."""
    paths = {"event_ts_day=2025-08-26", "event_ts_day=2025-12-31"}
    assert changes.partition_days(paths) == {date(2025, 8, 26), date(2025, 12, 31)}
    assert changes.partition_days(set()) == set()
    assert changes.partition_days({"obs_ts_month=2025-08"}) is None
    assert changes.partition_days({""}) is None


def test_months_of_paths() -> None:
    """Partition paths of months as ranges, December included; another one is unknown."""
    found = changes.months({"obs_ts_month=2025-12", "obs_ts_month=2024-02"})
    assert found == [
        (date(2024, 2, 1), date(2024, 3, 1)),
        (date(2025, 12, 1), date(2026, 1, 1)),
    ]
    assert changes.months({"event_ts_day=2025-08-26"}) is None


def test_utc_days() -> None:
    """Every UTC day from one instant to another, both inclusive, zones converted."""
    madrid = timezone(timedelta(hours=2))
    start, end = datetime(2025, 8, 26, 1, tzinfo=madrid), datetime(2025, 8, 27, 1, tzinfo=madrid)
    assert changes.utc_days(start, end) == {date(2025, 8, 25), date(2025, 8, 26)}
    assert changes.utc_days(start, start) == {date(2025, 8, 25)}
