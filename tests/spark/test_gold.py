"""Gold follows change: whatever moves, in whatever order, gold is what a full rebuild would be."""

from __future__ import annotations

import functools
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F

from lakehouse import code
from lakehouse.errors import ConfigurationError
from tests.spark import network
from tests.spark.gold import ARRIVALS, HOURS, SOURCES, GoldLake, content, kept_their_run
from tests.spark.lakes import Lake, Row, day, utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WEATHER, TIMETABLE = "meteorology_current", "lines_timetable"
PREDICTIONS, CALENDAR, LINES = "arrivals_predictions", "service_calendar", "lines"
Step = "Callable[[GoldLake, Random, int], None]"


def late_arrivals(made: GoldLake, random: Random, number: int) -> None:
    """Arrivals of one day come late."""
    on = random.choice(network.DAYS)
    rows = [network.arrival(100 * number + n, random, on=on) for n in range(4)]
    made.put(PREDICTIONS, rows)


def arrivals_vanish(made: GoldLake, random: Random, number: int) -> None:
    """All arrivals of one day go: its hours go too."""
    del number
    gone = random.choice(made.silver[PREDICTIONS])["event_ts"].date()
    rows = [r for r in made.silver[PREDICTIONS] if r["event_ts"].date() == gone]
    made.remove(PREDICTIONS, rows)


def late_weather(made: GoldLake, random: Random, number: int) -> None:
    """An observation comes late, just where an arrival can reach it, days after."""
    near = random.choice(made.silver[PREDICTIONS])["event_ts"]
    minutes = random.choice([-60, -59, 0, 60])
    row = network.observation(near + timedelta(minutes=minutes), random, number)
    made.put(WEATHER, [row])


def corrected_weather(made: GoldLake, random: Random, number: int) -> None:
    """Observations are answered otherwise: a storm that was none."""
    rows = random.sample(made.silver[WEATHER], 3)
    made.put(
        WEATHER,
        [network.observation(r["obs_ts"], random, number, location=r["location"]) for r in rows],
    )


def weather_vanishes(made: GoldLake, random: Random, number: int) -> None:
    """Observations go."""
    del number
    made.remove(WEATHER, random.sample(made.silver[WEATHER], 4))


def timetable_added(made: GoldLake, random: Random, number: int) -> None:
    """A version valid from a later day is fetched."""
    start = random.choice([network.LATER, day("2025-08-29"), day("2025-09-03")])
    line = random.choice(list(network.LINES))
    kinds = random.sample(["LA", "VI", "SA", "FE"], 3)
    made.put(TIMETABLE, [network.timetable(line, k, start, random, number) for k in kinds])


def timetable_changed(made: GoldLake, random: Random, number: int) -> None:
    """A row of a version is answered otherwise on the same day."""
    row = random.choice(made.silver[TIMETABLE])
    key = (row["line"], row["day_type"], row["valid_from"])
    made.put(TIMETABLE, [network.timetable(*key, random, number)])


def timetable_earlier(made: GoldLake, random: Random, number: int) -> None:
    """A version from before all others."""
    start = network.EARLY - timedelta(days=number)
    made.put(TIMETABLE, [network.timetable("027", "SA", start, random, number)])


def calendar_changed(made: GoldLake, random: Random, number: int) -> None:
    """EMT says another day type."""
    days = [r for r in made.silver[CALENDAR] if r["day"] in network.DAYS]
    stamp = {"updated_ts": network.MADE + timedelta(hours=number)}
    kind = random.choice(["LA", "VI", "SA", "FE"])
    made.put(CALENDAR, [{**random.choice(days), "day_type": kind, **stamp}])


def label_changed(made: GoldLake, random: Random, number: int) -> None:
    """A line is renamed: arrivals without an asked line find another one, or none."""
    row = random.choice(made.silver[LINES])
    stamp = {"updated_ts": network.MADE + timedelta(hours=number)}
    made.put(LINES, [{**row, "label": random.choice(["X", "27", "9", "001"]), **stamp}])


