"""Every version of a small table as full copies, and what differs between them: the slow way.

A column is known by a number of its own that never changes, as Iceberg's field ids are, so that
renaming, dropping and adding one of the same name are told apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Values = dict[int, Any]


@dataclass(frozen=True)
class State:
    """The table at one snapshot: names by column number, and the rows by key."""

    snapshot_id: int
    names: dict[int, str]
    rows: dict[int, Values]


@dataclass
class Past:
    """All states in order; the last one is the present."""

    states: list[State] = field(default_factory=list)

    def note(self, snapshot_id: int, names: dict[int, str], rows: dict[int, Values]) -> None:
        """Keep a copy of the table as it is after a commit."""
        copies = {key: dict(row) for key, row in rows.items()}
        self.states.append(State(snapshot_id, dict(names), copies))

    def diff(self, old: State, new: State, key: int) -> list[tuple[Any, ...]]:
        """(change, key, column's name, old, new) of each difference, in order."""
        found: list[tuple[Any, ...]] = []
        for one in old.rows.keys() | new.rows.keys():
            if one not in old.rows or one not in new.rows:
                found.append(("removed" if one in old.rows else "added", one, None, None, None))
                continue
            for column in (old.names.keys() | new.names.keys()) - {key}:
                before = old.rows[one].get(column) if column in old.names else None
                after = new.rows[one].get(column) if column in new.names else None
                if before != after:
                    name = new.names.get(column) or _gone(old.names[column], new)
                    found.append(("changed", one, name, before, after))
        return sorted(found, key=repr)

    def events(self, key: int, names: dict[int, str]) -> list[tuple[int, Any, Any]]:
        """(snapshot, row before, row after) wherever a row's columns of today changed."""
        found: list[tuple[int, Any, Any]] = []
        before = None
        for state in self.states:
            row = state.rows.get(key)
            after = None if row is None else {n: row.get(column) for column, n in names.items()}
            if before != after:
                found.append((state.snapshot_id, before, after))
            before = after
        return found[::-1]


def _gone(name: str, new: State) -> str:
    """A dropped column's name: told apart where another one has it now."""
    return f"{name} (dropped)" if name in new.names.values() else name
