"""Who made a row what it is, column by column, and what it was before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.audit.behind import Behind
from console.audit.fields import ALL, split
from console.audit.history import inputs, maker, moment
from console.audit.sources import Sources
from console.audit.versions import Versions
from console.reading import Moment
from ingestion import places
from lakehouse.errors import UsageError
from lakehouse.table import AUDIT_NAMES

if TYPE_CHECKING:
    from console.audit.versions import Event, Key, Row
    from console.reading import Lake
    from lakehouse.settings import Settings

CURRENT, EARLIER, GONE = "current", "earlier", "gone"
INSERTED, CHANGED, REMOVED, BEFORE = "inserted", "changed", "removed", "unknown before"
UNCLEAR = "several rows"
_WHO = ("run", "job", "code", "contract")


class Blame:
    """The makers of the rows of one table that a condition is true of, now or once."""

    def __init__(
        self, settings: Settings, lake: Lake, name: str, *, key: str = "", columns: str = ""
    ) -> None:
        self._lake = lake
        self._name = name
        self._versions = Versions(lake, name, key)
        self._history = lake.history(name)
        self._current = self._history.became_current
        self._sources = Sources(lake, places.root(settings))
        self._behind = Behind(lake, name)
        self._told = self._columns(columns)

    def _columns(self, asked: str) -> list[str]:
        """Columns to tell of: as asked, all, or all that neither are the key nor audit columns."""
        names = [f.name for f in self._lake.table(self._name).schema().fields]
        unknown = [n for n in split(asked) if n not in names and asked != ALL]
        if unknown:
            raise UsageError(f"{self._name} has no column {', '.join(unknown)}")
        if asked:
            return names if asked == ALL else split(asked)
        outside = (*self._versions.key, *AUDIT_NAMES)
        return [n for n in names if n not in outside]

    def rows(self, condition: str, limit: int, *, deep: bool) -> tuple[int, list[dict[str, Any]]]:
        """How many rows the condition is true of, now or once, and the story of the first ones.

        Rows it is true of now come first, then those it was true of. Raises UsageError for a
        condition that is none.
        """
        found = self._versions.find(condition)
        order = [*found.now, *(key for key in found.ever if key not in found.now)]
        chosen = {key: found.ever.get(key) or found.now[key] for key in order[:limit]}
        events = self._versions.of(chosen)
        stories = ((key, events[key]) for key in chosen if events[key])
        told = [self._row(key, story, now=key in found.now, deep=deep) for key, story in stories]
        return len(order), told

    def _row(self, key: Key, events: list[Event], *, now: bool, deep: bool) -> dict[str, Any]:
        numbers = _numbers(events)
        versions = [self._version(*each) for each in zip(events, numbers, strict=True)]
        status = CURRENT if now else EARLIER if numbers[0] else GONE
        row = next(e.added[0] for e in events if e.added)
        told = {
            "key": dict(zip(self._versions.key, key, strict=True)),
            "status": status,
            "columns": _makers(versions, row, self._told),
            "versions": versions,
        }
        if deep:
            made = next(e for e in events if e.added)
            told["behind"] = self._behind.of(row, made.snapshot)
        return told

    def _version(self, event: Event, number: int) -> dict[str, Any]:
        """One line of the row's story: what happened, who did it, from what."""
        snapshot, row = event.snapshot, (event.added or event.removed)[0]
        change = _change(event, number)
        facts = {
            "change": change,
            "snapshot_id": str(snapshot.id),
            "written_at": moment(snapshot.at_ms),
            "made_current_at": moment(self._current.get(snapshot.id)),
            "operation": snapshot.operation,
            **maker(snapshot),
            "inputs": {name: str(head) for name, head in inputs(snapshot).items()},
        }
        if change == BEFORE:
            facts |= self._forgotten(row, facts)
        if change == UNCLEAR:
            facts |= {"rows": number, "removed": event.removed, "added": event.added}
        source = None
        if event.added:
            source = self._sources.find(row.get("source_uri"), row.get("source_row"))
        return {**facts, "source": source, "columns": _changes(event, self._told)}

    def _forgotten(self, row: Row, oldest: dict[str, Any]) -> dict[str, Any]:
        """What the row itself and the index of runs say of a version whose snapshot was expired.

        `oldest` are the facts of the oldest snapshot there is: the version stood in it already.
        """
        run_id = row.get("run_id")
        said: dict[str, Any] = {}
        if run_id and "ops.run" in self._lake.tables():
            runs = self._lake.ask("select * from ops.run", Moment())
            mine = (r for r in runs if (r["run_id"], r["table_name"]) == (run_id, self._name))
            said = next(mine, {})
        snapshot_id = said.get("snapshot_id")
        return {
            "snapshot_id": None if snapshot_id is None else str(snapshot_id),
            "written_at": row.get("ingest_ts"),
            "made_current_at": None,
            "unknown_before": oldest["made_current_at"] or oldest["written_at"],
            "operation": None,
            "run": run_id,
            "job": self._name if run_id else None,
            "code": said.get("code_version"),
            "contract": None,
            "inputs": {},
        }


