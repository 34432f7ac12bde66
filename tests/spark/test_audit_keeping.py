"""After a rollback a run heals; a gold run is reproduced; a bundle's data files give its rows."""

from __future__ import annotations

import copy
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from pyspark.sql import functions as F

from console.audit import reproduce, rollback, setback
from console.audit.evidence import Evidence, Question
from console.audit.verify import verify
from console.reading import Lake as Reader
from console.reading import Moment
from jobs.pipeline import SILVER_METEOROLOGY
from jobs.silver.meteorology import meteorology_current
from lakehouse import iceberg
from lakehouse.errors import ConfigurationError, UsageError
from tests.spark import network
from tests.spark.gold import ARRIVALS, HOURS, SOURCES, GoldLake
from tests.spark.lakes import Lake, Row, day

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PREDICTIONS = "arrivals_predictions"
WEATHER = meteorology_current.TABLE


@pytest.fixture(scope="module")
def shared(new_lake: Callable[[], Lake]) -> tuple[GoldLake, list[dict[str, int]]]:
    """A lake after three runs of gold, and where gold stood after each."""
    random = Random(11)  # noqa: S311  made-up buses, no secret
    made = GoldLake(new_lake(), network.silver(random))
    heads = []
    for number in range(2):
        made.run()
        heads.append({table.full_name: made.lake.head(table) for table in (ARRIVALS, HOURS)})
        late = [
            network.arrival(500 + 10 * number + n, random, on=day("2025-08-29")) for n in (0, 1)
        ]
        made.put(PREDICTIONS, late)
        made.remove(PREDICTIONS, [random.choice(made.silver[PREDICTIONS])])
    made.run()
    heads.append({table.full_name: made.lake.head(table) for table in (ARRIVALS, HOURS)})
    return made, heads


def reader(made: GoldLake) -> Reader:
    """The lake as the console reads it, afresh."""
    return Reader(made.lake.catalog_settings)


def set_back(made: GoldLake, table: str, snapshot_id: int) -> rollback.Plan:
    """Roll a table back as the command does."""
    planned = rollback.plan(reader(made), table, Moment(snapshot_id=snapshot_id))
    receipt = setback.Receipt.of(planned, "ann", "to try")
    setback.execute(made.lake.catalog_settings, planned, receipt, lambda: None)
    return planned


def test_after_a_rollback_of_gold_a_run_heals(
    shared: tuple[GoldLake, list[dict[str, int]]],
) -> None:
    """Both tables go back and stay a pair; the next run makes the judge's full gold of it."""
    made, heads = shared
    set_back(made, ARRIVALS.full_name, heads[0][ARRIVALS.full_name])
    assert {t.full_name: made.lake.head(t) for t in (ARRIVALS, HOURS)} == heads[0]
    done = made.run()
    assert done
    assert all(outcome.days is not None for outcome in done), "the pair was not taken for whole"
    made.check()
    assert made.run() == []


def test_after_a_rollback_of_silver_gold_follows(
    shared: tuple[GoldLake, list[dict[str, int]]],
) -> None:
    """The days undone are recomputed, and again when the rollback is undone."""
    made, _ = shared
    table, head = SOURCES[PREDICTIONS], made.lake.head(SOURCES[PREDICTIONS])
    now = copy.deepcopy(made.silver[PREDICTIONS])
    was = list(made.was[PREDICTIONS])[1]
    planned = set_back(made, table.full_name, was)
    assert any("recomputes" in note for note in planned.notes)
    made.silver[PREDICTIONS] = copy.deepcopy(made.was[PREDICTIONS][was])
    made.run()
    made.check()
    set_back(made, table.full_name, head)
    made.silver[PREDICTIONS] = now
    made.run()
    made.check()


def observed(hour: int) -> Row:
    """An answer about the weather."""
    local = f"2025-08-26 {hour:02}:00"
    return {"location": {"name": "Madrid"},
            "current": {"last_updated": local, "temp_c": hour, "last_updated_epoch":
                        1756159200 + 3600 * hour}}  # fmt: skip


def test_files_undone_are_taken_again(lake: Lake) -> None:
    """What the plan calls pending is what the next run reads; the rows are the same again."""
    lake.make_for(SILVER_METEOROLOGY)
    heads = []
    for hour in (8, 9):
        lake.land("weatherapi/current", observed(hour), request={"q": "madrid"})
        lake.run(SILVER_METEOROLOGY)
        heads.append(lake.head(WEATHER))
    before = [{k: v for k, v in row.items() if k != "ingest_ts"} for row in lake.rows(WEATHER)]
    made = GoldLake.__new__(GoldLake)
    made.lake = lake
    planned = set_back(made, WEATHER.full_name, heads[0])
    assert len(planned.moves[0].pending) == 1
    assert len(lake.rows(WEATHER)) == 1
    (done,) = lake.run(SILVER_METEOROLOGY)
    assert (done.files, done.counts.inserted) == (1, 1)
    after = [{k: v for k, v in row.items() if k != "ingest_ts"} for row in lake.rows(WEATHER)]
    assert sorted(after, key=str) == sorted(before, key=str)
    assert lake.run(SILVER_METEOROLOGY) == []


