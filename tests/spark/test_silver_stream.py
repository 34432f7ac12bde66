"""Silver from a stream table: each delivered event once, whatever happens to cursor and stream."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F

from jobs.bronze import weatherapi_current
from jobs.pipeline import SILVER_METEOROLOGY as GROUP
from jobs.silver.meteorology import meteorology_current
from lakehouse import log, sql
from lakehouse.ledger import PROCESSED_FILE, REJECTED_ROW, RUN, Ledger
from lakehouse.pending import pending_files
from lakehouse.run import redrive
from lakehouse.table import AUDIT_NAMES
from tests.spark.lakes import collect
from tests.stream import answer, record, recorded_answers, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import DataFrame

    from lakehouse.ledger import Outcome
    from lakehouse.settings import Settings
    from tests.spark.lakes import Lake, Row

STREAM, SILVER = weatherapi_current.TABLE, meteorology_current.TABLE


def deliver(lake: Lake, *data: bytes) -> int:
    """Commit records as Firehose does, in one append; the stream's new head."""
    lake.load(STREAM, rows(data))
    return lake.head(STREAM)


def said(outcomes: list[Outcome]) -> Row:
    """The counts of the one step, those that are not nothing."""
    (outcome,) = outcomes
    return {k: v for k, v in vars(outcome.counts).items() if v}


def business(lake: Lake) -> list[Row]:
    """Silver's rows without the four audit columns, in order."""
    found = [{k: v for k, v in r.items() if k not in AUDIT_NAMES} for r in lake.rows(SILVER)]
    return sorted(found, key=lambda row: row["obs_ts"])


@pytest.fixture
def weather(lake: Lake) -> Lake:
    """A lake with the stream table and the silver one, both empty."""
    return lake.make_for(GROUP)


def test_what_is_delivered_during_a_run(weather: Lake) -> None:
    """The run lists again, and goes on from where it is: no event is read twice."""
    late = [record(answer(15))]

    def transform(records: DataFrame, settings: Settings) -> DataFrame:
        if late:
            deliver(weather, late.pop())
        return meteorology_current.transform(records, settings)

    group = replace(GROUP, jobs=(replace(meteorology_current.JOB, transform=transform),))
    deliver(weather, record(answer()))
    assert [(o.records, o.counts.inserted) for o in weather.run(group)] == [(1, 1), (1, 1)]
    assert weather.run(GROUP) == []


def test_the_stream_and_the_files_give_the_same_rows(
    new_lake: Callable[[], Lake], recorded: Path
) -> None:
    """All recorded answers: silver is equal, and so are the stream's own typed columns."""
    delivered, landed = (new_lake().make_for(GROUP) for _ in range(2))
    found = recorded_answers(recorded)
    deliver(delivered, *(record(*one) for one in found))
    landed.land("weatherapi/current", *(one for one, _ in found), request={"q": "madrid"})
    assert said(delivered.run(GROUP)) == said(landed.run(GROUP))
    silver = business(delivered)
    assert len(silver) > 60
    assert silver == business(landed)
    typed = {row["event_id"]: row for row in delivered.rows(STREAM)}
    for row in delivered.rows(SILVER):
        event = typed[row["source_uri"].rpartition("/")[2]]
        assert {n: row[n] for n in SILVER.names} == {n: event[n] for n in SILVER.names}


def test_every_event_once(weather: Lake) -> None:
    """Delivered twice, in one commit or in two, and landed as a file besides: one row."""
    first, second = record(answer()), record(answer(15))
    head = deliver(weather, first, second, second)
    weather.land("weatherapi/current", answer(15), request={"q": "madrid"})
    (done,) = weather.run(GROUP)
    assert (done.files, done.records) == (2, 4)
    assert said([done]) == {"rows_in": 4, "collapsed": 2, "inserted": 2}
    receipt = weather.history(SILVER).snapshots[weather.head(SILVER)].receipt
    assert receipt["cursor"] == {STREAM.full_name: head}
    before = weather.heads(SILVER)
    assert weather.run(GROUP) == []
    assert weather.heads(SILVER) == before
    deliver(weather, first)
    deliver(weather, record(answer(30)), second)
    assert said(weather.run(GROUP)) == {"rows_in": 3, "unchanged": 2, "inserted": 1}
    deliver(weather, first)
    assert said(weather.run(GROUP)) == {"rows_in": 1, "unchanged": 1}
    assert weather.run(GROUP) == []
    assert [row["obs_ts"].minute for row in business(weather)] == [0, 15, 30]
    totals = [r["rows_in"] - r["accepted"] - r["collapsed"] for r in weather.rows(RUN)]
    assert totals == [0, 0, 0]


def test_an_empty_stream_is_no_work(weather: Lake) -> None:
    """In the local place nobody delivers: a run has nothing to do and says nothing."""
    assert weather.run(GROUP) == []
    assert weather.run(GROUP, replace=True) == []


