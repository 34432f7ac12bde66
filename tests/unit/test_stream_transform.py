"""The transformation: every record id once, bad records alone fail, all fields arrive."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.bronze.weatherapi_current import FIELDS, TABLE
from lakehouse import log
from streaming import batch, functions
from tests.stream import NOON, answer, decoded, event, microseconds, record, recorded_answers, rows
from tests.stream import written as as_firehose_writes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stream import Row

LAMBDA_BYTES = 6_291_556
MANY_DIGITS, DEEP = b"1" * 5_000, b"[" * 100_000
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
moments = st.datetimes(
    datetime(2010, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc)  # noqa: DTZ001
)  # fmt: skip
places = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)


@pytest.fixture(autouse=True)
def _log_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function of Lambda sets the process's log up, which is the test runner's here."""
    monkeypatch.setattr(log, "configure", lambda: None)


@st.composite
def answers(draw: st.DrawFn) -> Row:
    """Answers whose fields hold what they should, or anything else, or are not there."""
    said: Row = {"location": {}, "current": {}}
    for path, kind, _ in FIELDS.values():
        fitting = {
            "string": st.text(),
            "double": st.floats(-1e6, 1e6) | st.integers(-100, 100),
            "int": st.integers(0, 1000),
            "timestamp": st.integers(1_262_304_000, 4_102_444_800),
        }[kind]
        *above, last = path.split(".")
        where = said
        for part in above:
            where = where.setdefault(part, {})
        if draw(st.integers(0, 9)):
            where[last] = draw(fitting if draw(st.integers(0, 9)) else json_values)
    return said


def is_record(data: bytes) -> bool:
    """Whether the producer could have made it (a bare JSON value never is one)."""
    return b"event_id" in data


good = st.builds(record, answers(), moments, places)
poison = (st.binary() | json_values.map(lambda v: json.dumps(v).encode())).filter(
    lambda data: not is_record(data)
)


@given(
    st.lists(
        good.map(lambda data: (True, data)) | poison.map(lambda data: (False, data)), max_size=6
    )
)
def test_every_id_once_and_only_poison_fails(found: list[tuple[bool, bytes]]) -> None:
    """Good records are Ok whatever their fields hold; the others fail, and no neighbour."""
    records = event(data for _, data in found)
    said = functions.transform({"records": records}, None)["records"]
    assert [one["recordId"] for one in said] == [one["recordId"] for one in records]
    assert [one["result"] == "Ok" for one in said] == [is_good for is_good, _ in found]
    assert {one["result"] for one in said} <= {"Ok", "ProcessingFailed"}
    assert len(json.dumps({"records": said})) < LAMBDA_BYTES


@given(answers(), moments, places)
def test_a_row_is_what_was_answered(said: Row, at: datetime, place: str) -> None:
    """Firehose can write it; it has the record itself, its times, and each field that fits."""
    data = record(said, at, place)
    (row,) = rows([data])
    assert (row["envelope"], row["location"]) == (data.decode(), place)
    assert row["fetched_at"] == at
    unfit = (row["unfit"] or "").split(", ")
    for name, (path, kind, _) in FIELDS.items():
        value: Any = said
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if name in unfit or value is None:
            assert row[name] is None
        elif kind == "timestamp":
            assert microseconds(row[name]) == float(value) * 1_000_000
        elif kind == "string":
            assert row[name] == (value.strip(" ") or None)
        elif row[name] is not None:
            assert row[name] == float(value)


@given(st.lists(st.integers(0, 3_000), max_size=12), st.integers(0, 30_000))
def test_what_does_not_fit_into_the_answer_fails(sizes: list[int], limit: int) -> None:
    """The answer stays below its limit, with every id in it; a record that had room is Ok."""
    data = [record(answer(filling="x" * size)) for size in sizes]
    records = event(data)
    said = batch.transform(records, limit_bytes=limit)
    assert [one["recordId"] for one in said] == [one["recordId"] for one in records]
    least = sum(len(json.dumps({"recordId": "0" * 56, "result": "ProcessingFailed"})) + 2
                for _ in said)  # fmt: skip
    used = sum(len(json.dumps(one)) + 2 for one in said)
    assert used <= max(limit, least)
    everything = batch.transform(records)
    for one, whole in zip(said, everything, strict=True):
        if one["result"] != "Ok":
            assert used + len(json.dumps(whole)) - len(json.dumps(one)) > limit