def _numbers(events: list[Event]) -> list[int]:
    """How many rows the key had after each event; more than one is a broken key."""
    found, number = [], 0
    for event in reversed(events):
        number += len(event.added) - len(event.removed)
        found.append(number)
    return found[::-1]


def _change(event: Event, number: int) -> str:
    before = number - len(event.added) + len(event.removed)
    if max(number, before) > 1:
        return UNCLEAR
    if not event.known:
        return BEFORE
    if event.added and event.removed:
        return CHANGED
    return INSERTED if event.added else REMOVED


def _changes(event: Event, names: list[str]) -> dict[str, dict[str, Any]]:
    """Old and new values of the columns that changed; of a new or vanished row, all of them."""
    old = event.removed[0] if event.removed else None
    new = event.added[0] if event.added else None
    if old is not None and new is not None:
        differ = [n for n in names if repr(old[n]) != repr(new[n])]
        return {n: {"old": old[n], "new": new[n]} for n in differ}
    side, row = ("new", new) if new is not None else ("old", old or {})
    return {n: {side: row[n]} for n in names}


def _makers(
    versions: list[dict[str, Any]], last: Row, names: list[str]
) -> dict[str, dict[str, Any]]:
    """Each column's value, and which version (by its place, newest 0) gave it that value."""
    made: dict[str, dict[str, Any]] = {}
    for place, version in enumerate(versions):
        if version["change"] == REMOVED:
            continue
        for name in version["columns"]:
            if name not in made:
                facts = {f: version[f] for f in (*_WHO, "snapshot_id", "made_current_at")}
                made[name] = {"value": last.get(name), "version": place, **facts}
        if version["change"] in (INSERTED, BEFORE, UNCLEAR):
            break
    return {name: made[name] for name in names if name in made}


def flat(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line a version: whose row, what happened, which columns are still its, who and whence."""
    return [
        {
            "status": row["status"] if place == 0 else "",
            **row["key"],
            "change": version["change"],
            "columns": _brief(row, place),
            **{fact: version[fact] for fact in ("made_current_at", *_WHO)},
            "snapshot_id": version["snapshot_id"],
            "source": _place(version["source"]),
        }
        for row in rows
        for place, version in enumerate(row["versions"])
    ]


def _brief(row: dict[str, Any], place: int) -> str:
    """What a version changed; of a row's first one, what is still as it was then."""
    version = row["versions"][place]
    if version["change"] == CHANGED:
        return ", ".join(f"{n}: {p['old']} → {p['new']}" for n, p in version["columns"].items())
    if version["change"] == REMOVED:
        return ""
    mine = [n for n, made in row["columns"].items() if made["version"] == place]
    return ", ".join(mine) if len(mine) < len(row["columns"]) else "all"


def _place(source: dict[str, Any] | None) -> str:
    """File and row, the request where one was made."""
    if source is None:
        return ""
    asked = source.get("request")
    request = " " + ", ".join(f"{k}={v}" for k, v in asked.items()) if asked else ""
    return f"{source['uri']}:{source['row']}{request}"


def flat_behind(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line a table that a row was made of."""
    return [
        {
            **row["key"],
            "table": one["table"],
            "snapshot_id": one["snapshot_id"] if one["as_read"] else "now: expired",
            "where": one["where"],
            "rows": one["rows"],
            "first": ", ".join(str(v) for v in one["first"][0].values()) if one["first"] else "",
        }
        for row in rows
        for one in row["behind"]
    ]
