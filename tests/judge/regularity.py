"""How evenly buses came: passages, pairs and waits, told again from polls in plain Python.

- An approach of a bus (or of a pair of buses) to a stop is a row of sightings in which what is
  promised never jumps by more than ten minutes from one to the next.
- A passage is an approach whose last sighting promised the bus within two minutes, if the line was
  polled at the stop again within five: it happened when that sighting promised it.
- A pair is seen where one poll names two buses as first and second; of an approach the last one
  tells how far apart they are, unless both were seen to pass, one right after the other.
- A person who comes at a random moment waits half of a headway, and finds long headways more often.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from .days import local

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .reading import Row

NEAR, SOON, NEXT_ROUND = timedelta(seconds=120), timedelta(seconds=300), timedelta(seconds=600)
Place = tuple[str, str]


def passages(arrivals: list[Row]) -> dict[Place, list[tuple[datetime, str]]]:
    """When which bus passed, by label and stop, in order."""
    polls: dict[Place, set[datetime]] = defaultdict(set)
    seen: dict[tuple[Place, str], list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in arrivals:
        polls[_place(row)].add(row["event_ts"])
        if row["bus"] is not None and row["estimate_arrive_sec"] is not None:
            seen[_place(row), row["bus"]].append((row["event_ts"], _due(row)))
    found: dict[Place, list[tuple[datetime, str]]] = defaultdict(list)
    for (place, bus), sightings in seen.items():
        for at, due in _last_of_approaches(sightings):
            after = min((poll for poll in polls[place] if poll > at), default=None)
            if due - at <= NEAR and after is not None and after - at <= SOON:
                found[place].append((due, bus))
    return {place: sorted(when) for place, when in found.items()}


def headways(arrivals: list[Row]) -> list[Row]:
    """One row for each pair of consecutive buses of a line at a stop."""
    passed = passages(arrivals)
    pairs: dict[tuple[Place, str, str], dict[datetime, tuple[Row, Row]]] = defaultdict(dict)
    for (place, at), first, second in _first_and_second(arrivals):
        pairs[place, first["bus"], second["bus"]][at] = (first, second)
    found = []
    for (place, ahead, behind), by_time in pairs.items():
        sightings = [(at, _due(first)) for at, (first, _) in by_time.items()]
        for at, due in _last_of_approaches(sightings):
            first, second = by_time[at]
            observed = _observed(passed.get(place, []), ahead, behind, due)
            apart = Fraction(second["estimate_arrive_sec"] - first["estimate_arrive_sec"])
            found.append(_row(first, behind, observed if observed is not None else apart, observed))
    return found


def _row(first: Row, behind: str, headway: Fraction, observed: Fraction | None) -> Row:
    least, most = first["expected_headway_min"], first["expected_headway_max_min"]
    return {
        "local_date": local(first["event_ts"]).date(),
        "label": first["label"],
        "stop_id": first["stop_id"],
        "leading_bus": first["bus"],
        "following_bus": behind,
        "headway_sec": headway,
        "is_observed": observed is not None,
        "leading_estimate_sec": first["estimate_arrive_sec"],
        "shortest": None if least is None else 60 * least,
        "longest": None if least is None else 60 * (most or least),
    }


def regularity(found: Iterable[Row]) -> dict[tuple[Any, str, str], Row]:
    """Waits, bunching and gaps by local date, label and stop."""
    groups: dict[tuple[Any, str, str], list[Row]] = defaultdict(list)
    for row in found:
        if row["shortest"] is not None and row["leading_estimate_sec"] <= NEXT_ROUND.seconds:
            groups[row["local_date"], row["label"], row["stop_id"]].append(row)
    return {key: _measured(rows) for key, rows in groups.items()}


def _measured(rows: list[Row]) -> Row:
    actual = [row["headway_sec"] for row in rows]
    wait, least, most = (
        mean_wait(numbers)
        for numbers in (actual, [r["shortest"] for r in rows], [r["longest"] for r in rows])
    )
    return {
        "headways": len(rows),
        "observed_headways": sum(row["is_observed"] for row in rows),
        "awt_sec": float(wait),
        "swt_sec": float(most),
        "ewt_sec": float(wait - most),
        "ewt_of_shortest_sec": float(wait - least),
        "bunched": sum(row["headway_sec"] * 2 < row["shortest"] for row in rows),
        "gaps": sum(row["headway_sec"] * 2 > 3 * row["longest"] for row in rows),
        "long_gaps": sum(row["headway_sec"] > 2 * row["longest"] for row in rows),
        "is_high_frequency": all(row["longest"] <= 12 * 60 for row in rows),
    }


def mean_wait(numbers: list[Any]) -> Fraction:
    """Wait of somebody who comes at random: of each headway half, as likely as it is long."""
    total = Fraction(sum(numbers))
    return sum((Fraction(n) / total * Fraction(n) / 2 for n in numbers), Fraction(0))


def _place(row: Row) -> Place:
    return row["label"], row["stop_id"]


def _due(row: Row) -> datetime:
    found: datetime = row["event_ts"] + timedelta(seconds=row["estimate_arrive_sec"])
    return found


def _last_of_approaches(
    sightings: list[tuple[datetime, datetime]],
) -> Iterable[tuple[datetime, datetime]]:
    ordered = sorted(sightings)
    for this, following in pairwise(ordered):
        if following[1] - this[1] > NEXT_ROUND:
            yield this
    yield ordered[-1]


def _first_and_second(arrivals: list[Row]) -> Iterable[tuple[tuple[Place, datetime], Row, Row]]:
    def poll(row: Row) -> tuple[Place, datetime]:
        return _place(row), row["event_ts"]

    known = [r for r in arrivals if r["bus"] is not None and r["estimate_arrive_sec"] is not None]
    for key, rows in groupby(sorted(known, key=poll), key=poll):
        ranked = {row["arrival_rank"]: row for row in rows}
        if 1 in ranked and 2 in ranked and ranked[1]["bus"] != ranked[2]["bus"]:
            yield key, ranked[1], ranked[2]


def _observed(
    passed: list[tuple[datetime, str]], ahead: str, behind: str, due: datetime
) -> Fraction | None:
    for (at, bus), (then, other) in pairwise(passed):
        if (bus, other) == (ahead, behind) and abs(at - due) <= SOON:
            return Fraction((then - at) / timedelta(microseconds=1)) / 1_000_000
    return None
