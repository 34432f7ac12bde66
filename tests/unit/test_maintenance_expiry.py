"""No snapshot that anybody needs is ever in the expiry set.

The judge shares no code with the plan: it lets readers read what is left, one by one.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobs.maintenance import expiry
from jobs.maintenance.expiry import Consumer
from lakehouse.snapshots import History
from lakehouse.upkeep import DAY_MS, Upkeep

NOW = 100 * DAY_MS
Snap = dict[str, Any]


def metadata(snaps: list[Snap], refs: dict[str, Any], log: list[tuple[int, int]]) -> dict[str, Any]:
    """A metadata file of these snapshots (id, parent, at, and what their summary says)."""
    return {
        "snapshots": [
            {
                "snapshot-id": s["id"],
                "parent-snapshot-id": s["parent"],
                "timestamp-ms": s["at"],
                "sequence-number": s["id"],
                "summary": {"operation": s.get("op", "append"), **s.get("says", {})},
            }
            for s in snaps
        ],
        "refs": refs,
        "snapshot-log": [{"timestamp-ms": at, "snapshot-id": i} for at, i in log],
    }


def chain(count: int, days_apart: int = 1) -> list[Snap]:
    """One line of commits that ends now."""
    start = NOW - (count - 1) * days_apart * DAY_MS
    return [
        {"id": n, "parent": n - 1 if n > 1 else None, "at": start + (n - 1) * days_apart * DAY_MS}
        for n in range(1, count + 1)
    ]


def planned(
    snaps: list[Snap], upkeep: Upkeep, refs: dict[str, Any] | None = None, **more: Any
) -> expiry.Expiry:
    """The plan for one line of commits."""
    on_main = {"main": {"snapshot-id": snaps[-1]["id"], "type": "branch"}, **(refs or {})}
    log = [(s["at"], s["id"]) for s in snaps]
    found = History.parse("x.t", metadata(snaps, on_main, log))
    return expiry.plan(found, upkeep, NOW, **more)


def test_retention_by_days_and_by_number() -> None:
    """What was current in the days stays, the one before them included; so many at least."""
    gone = planned(chain(10), Upkeep(keep_days=3, keep_snapshots=1)).gone
    assert gone == (1, 2, 3, 4, 5)
    assert planned(chain(10, 30), Upkeep(keep_days=1, keep_snapshots=4)).gone == tuple(range(1, 7))
    assert planned(chain(3), Upkeep(keep_days=1, keep_snapshots=20)).gone == ()


def test_a_hold_keeps_everything() -> None:
    """A table that is held loses nothing, and says why."""
    told = planned(chain(9), Upkeep(keep_days=1, keep_snapshots=1, hold="a case in court"))
    assert told.gone == ()
    assert set(told.kept.values()) == {"hold: a case in court"}


def test_a_tag_goes_with_its_time_but_not_a_held_one() -> None:
    """A tag keeps its snapshot while it lasts; one that fits a hold outlasts its own time."""
    tag = {"snapshot-id": 2, "type": "tag", "max-ref-age-ms": DAY_MS}
    short = Upkeep(keep_days=1, keep_snapshots=1)
    assert 2 in planned(chain(9), short, {"try": tag}).gone
    held = planned(chain(9), short, {"audit-2026": tag})
    assert 2 not in held.gone
    assert held.lasting == ("audit-2026",)
    assert 2 not in planned(chain(9), short, {"try": {**tag, "max-ref-age-ms": 9 * DAY_MS}}).gone


def test_a_consumer_needs_the_way_too() -> None:
    """All from a cursor to the head stays; of several cursors of one reader the newest counts."""
    short = Upkeep(keep_days=1, keep_snapshots=1)
    told = planned(chain(9), short, consumers=[Consumer("gold", frozenset([2, 4]))])
    assert told.gone == (1, 2, 3)
    assert told.kept[4] == "cursor of gold"
    mark = {"consumer-bi": {"snapshot-id": 3, "type": "tag"}}
    assert planned(chain(9), short, mark).gone == (1, 2)


def test_the_newest_receipts_stay() -> None:
    """The newest receipt stays with the way to it, the newest of each other job by itself."""
    snaps = chain(9)
    snaps[1]["says"] = {"lake.run": "a", "lake.job": "old"}
    snaps[4]["says"] = {"lake.run": "b", "lake.job": "new"}
    told = planned(snaps, Upkeep(keep_days=1, keep_snapshots=1))
    assert told.gone == (1, 3, 4)


# The judge: a lake's past drawn at random, and readers who must find what they come for.


@st.composite
def pasts(draw: st.DrawFn) -> dict[str, Any]:
    """Commits on main and beside it, roll-backs, tags, branches, receipts, readers."""
    snaps: list[Snap] = []
    log: list[tuple[int, int]] = []
    main, at = None, NOW - draw(st.integers(0, 60)) * DAY_MS
    for number in range(1, draw(st.integers(1, 14)) + 1):
        at = min(NOW, at + draw(st.integers(0, 9)) * DAY_MS // 2)
        known = [s["id"] for s in snaps]
        if known and draw(st.integers(0, 5)) == 0:
            main = draw(st.sampled_from(known))  # set back, or a branch published
            log.append((at, main))
        beside = bool(known) and draw(st.integers(0, 4)) == 0
        parent = draw(st.sampled_from(known)) if beside else main
        says = {}
        if draw(st.booleans()):
            says = {"lake.run": f"r{number}", "lake.job": draw(st.sampled_from(("a", "b")))}
        operation = draw(st.sampled_from(("append", "overwrite", "replace")))
        snaps.append({"id": number, "parent": parent, "at": at, "says": says, "op": operation})
        if not beside:
            main = number
            log.append((at, number))
    ids = [s["id"] for s in snaps]
    refs = {
        name: {"snapshot-id": draw(st.sampled_from(ids)), "type": kind, **age}
        for name, kind, age in (
            ("audit-x", "tag", {"max-ref-age-ms": 1}), ("kept", "tag", {}),
            ("run_1", "branch", {}), ("consumer-bi", "tag", {}),
        )
        if draw(st.booleans())
    }  # fmt: skip
    refs["main"] = {"snapshot-id": main, "type": "branch"}
    return {
        "metadata": metadata(snaps, refs, log),
        "cursors": draw(st.lists(st.sampled_from(ids), max_size=3)),
        "peers": draw(st.lists(st.sampled_from(ids), max_size=2)),
        "days": draw(st.integers(1, 40)),
        "least": draw(st.integers(1, 6)),
    }


class Judge:
    """Reads a past of which some snapshots are gone."""

    def __init__(self, past: dict[str, Any], gone: tuple[int, ...]) -> None:
        self.past, self.gone = past, set(gone)
        self.parent = {
            s["snapshot-id"]: s["parent-snapshot-id"] for s in past["metadata"]["snapshots"]
        }
        self.main = past["metadata"]["refs"]["main"]["snapshot-id"]

    def line(self, head: int | None) -> list[int]:
        """The snapshot and all its ancestors, as they were."""
        return [] if head is None else [head, *self.line(self.parent[head])]

    def reads(self, *ids: int) -> None:
        """Assert that they are there."""
        assert not self.gone & set(ids), f"{self.gone & set(ids)} of {ids} are gone"

    def goes_on_from(self, cursor: int) -> None:
        """A reader walks from its cursor to main's head, by way of where they part."""
        mine, main = self.line(cursor), self.line(self.main)
        both = [i for i in mine if i in main]
        if both:
            self.reads(*mine[: mine.index(both[0]) + 1], *main[: main.index(both[0]) + 1])

    def asks_of_each_time(self) -> None:
        """Whatever was current within the days can be read."""
        log = [(e["timestamp-ms"], e["snapshot-id"]) for e in self.past["metadata"]["snapshot-log"]]
        for hours in range(self.past["days"] * 24 + 1):
            moment = NOW - hours * DAY_MS // 24
            current = [snapshot_id for at, snapshot_id in log if at <= moment]
            self.reads(*current[-1:])

    def finds_receipts(self) -> None:
        """The newest receipt is on an unbroken line, and the newest of each job is there."""
        says = {s["snapshot-id"]: s["summary"] for s in self.past["metadata"]["snapshots"]}
        signed = [i for i in self.line(self.main) if "lake.run" in says[i]]
        if signed:
            self.goes_on_from(signed[0])
        for job in ("a", "b"):
            self.reads(*[i for i in signed if says[i]["lake.job"] == job][:1])


@given(pasts())
def test_nothing_needed_goes(past: dict[str, Any]) -> None:
    """Tags, branches, cursors, pairs, receipts, as-of and the least number all find theirs."""
    upkeep = Upkeep(keep_days=past["days"], keep_snapshots=past["least"])
    consumers = [Consumer(f"c{n}", frozenset([c])) for n, c in enumerate(past["cursors"])]
    found = History.parse("x.t", past["metadata"])
    told = expiry.plan(found, upkeep, NOW, consumers, past["peers"])
    judge = Judge(past, told.gone)
    for name, ref in past["metadata"]["refs"].items():
        judge.reads(ref["snapshot-id"])
        if ref["type"] == "branch" or name.startswith("consumer"):
            judge.goes_on_from(ref["snapshot-id"])
    for cursor in past["cursors"]:
        judge.goes_on_from(cursor)
    judge.reads(*past["peers"], *judge.line(judge.main)[: past["least"]])
    judge.asks_of_each_time()
    judge.finds_receipts()
    assert set(told.gone) | set(told.kept) == set(judge.parent)
    assert not set(told.gone) & set(told.kept)
