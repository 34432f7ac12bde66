"""Two states of a table, and how they differ: as sentences, as lines, and as one object."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyiceberg.schema import Schema

    from console.reading import Lake, Moment


@dataclass(frozen=True)
class State:
    """A table at a moment: its snapshot (None: before the first) and the columns it had."""

    snapshot_id: int | None
    schema: Schema

    @classmethod
    def of(cls, lake: Lake, name: str, moment: Moment) -> State:
        """The table at that moment. Raises UsageError for a moment it does not know."""
        return cls(lake.snapshot(name, moment), lake.schema(name, moment))


@dataclass(frozen=True)
class Counts:
    """Rows by what became of them; `duplicates` are keys that stand for several rows."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    duplicates: int = 0


@dataclass(frozen=True)
class Difference:
    """Two states compared. Each of `rows` has change, key, and old and new values by column.

    `change` is added, removed, changed, or duplicate: of such a key it is not known which row
    became which, so only the numbers of rows are told.
    """

    table: str
    states: tuple[State, State]
    key: list[str]
    columns: list[str]
    counts: Counts
    rows: list[dict[str, Any]] = field(default_factory=list)

    def nested(self) -> dict[str, Any]:
        """As one JSON object; snapshot ids as text, because JavaScript rounds them."""
        ids = [None if s.snapshot_id is None else str(s.snapshot_id) for s in self.states]
        facts = {"table": self.table, "from": ids[0], "to": ids[1], "key": self.key}
        return {**facts, "compared": self.columns, **asdict(self.counts), "rows": self.rows}

    def words(self) -> list[str]:
        """What was compared and how much differs, as sentences."""
        ids = [s.snapshot_id for s in self.states]
        old, new = (f"snapshot {i}" if i else "no rows" for i in ids)
        by = f"by {', '.join(self.key)}" if self.columns else "as whole rows, for want of a key"
        n = self.counts
        said = [
            f"{self.table}: {old} → {new}, {by}",
            f"{n.added:,} added, {n.removed:,} removed, {n.changed:,} changed",
        ]
        if n.duplicates:
            said.append(
                f"{n.duplicates:,} keys stand for several rows and differ: they are not among these"
            )
        return said

    def flat(self) -> list[dict[str, Any]]:
        """One line a changed column; one line an added, removed or duplicate row."""
        found = []
        for row in self.rows:
            start = {"change": row["change"], **row["key"]}
            if row["change"] == "duplicate":
                found.append({**start, "column": "rows", **row["rows"]})
                continue
            columns = row["columns"] if row["change"] == "changed" else {None: {}}
            found += [
                {**start, "column": name, "old": pair.get("old"), "new": pair.get("new")}
                for name, pair in columns.items()
            ]
        return found
