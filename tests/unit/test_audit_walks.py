"""Diff and blame against a model that copies every state, on tables that change at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from console.audit.diff import diff
from console.audit.versions import Versions
from console.reading import Moment
from tests.unit.audited import ID, NAME, Walk, reader

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = range(3)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_pair_of_states_differs_as_the_model_says(tmp_path: Path, seed: int) -> None:
    """Whatever happened in between, either way: the rows and values of two full copies."""
    walk = Walk(tmp_path, seed).go(7)
    lake, states = reader(walk.settings), walk.past.states
    for old in states[::4]:
        for new in states[::3]:
            moments = Moment(snapshot_id=old.snapshot_id), Moment(snapshot_id=new.snapshot_id)
            found = diff(lake, NAME, *moments, key="id")
            said = [
                (line["change"], line["id"], line["column"], line["old"], line["new"])
                for line in found.flat()
            ]
            assert sorted(said, key=repr) == walk.past.diff(old, new, ID)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_row_has_the_versions_the_model_says(tmp_path: Path, seed: int) -> None:
    """Rows there are and rows there were: each version with the snapshot that made it."""
    walk = Walk(tmp_path, seed).go(7)
    versions = Versions(reader(walk.settings), NAME, "id")
    found = versions.find("true")
    assert {key[0] for key in found.now} == walk.rows.keys()
    everyone = {key for state in walk.past.states for key in state.rows}
    assert {key[0] for key in found.ever} == everyone
    told, noted = versions.of(found.ever), walk.commits()
    for (key,), events in told.items():
        said = [
            (noted[e.snapshot.id], *(rows[0] if rows else None for rows in (e.removed, e.added)))
            for e in events
        ]
        assert said == walk.past.events(key, walk.names)