def test_a_batch_larger_than_the_answer() -> None:
    """Records of nearly a megabyte: some rows fit, the others are kept by Firehose."""
    data = [record(answer(n, filling='"' * 300_000)) for n in range(12)]
    said = functions.transform({"records": event(data)}, None)
    assert len(json.dumps(said)) < LAMBDA_BYTES
    results = [one["result"] for one in said["records"]]
    assert (results.count("Ok"), len(results)) == (3, 12)
    assert len({one["recordId"] for one in said["records"]}) == 12


def changed(**more: Any) -> bytes:
    """A good record with other facts."""
    return json.dumps({**json.loads(record(answer())), **more}).encode()


POISON = {
    "no UTF-8": b"\xff",
    "nothing": b"",
    "not JSON": b"<html>",
    "a list": b"[1]",
    "two objects": record(answer()) * 2,
    "NaN": record(answer()).replace(b"26.1", b"NaN"),
    "endless digits": record(answer()).replace(b"26.1", MANY_DIGITS),
    "too deep": record(answer()).replace(b"26.1", DEEP),
    "an answer alone": json.dumps(answer()).encode(),
    "another stream": changed(stream="history"),
    "another source": changed(source=["weatherapi"]),
    "no event id": changed(event_id=None),
    "an odd event id": changed(event_id="7"),
    "no time": changed(fetched_at=None),
    "a local time": changed(fetched_at="2025-08-26T10:00:00"),
    "no place": changed(request={}),
    "an empty place": changed(request={"q": " "}),
    "half a character": changed(request={"q": "\ud800"}),
    "no request": changed(request=None),
    "an error": changed(payload={"error": {"code": 1006}}),
    "history": changed(payload={"location": {}, "forecast": {}}),
    "no payload": changed(payload=[]),
}


@pytest.mark.parametrize("name", POISON)
def test_poison_fails_alone(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """What is no record of an answer fails with its reason in the log, its neighbours do not."""
    good_ones = [record(answer(n)) for n in range(2)]
    with caplog.at_level("INFO", logger="lake"):
        said = batch.transform(event([good_ones[0], POISON[name], good_ones[1]]))
    assert [one["result"] for one in said] == ["Ok", "ProcessingFailed", "Ok"]
    (failed,) = [r for r in caplog.records if r.message == "transform_failed"]
    assert failed.facts["record"] == f"{1:056d}"  # type: ignore[attr-defined]
    assert failed.facts["why"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("data", [None, 7, "no base64!", "AAA"])
def test_data_that_is_no_base64(data: Any) -> None:
    """It fails like any other poison."""
    (said,) = batch.transform([{"recordId": "1", "data": data}])
    assert said == {"recordId": "1", "result": "ProcessingFailed"}


def test_times_are_microseconds() -> None:
    """Epoch seconds would land in 1970: all times of a row are whole microseconds."""
    at = NOON + timedelta(microseconds=1)
    (said,) = batch.transform(event([record(answer(), at)]))
    found = decoded(said)
    times = {c.name: found[c.name] for c in TABLE.columns if c.kind == "timestamp"}
    assert times == {
        "fetched_at": 1_756_202_400_000_001,
        "obs_ts": 1_756_202_400_000_000,
        "answered_ts": 1_756_202_460_000_000,
    }


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("humidity", 40, 40),
        ("humidity", 40.0, 40),
        ("humidity", "40", 40),
        ("humidity", "", None),
        ("humidity", None, None),
        ("temp_c", 26, 26.0),
        ("temp_c", " 26.5 ", 26.5),
        ("temp_c", "-1e-3", -0.001),
        ("wind_dir", " N ", "N"),
        ("wind_dir", " ", None),
    ],
)
def test_values_that_fit(column: str, value: Any, expected: Any) -> None:
    """Numbers come as numbers or as texts; blanks are nothing."""
    (row,) = rows([record(answer(**{column: value}))])
    assert (row[column], row["unfit"]) == (expected, None)
    assert type(row[column]) is type(expected)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("humidity", 40.5),
        ("humidity", 2**31),
        ("humidity", True),
        ("temp_c", "warm"),
        ("temp_c", "1_000"),
        ("temp_c", "nan"),
        ("temp_c", 10**400),
        ("temp_c", [1]),
        ("wind_dir", 5),
        ("condition_text", {}),
    ],
)
def test_values_that_do_not_fit(column: str, value: Any) -> None:
    """Null, named in `unfit`, and in the envelope as answered: silver is the one to refuse it."""
    said = answer()
    field = {"condition_text": "text"}.get(column)
    where = said["current"]["condition"] if field else said["current"]
    where[field or column] = value
    (row,) = rows([record(said)])
    assert (row[column], row["unfit"]) == (None, column)
    assert json.loads(row["envelope"])["payload"] == said