def other_threshold(made: GoldLake, random: Random, number: int) -> None:
    """The operator calls other estimates late."""
    del number
    made.choose(delay_ratio_thresh=random.choice([0.5, 1.0, 2.0]))


def other_window(made: GoldLake, random: Random, number: int) -> None:
    """The operator looks for weather nearer by, or farther off."""
    del number
    made.choose(wx_recent_minutes=random.choice([0, 10, 90]))


def silver_set_back(made: GoldLake, random: Random, number: int) -> None:
    """One silver table is rolled back."""
    late_arrivals(made, random, number)
    made.set_back(random.choice([PREDICTIONS, PREDICTIONS, WEATHER]))


def gold_set_back(made: GoldLake, random: Random, number: int) -> None:
    """One gold table, or both, are rolled back by a commit."""
    del number
    chosen = random.choice([[ARRIVALS], [HOURS], [ARRIVALS, HOURS]])
    for table in chosen:
        found = made.lake.history(table)
        parent = found.snapshots[found.refs["main"]].parent
        assert parent is not None
        made.lake.rollback(table, parent)


STEPS = [
    late_arrivals, late_weather, corrected_weather, timetable_added, calendar_changed,
    label_changed, gold_set_back, timetable_changed, silver_set_back, weather_vanishes,
    other_threshold, timetable_earlier, arrivals_vanish, other_window,
]  # fmt: skip


@settings(max_examples=1, phases=(Phase.generate,))
@given(steps=st.permutations(STEPS), seed=st.integers(0, 10**9))
def test_incremental_equals_full(new_lake: Callable[[], Lake], steps: list[Any], seed: int) -> None:
    """After any change gold is the judge's full computation, and equal rows keep their run."""
    random = Random(seed)  # noqa: S311  made-up buses, no secret
    made = GoldLake(new_lake(), network.silver(random))
    made.run()
    before = made.check()
    for number, step in enumerate(steps, start=1):
        step(made, random, number)
        if step is gold_set_back:
            before = made.gold()
        done = made.run()
        after = made.check()
        kept_their_run(before, after, done[-1].run_id if done else "")
        before = after
    assert made.run() == []


@functools.lru_cache(maxsize=1)
def rows() -> dict[str, list[Row]]:
    """The network of the tests below."""
    return network.silver(Random(7))  # noqa: S311  made-up buses, no secret


@pytest.fixture(scope="module")
def shared(new_lake: Callable[[], Lake]) -> GoldLake:
    """That network with its gold, for the tests of this file: each leaves gold up to date."""
    made = GoldLake(new_lake(), rows())
    made.run()
    return made


@pytest.fixture
def made(shared: GoldLake) -> Iterator[GoldLake]:
    """The shared network, settled: what an earlier test left undone is done."""
    before = shared.lake.settings
    shared.run()
    yield shared
    shared.lake.settings = before


def test_the_network_has_what_is_hard(lake: Lake) -> None:
    """Storms, night lines past midnight, null lines and null components do occur, and agree."""
    made = GoldLake(lake, rows())
    made.run()
    found = list(made.check()[ARRIVALS.name].values())
    severities = {r["weather_severity"] for r in found}
    assert severities == {None, "good", "moderate", "bad", "severe"}
    assert {r["delay_weather_attributed"] for r in found} == {None, False, True}
    assert any(r["obs_ts"] and r["weather_severity"] is None for r in found)
    night = next(r for r in found if r["label"] == "N1" and r["event_ts"].hour == 22)
    assert night["expected_headway_min"] == 15  # Friday's early direction, 24 hours later
    unasked = next(r for r in found if r["line"] is None and r["label"] == "001")
    assert unasked["event_ts"].date() == network.FIRST
    assert any(r["line"] is None and r["expected_headway_min"] for r in found)
    assert any(r["arrival_rank"] > 1 and r["delay_ratio"] for r in found)