def again(made: GoldLake, run_id: str) -> list[reproduce.Result]:
    """Reproduce a run."""
    found = reproduce.find(reader(made), run_id)
    said: list[str] = []
    return reproduce.Again(made.lake.spark, made.lake.settings, found, said.append).compare()


def run_of(made: GoldLake, head: int) -> dict[str, Any]:
    """The receipt of the commit record's snapshot."""
    return dict(made.lake.history(HOURS).snapshots[head].receipt)


def test_every_run_is_reproduced(shared: tuple[GoldLake, list[dict[str, int]]]) -> None:
    """The first and an incremental one: whatever came since, equal to the last row."""
    made, heads = shared
    for number in (0, 2):
        run = run_of(made, heads[number][HOURS.full_name])["run"]
        results = again(made, run)
        assert [result.differing for result in results] == [0, 0]
        assert all(result.equal for result in results)
        # A run that a rollback undid and that was made again has the same id, and two snapshots.
        for table, result in zip((ARRIVALS, HOURS), results, strict=True):
            snapshots = made.lake.history(table).snapshots
            assert snapshots[result.snapshot_id].receipt["run"] == run
        assert results[0].rows == len(made.lake.rows(ARRIVALS, at=results[0].snapshot_id))


def test_a_doctored_row_is_found(shared: tuple[GoldLake, list[dict[str, int]]]) -> None:
    """Rows that claim a run but are not what it computes are named, with the columns."""
    made, _ = shared
    receipt = run_of(made, made.lake.head(HOURS))
    hour, label = min((row["event_hour"], row["label"]) for row in made.lake.rows(HOURS))
    before = made.lake.head(HOURS)
    with iceberg.receipt(made.lake.spark, receipt):
        made.lake.spark.sql(
            f"update {made.lake.name(HOURS)} set delayed_preds = delayed_preds + 1 "
            f"where event_hour = timestamp'{hour:%Y-%m-%d %H:%M:%S} UTC' and label = '{label}'"
        )
    results = again(made, receipt["run"])
    assert [result.differing for result in results] == [0, 1]
    assert not results[1].equal
    assert results[1].published != results[1].computed
    assert label in results[1].examples[0]
    assert "delayed_preds" in results[1].examples[0]
    made.lake.rollback(HOURS, before)


def test_what_cannot_be_reproduced_says_why(
    shared: tuple[GoldLake, list[dict[str, int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another code, an unknown run, an expired input: each has its own answer."""
    made, heads = shared
    run_id = run_of(made, heads[0][HOURS.full_name])["run"]
    found = reproduce.find(reader(made), run_id)
    said: list[str] = []
    monkeypatch.setattr(reproduce.code, "version", lambda: "other")
    with pytest.raises(ConfigurationError, match="here is other") as refused:
        reproduce.check_code(found, said.append, anyway=False)
    assert "--anyway" in refused.value.next_command
    reproduce.check_code(found, said.append, anyway=True)
    assert len(said) == 1
    with pytest.raises(UsageError, match="no run nobody"):
        reproduce.find(reader(made), "nobody")
    lake = reader(made)
    lines = lake.history("emt_silver.lines").snapshots
    lines.clear()
    with pytest.raises(UsageError, match="is expired"):
        reproduce.find(lake, run_id)


def test_data_files_with_deletes_prove_the_rows(
    shared: tuple[GoldLake, list[dict[str, int]]], tmp_path: Path
) -> None:
    """Rows deleted by position are in no bundle, and the bundle's own files say the same."""
    made, _ = shared
    table = SOURCES[PREDICTIONS].full_name
    deletes = made.lake.spark.table(f"{made.lake.name(SOURCES[PREDICTIONS])}.delete_files")
    assert deletes.agg(F.count(F.lit(1))).collect()[0][0] > 0
    question = Question((table, ARRIVALS.full_name, HOURS.full_name), "", with_data=True)
    evidence = Evidence(reader(made), made.lake.settings.root, question, Moment())
    evidence.write(tmp_path / "bundle")
    found = verify(tmp_path / "bundle")
    # Rows of the tests have no source and no receipt; everything else is as it must be.
    made_up = [f for f in found.findings if "has no receipt" not in f]
    assert made_up == []
    count = len(made.lake.rows(SOURCES[PREDICTIONS])) + sum(
        len(made.lake.rows(t)) for t in (ARRIVALS, HOURS)
    )
    assert found.checked["rows"] == count