def test_a_rollback_makes_the_events_pending_again(weather: Lake) -> None:
    """What a rollback of silver takes away comes back; a lost index costs a reading, no row."""
    deliver(weather, record(answer()))
    weather.run(GROUP)
    before, first = weather.head(SILVER), weather.head(STREAM)
    last = deliver(weather, record(answer(15)))
    ledger = Ledger(weather.spark, weather.settings)
    pending = pending_files(weather.spark, weather.settings, GROUP, ledger)
    assert pending == {SILVER.full_name: [f"stream:{STREAM.full_name}@{first}..{last}"]}
    weather.run(GROUP)
    whole = business(weather)
    weather.rollback(SILVER, before)
    (again,) = weather.run(GROUP)
    assert (again.records, again.counts.inserted) == (1, 1)
    assert business(weather) == whole
    weather.delete(PROCESSED_FILE, "true")
    (read,) = weather.run(GROUP)
    assert (read.records, read.counts.unchanged, read.committed) == (2, 2, False)
    assert weather.run(GROUP) == []
    assert business(weather) == whole


def _call(lake: Lake, procedure: str, **arguments: str) -> None:
    name = lake.name(STREAM).partition(".")[2]
    told = "".join(f", {key} => {value}" for key, value in arguments.items())
    lake.spark.sql(f"call lake.system.{procedure}(table => '{name}'{told})").collect()


def test_what_is_no_append(weather: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compaction is passed by; across a change of rows, or a lost cursor, all is read, loudly."""
    warned: list[str] = []
    monkeypatch.setattr(log, "warn", lambda name, **facts: warned.append(facts.get("why", name)))
    for minute in (0, 15):
        deliver(weather, record(answer(minute)))
    weather.run(GROUP)
    _call(weather, "rewrite_data_files", options="map('rewrite-all', 'true')")
    assert weather.history(STREAM).snapshots[weather.head(STREAM)].operation == "replace"
    assert weather.run(GROUP) == []
    deliver(weather, record(answer(30)))
    assert weather.run(GROUP)[0].records == 1
    assert warned == []

    weather.delete(STREAM, "answered_local is null and minute(obs_ts) = 0")
    deliver(weather, record(answer(45)))
    (read,) = weather.run(GROUP)
    assert (read.records, said([read])) == (3, {"rows_in": 3, "unchanged": 2, "inserted": 1})
    assert "rows were changed" in warned.pop()

    deliver(weather, record(answer(60)))
    _call(weather, "expire_snapshots", older_than="timestamp '2100-01-01'", retain_last="1")
    (read,) = weather.run(GROUP)
    assert said([read]) == {"rows_in": 4, "unchanged": 3, "inserted": 1}
    assert "no longer in its history" in warned.pop()
    assert weather.run(GROUP) == []
    assert len(business(weather)) == 5


def warm(records: DataFrame, settings: Settings) -> DataFrame:
    """A mended transform, which takes what the real one refuses."""
    found = meteorology_current.transform(records, settings)
    return found.withColumn("reject", F.lit(None).cast("string"))


def test_refused_events_are_kept_once_and_redriven(weather: Lake) -> None:
    """An event that silver refuses is named in the ledger, is refused once, and comes back."""
    odd = record(answer(15, temp_c="warm"))
    deliver(weather, record(answer()), odd)
    deliver(weather, odd)
    (done,) = weather.run(GROUP)
    assert said([done]) == {"rows_in": 3, "rejected": 2, "inserted": 1}
    (kept,) = weather.rows(REJECTED_ROW)
    event_id = next(r["event_id"] for r in weather.rows(STREAM) if r["unfit"] == "temp_c")
    assert kept["source_uri"] == f"stream:{STREAM.full_name}/{event_id}"
    assert (kept["source_row"], kept["reason"]) == (1, "temp_c is no number")
    weather.land("weatherapi/current", answer(30))
    mended = replace(GROUP, jobs=(replace(meteorology_current.JOB, transform=warm),))
    (again,) = redrive(
        weather.spark, weather.settings, [mended], table=SILVER.full_name,
        sources={kept["source_uri"]},
    )  # fmt: skip
    assert (again.records, said([again])) == (2, {"rows_in": 2, "collapsed": 1, "inserted": 1})
    assert weather.rows(REJECTED_ROW) == []


def now(lake: Lake) -> list[tuple[int, float, bool]]:
    """What the view shows: minute, temperature, whether it is merged."""
    text = sql.select("athena/views/weather_now").replace("${prefix}", lake.settings.prefix)
    text = text.replace("timestamp(6)", "timestamp")  # Spark's has no precision
    found = lake.spark.sql(text)
    assert found.columns == [*SILVER.names, "is_merged"]
    return sorted((r["obs_ts"].minute, r["temp_c"], r["is_merged"]) for r in collect(found))


def test_the_view_of_now(weather: Lake) -> None:
    """What is merged and what is not yet, each observation once; what silver refuses is out."""
    deliver(weather, record(answer()))
    weather.run(GROUP)
    waiting = record(answer(15))
    corrected = {**answer(temp_c=20.0), "location": {"localtime_epoch": 1_756_209_600}}
    refused = [answer(30, temp_c="warm"), answer(last_updated_epoch=1), answer(3_000)]
    deliver(weather, waiting, record(corrected), *map(record, refused))
    deliver(weather, waiting)
    assert now(weather) == [(0, 26.1, True), (15, 26.1, False)]
    weather.run(GROUP)
    assert now(weather) == [(0, 20.0, True), (15, 26.1, True)]
