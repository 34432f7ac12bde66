"""Which partitions are worth writing anew, and which are not."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from jobs.maintenance.layout import Deletes, File, Files, many_manifests, needs

DAY, NEXT = date(2026, 3, 1), date(2026, 3, 2)
MB = 1024 * 1024
TARGET = 100 * MB


def files(*data: File, deletes: tuple[Deletes, ...] = (), manifests: int = 1) -> Files:
    """A snapshot of these."""
    return Files(data, deletes, manifests, manifests * 5_000)


def why(*data: File, deletes: tuple[Deletes, ...] = ()) -> dict[date | None, str]:
    """The reasons by partition."""
    return {n.partition: n.why for n in needs(files(*data, deletes=deletes), TARGET)}


def test_only_partitions_with_many_small_files_are_written() -> None:
    """Three small files are, two are not; a neighbour without is left alone."""
    small = File(DAY, MB, 10)
    assert why(small, small, small, File(NEXT, MB, 10), File(NEXT, MB, 10)) == {
        DAY: "3 small files"
    }
    assert why(File(None, MB, 1), File(None, MB, 1), File(None, MB, 1)) == {None: "3 small files"}
    assert why(*[File(DAY, TARGET, 10)] * 9) == {}


def test_a_rewrite_must_pay() -> None:
    """Files just below the mark, which would not become half as many, stay as they are."""
    assert why(*[File(DAY, 70 * MB, 10)] * 4) == {}
    assert why(*[File(DAY, 40 * MB, 10)] * 4) == {DAY: "4 small files"}


def test_delete_files_are_taken_in_by_number_and_by_share() -> None:
    """Three delete files are too many, and so is a tenth of the rows; a few are not."""
    whole = File(DAY, TARGET, 1_000)
    assert why(whole, deletes=(Deletes(DAY, 5),) * 2) == {}
    assert why(whole, deletes=(Deletes(DAY, 5),) * 3) == {
        DAY: "3 delete files over 15 of 1000 rows"
    }
    assert why(whole, deletes=(Deletes(DAY, 101),)) == {DAY: "1 delete files over 101 of 1000 rows"}


def test_full_files_over_one_stretch_are_out_of_order() -> None:
    """Files that meet at an end, or small ones, break no order; overlapping ones are sorted."""
    first, last = File(DAY, TARGET, 9, "a", "m"), File(DAY, TARGET, 9, "m", "z")
    assert why(first, last, File(DAY, MB, 1, "a", "z")) == {}
    across = File(DAY, TARGET, 9, "l", "n")
    (need,) = needs(files(first, last, across), TARGET)
    assert (need.why, need.sort) == ("2 files over the same stretch of the sort", True)
    assert why(File(DAY, TARGET, 9), File(DAY, TARGET, 9)) == {}


def test_many_small_manifests_are_gathered() -> None:
    """Ten manifests are no burden, eleven small ones are."""
    assert many_manifests(files(manifests=10)) == ""
    assert many_manifests(files(manifests=11)) == "11 manifests of 5000 bytes"
    assert many_manifests(Files((), (), 11, 11 * 8 * MB)) == ""


@given(st.lists(st.integers(1, 3 * TARGET), max_size=40))
def test_what_was_written_needs_no_more(sizes: list[int]) -> None:
    """Whatever it was, files of the target's size that a rewrite leaves need no other one."""
    left = [TARGET] * (sum(sizes) // TARGET) + [sum(sizes) % TARGET or 1]
    assert needs(files(*(File(DAY, size, 1) for size in left)), TARGET) == []
