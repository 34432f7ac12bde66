"""What a target has not taken of a stream table yet: by snapshots, and by what it has taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.bronze.weatherapi_current import TABLE
from lakehouse import streams
from lakehouse.errors import UsageError
from lakehouse.snapshots import History
from lakehouse.streams import Part

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = "stream:bronze.weatherapi_current"
# 1 (genesis) ── 2 ── 3 ── 4 ── 5, and 9 that hangs on 2: what main was before it was set back.
ADDED = {1: 0, 2: 5, 3: 7, 4: 2, 5: 1, 9: 8}
PARENTS = {1: None, 2: 1, 3: 2, 4: 3, 5: 4, 9: 2}


def history(main: int = 5, gone: Iterable[int] = (), **operations: str) -> History:
    """That history; `s4="replace"` is another operation, `gone` are expired snapshots."""
    kinds = {number: operations.get(f"s{number}", "append") for number in ADDED}
    return History.parse(
        "t",
        {
            "snapshots": [
                {
                    "snapshot-id": number,
                    "parent-snapshot-id": PARENTS[number],
                    "timestamp-ms": number,
                    "summary": {
                        "operation": kinds[number],
                        "added-records": str(ADDED[number]),
                        "total-records": str(sum(n for s, n in ADDED.items() if s <= number)),
                    },
                }
                for number in ADDED
                if number not in gone
            ],
            "refs": {"main": {"snapshot-id": main}},
        },
    )


@pytest.mark.parametrize(
    ("taken", "changes", "expected"),
    [
        # Nothing taken yet: all there is.
        ((), {}, ["@..5"]),
        ((), {"main": 1}, []),
        (("bronze/weatherapi/current/date=2025-08-26/x.jsonl.gz",), {}, ["@..5"]),
        (("stream:bronze.other@..5",), {}, ["@..5"]),
        (("/" + "a" * 64,), {}, ["@..5"]),
        # Taken up to a snapshot: what was appended since.
        (("@..5",), {}, []),
        (("@..3",), {}, ["@3..5"]),
        (("@..2", "@2..4"), {}, ["@4..5"]),
        (("@2..4",), {}, ["@4..5"]),
        (("@..2",), {"main": 3}, ["@2..3"]),
        # Compaction changes no row, and is passed by.
        (("@..4",), {"s5": "replace"}, []),
        (("@..3",), {"s4": "replace"}, ["@3..5"]),
        # Any other change, or a way that is lost: the whole table.
        (("@..3",), {"s4": "overwrite"}, ["@..5"]),
        (("@..3",), {"s5": "delete"}, ["@..5"]),
        (("@..3",), {"gone": (1, 2, 3)}, ["@..5"]),
        (("@..2",), {"gone": (3,)}, ["@..5"]),
        (("@2..9",), {}, ["@..5"]),
        (("@..2", "@2..9"), {}, ["@2..5"]),
        (("@..3",), {"main": 1}, []),
    ],
)
def test_what_is_pending(taken: tuple[str, ...], changes: Any, expected: list[str]) -> None:
    """One range from the newest snapshot that was taken and is still an ancestor of main."""
    names = [NAME + name if name[0] in "@/" else name for name in taken]
    found = streams.pending(TABLE, history(**changes), names)
    assert found == [NAME + name for name in expected]


@pytest.mark.parametrize(
    ("taken", "changes", "why"),
    [
        ("@..3", {"s4": "overwrite", "s5": "delete"}, "delete, overwrite"),
        ("@..9", {}, "no longer in its history"),
        ("@..3", {"gone": (3,)}, "no longer in its history"),
        ("@..5", {}, ""),
        ("@..3", {"s4": "replace"}, ""),
    ],
)
def test_reading_all_again_is_loud(
    taken: str, changes: Any, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says why the whole table is read once more; the usual way says nothing."""
    streams.pending(TABLE, history(**changes), [NAME + taken])
    said = [r.facts["why"] for r in caplog.records]  # type: ignore[attr-defined]
    assert [why in one for one in said] == ([True] if why else [])


def test_the_first_reading_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Where nothing was lost nobody is told so."""
    assert streams.pending(TABLE, history(), [])
    assert caplog.records == []


@pytest.mark.parametrize(
    ("name", "rows"), [("@..3", 12), ("@3..5", 3), ("@2..5", 10), ("/" + "a" * 64, 1)]
)
def test_rows_of_a_part(name: str, rows: int) -> None:
    """Told by metadata alone, for a plan."""
    assert streams.count(history(), NAME + name) == rows


def test_rows_of_a_part_with_compaction() -> None:
    """What compaction wrote anew is not counted again."""
    assert streams.count(history(s4="replace"), NAME + "@2..5") == 8


@pytest.mark.parametrize("name", ["@..5", "@3..5", "/" + "0f" * 32])
def test_names_are_read_as_they_are_written(name: str) -> None:
    """A name is all that is kept of a part."""
    assert str(Part.parse(NAME + name)) == NAME + name


@pytest.mark.parametrize("name", ["", "@", "@..", "@5..", "/", "@..5/x", "@..5 "])
def test_other_names_are_refused(name: str) -> None:
    """A mistyped name never reads another part."""
    with pytest.raises(UsageError, match="part of a stream table"):
        Part.parse(NAME + name)


def test_how_far_names_reach() -> None:
    """A receipt's cursor: the head of each stream table that was read."""
    names = ["bronze/x.jsonl.gz", NAME + "@3..5", NAME + "/" + "a" * 64]
    assert streams.heads(names) == {"bronze.weatherapi_current": 5}