def test_times_that_are_none() -> None:
    """Milliseconds for seconds, or a time before 1970, are no time."""
    for epoch in (1_756_202_400_000, -1, "noon"):
        (row,) = rows([record(answer(last_updated_epoch=epoch))])
        assert (row["obs_ts"], row["unfit"]) == (None, "obs_ts")


def test_a_part_that_is_no_object() -> None:
    """All its columns are named, and the rest of the answer arrives."""
    (row,) = rows([record(answer(condition="Sunny"))])
    assert row["unfit"] == "condition_code, condition_text, condition_icon"
    assert row["temp_c"] == 26.1


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """All values that are not objects, by their path."""
    if not isinstance(value, dict):
        return {path: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= leaves(inner, f"{path}.{key}" if path else key)
    return found


def test_all_recorded_fields_arrive(recorded: Path) -> None:
    """Every field of every recorded answer has a column, which holds its value."""
    found = recorded_answers(recorded)
    assert len(found) == 66
    columns = {path: (name, kind) for name, (path, kind, _) in FIELDS.items()}
    for (said, at), row in zip(found, rows(record(*one) for one in found), strict=True):
        assert row["fetched_at"] == at
        assert row["unfit"] is None
        answered = leaves(said)
        assert set(answered) == set(columns)
        for path, value in answered.items():
            name, kind = columns[path]
            expected = datetime.fromtimestamp(value, timezone.utc) if kind == "timestamp" else value
            assert row[name] == expected, name


def test_a_full_buffer_is_answered_whole(recorded: Path) -> None:
    """Firehose's default buffer, 1 MB of records, gives an answer far below the 6 MB of Lambda."""
    known = [record(said, at) for said, at in recorded_answers(recorded)]
    size = sum(map(len, known))
    data = known * (1024 * 1024 // size + 1)
    said = functions.transform({"records": event(data)}, None)
    assert {one["result"] for one in said["records"]} == {"Ok"}
    assert len(json.dumps(said)) < LAMBDA_BYTES * 0.6


def test_a_recording_is_read_where_it_has_the_answer() -> None:
    """A recorded line, with the answer below `response`, gives the same columns."""
    whole = record({"run_ts_utc": "2025-08-26 06:03:40", "response": answer()})
    first, second = rows([whole, record(answer())])
    outside = ("event_id", "envelope")
    assert {k: v for k, v in first.items() if k not in outside} == {
        k: v for k, v in second.items() if k not in outside
    }


def test_a_row_without_a_required_column_is_refused_by_firehose() -> None:
    """The test's own Firehose is strict: what the columns check is no formality."""
    (said,) = batch.transform(event([record(answer())]))
    found = decoded(said)
    with pytest.raises(ValueError, match="fetched_at"):
        as_firehose_writes({**found, "fetched_at": "2025-08-26 10:00"})
    assert base64.b64decode(said["data"]).count(b"\n") == 0