def test_only_changed_days_are_recomputed(made: GoldLake) -> None:
    """One late arrival: one day; an observation at midnight: the two days that can reach it."""
    late = network.arrival(9000, Random(1), on=day("2025-08-29"))  # noqa: S311
    made.put(PREDICTIONS, [late])
    assert {o.days for o in made.run()} == {1}
    made.put(WEATHER, [network.observation(utc("2025-08-30 00:20"), Random(1), 3)])  # noqa: S311
    assert {o.days for o in made.run()} == {2}
    made.put(WEATHER, [network.observation(utc("2025-08-30 12:00"), Random(1), 3)])  # noqa: S311
    assert {o.days for o in made.run()} == {1}
    made.check()


def test_weather_of_elsewhere_recomputes_nothing(made: GoldLake) -> None:
    """Another place's observation moves the cursor and no row: one empty receipt, then nothing."""
    before = made.gold()
    at = utc("2025-08-30 12:00")
    row = network.observation(at, Random(1), location="valencia", temp_c=-99.0)  # noqa: S311
    made.put(WEATHER, [row])
    (only,) = made.run()
    assert (only.table_name, only.days, only.counts.written) == (HOURS.full_name, 0, 0)
    assert made.run() == []
    assert made.gold() == before


def test_a_changed_select_rebuilds_all(made: GoldLake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another code version recomputes every day, once, and leaves equal rows alone."""
    before = made.gold()
    monkeypatch.setattr(code, "version", lambda: "another")
    (only,) = made.run()
    assert (only.days, only.counts.written) == (None, 0)
    assert made.gold() == before
    assert made.run() == []


def test_a_full_run_of_nothing_new_commits_nothing(made: GoldLake) -> None:
    """`lake run --full` compares everything; where nothing differs, no main moves."""
    before = made.lake.heads(ARRIVALS, HOURS)
    assert made.run(full=True) == []
    assert made.lake.heads(ARRIVALS, HOURS) == before


def test_what_somebody_broke_is_mended(made: GoldLake) -> None:
    """Rows changed, deleted and invented by hand are put right, and the rest keeps its run."""
    made.put(PREDICTIONS, [{**rows()[PREDICTIONS][0], "id": name} for name in ("one", "two")])
    made.run()
    before = made.gold()
    name = made.lake.name(ARRIVALS)
    made.lake.spark.sql(f"update {name} set delayed = null, temp_c = -1 where id = 'one'")
    invented = made.lake.spark.table(name).limit(1).withColumn("id", F.lit("invented"))
    invented.writeTo(name).append()
    made.lake.delete(ARRIVALS, "id = 'two'")
    assert {o.days for o in made.run()} == {None}
    after = made.check()
    kept = {k for k, r in after[ARRIVALS.name].items() if r == before[ARRIVALS.name].get(k)}
    assert after[ARRIVALS.name].keys() - kept == {("one",), ("two",)}
    assert after[HOURS.name] == before[HOURS.name]


def test_an_empty_lake_has_empty_gold(lake: Lake) -> None:
    """No silver rows: no gold rows, one receipt, and then nothing to do."""
    made = GoldLake(lake, {})
    assert [o.counts.written for o in made.run()] == [0]
    assert made.run() == []
    made.put(PREDICTIONS, rows()[PREDICTIONS][:3])
    made.run()
    made.check()


def test_the_last_arrival_of_a_day_takes_its_hours_along(made: GoldLake) -> None:
    """A day whose rows all vanished leaves no row behind."""
    on = day("2025-09-05")
    row = network.arrival(9001, Random(1), on=on)  # noqa: S311
    made.put(PREDICTIONS, [row])
    made.run()
    assert [k for k in made.check()[HOURS.name] if k[0].date() == on]
    made.remove(PREDICTIONS, [row])
    made.run()
    assert not [k for k in made.check()[HOURS.name] if k[0].date() == on]


def test_a_service_day_reaches_into_the_next_one(lake: Lake) -> None:
    """A day type that changes moves that evening and the early morning after, and only these."""
    night = {"line": "501", "label": "N1", "stop_id": "1", "estimate_arrive_sec": 900}
    times = ["2025-08-28 21:40", "2025-08-28 22:30", "2025-08-29 21:40", "2025-08-30 01:00"]
    arrivals = [
        {**network.arrival(n, Random(1)), **night, "event_ts": utc(text)}  # noqa: S311
        for n, text in enumerate(times)
    ]
    closed = [r for r in rows()[TIMETABLE] if (r["line"], r["day_type"]) != ("501", "SA")]
    made = GoldLake(lake, {**rows(), PREDICTIONS: arrivals, TIMETABLE: closed})
    made.run()
    first = made.check()[ARRIVALS.name]
    friday = next(r for r in rows()[CALENDAR] if r["day"] == day("2025-08-29"))
    made.put(CALENDAR, [{**friday, "day_type": "SA"}])
    assert made.run()[0].days == 3
    second = made.check()[ARRIVALS.name]
    changed = {k[0] for k in first if content(first[k]) != content(second[k])}
    assert changed == {"id0002", "id0003"}


def test_two_rollbacks_make_two_runs(made: GoldLake) -> None:
    """The same rows lost twice are built twice, by runs that differ: no run vouches for another."""
    runs = []
    for _ in range(2):
        found = made.lake.history(ARRIVALS)
        empty = next(s.id for s in found.snapshots.values() if s.parent is None)
        made.lake.rollback(ARRIVALS, empty)
        runs.append(made.run()[-1].run_id)
        made.check()
    assert runs[0] != runs[1]


def test_silver_that_differs_from_its_contract_is_refused(made: GoldLake) -> None:
    """A source altered by hand stops the run with the command to type."""
    name = made.lake.name(SOURCES[LINES])
    made.lake.spark.sql(f"alter table {name} add column surprise string")
    try:
        with pytest.raises(ConfigurationError, match=r"surprise is not in the .*lake tables plan"):
            made.run()
    finally:
        made.lake.spark.sql(f"alter table {name} drop column surprise")


def test_settings_of_another_place(made: GoldLake) -> None:
    """The weather's place is a setting: all is recomputed with the other place's observations."""
    made.choose(weather_location="valencia")
    made.run()
    found = made.check()[ARRIVALS.name]
    assert {r["temp_c"] for r in found.values()} == {None, -99.0}


# Minutes from an arrival to the observations around it, and which one counts.
NEAREST: list[tuple[list[int], int | None]] = [
    ([-30, 30], -30),
    ([-31, 30], 30),
    ([-60, 61], -60),
    ([-61, 60], 60),
    ([-61, 61], None),
    ([0, 1], 0),
    ([-50, -10, 20], -10),
]


def test_the_nearest_observation_counts(lake: Lake) -> None:
    """The nearest within the window, its ends included; of two as near, the earlier, once."""
    noons = [utc("2025-08-20 12:00") + timedelta(days=n) for n in range(len(NEAREST))]
    random = Random(1)  # noqa: S311
    arrivals = [{**network.arrival(n, random), "event_ts": at} for n, at in enumerate(noons)]
    seen = [
        network.observation(at + timedelta(minutes=m), random)
        for at, (minutes, _) in zip(noons, NEAREST, strict=True)
        for m in minutes
    ]
    made = GoldLake(lake, {**rows(), PREDICTIONS: arrivals, WEATHER: seen})
    made.run()
    found = {r["event_ts"]: r["obs_ts"] for r in made.check()[ARRIVALS.name].values()}
    expected = [
        None if wanted is None else at + timedelta(minutes=wanted)
        for at, (_, wanted) in zip(noons, NEAREST, strict=True)
    ]
    assert [found[at] for at in noons] == expected
