"""The function that lands what is dropped, called with SQS batches of S3's events.

AWS: "Using Lambda with Amazon SQS", "Implementing partial batch responses", "Amazon S3 Event
Notifications and Amazon EventBridge".
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from botocore.exceptions import ClientError
from hypothesis import strategies as st

from console.emulator.faults import Fault
from ingestion import bucket, formats, functions
from ingestion.quarantine import STRAYS, quarantined
from tests.emulated.handlers import AT, Context, batch, created, deploy, said
from tests.emulated.lakes import bucket_of, landed, put, tree
from tests.unit.landing_files import NOW, STOP, json_lines

if TYPE_CHECKING:
    from cloudpathlib import S3Path

    from console.emulator.server import Server
    from lakehouse.settings import Settings

GOOD = json_lines(STOP)


@pytest.fixture
def root(lake: Settings, monkeypatch: pytest.MonkeyPatch) -> S3Path:
    """The bucket of a lake whose functions are deployed."""
    deploy(lake, monkeypatch)
    return bucket_of(lake)


def call(*events: Any, left: list[int] | None = None) -> list[str]:
    """The numbers of the messages that come again."""
    answer = functions.land(batch(*events), Context(left) if left else Context())
    assert list(answer) == ["batchItemFailures"]
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def dropped(root: S3Path, key: str, content: bytes = GOOD, **more: Any) -> dict[str, Any]:
    """The event of a file that was just dropped."""
    put(root, key, content)
    return created(root.bucket, key, **more)


def test_a_batch_is_landed(root: S3Path) -> None:
    """Each file is in bronze, dated by its event, with its original; raw is empty."""
    files = {"emt/stops/a": STOP, "emt/incidents/b": {"guid": "1"}}
    events = [dropped(root, f"raw/{key}", json_lines(row)) for key, row in files.items()]
    assert call(*events) == []
    assert {f"{e['source']}/{e['stream']}": e["payload"] for e in landed(root)} == {
        "emt/stops": STOP, "emt/incidents": {"guid": "1"},
    }  # fmt: skip
    assert {e["fetched_at"] for e in landed(root)} == {"2025-08-29T12:00:00.000000Z"}
    assert not tree(root, "raw/")
    assert len(tree(root, "originals/")) == 2


@pytest.mark.parametrize(
    "name", ["a b+c%20d.jsonl", "días/año=2025/é.jsonl", "//double", "100%", "a&b=<c>'d\"", "ends/"]
)
def test_a_key_is_taken_as_it_is(root: S3Path, name: str) -> None:
    """EventBridge encodes no key, so none is decoded, tidied up or split."""
    assert call(dropped(root, f"raw/emt/stops/{name}")) == []
    assert [e["payload"] for e in landed(root)] == [STOP]
    assert not tree(root, "raw/")


def refusals(of: str) -> dict[str, Any]:
    """Messages that are no event of this lake's raw."""
    stranger = created(of, "raw/emt/stops/a")
    stranger["detail"]["bucket"]["name"] = "somebody-elses"
    no_key = created(of, "raw/emt/stops/a")
    no_key["detail"]["object"] = {"key": ["raw/a"]}
    return {
        "another bucket": stranger,
        "outside": created(of, "bronze/emt/stops/a"),
        "beside": created(of, "rawish/emt/stops/a"),
        "rooted": created(of, "/raw/emt/stops/a"),
        "climbing": created(of, "raw/emt/stops/../../bronze/emt/stops/a"),
        "dotted": created(of, "raw/./a"),
        "half a pair": created(of, "raw/emt/stops/\ud800"),
        "too long": created(of, "raw/emt/stops/" + "é" * 510),
        "deleted": created(of, "raw/emt/stops/a", **{"detail-type": "Object Deleted"}),
        "another source": created(of, "raw/emt/stops/a", source="mine"),
        "no time": created(of, "raw/emt/stops/a", time="yesterday"),
        "no zone": created(of, "raw/emt/stops/a", time="2025-08-29T12:00:00"),
        "no key": no_key,
        "no event": {"Records": []},
        "no object": "[1]",
        "no JSON": "{",
        "deep": "[" * 100_000,
    }


def test_what_is_no_event_of_raw_is_refused(
    root: S3Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is logged and done with; nothing is read, moved or lost."""
    for key in ("raw/emt/stops/a", "bronze/emt/stops/a", "rawish/emt/stops/a"):
        put(root, key, GOOD)
    before, wrong = tree(root), refusals(root.bucket)
    assert call(*wrong.values()) == []
    assert tree(root) == before
    lines = said(capsys.readouterr().err)
    assert [line["event"] for line in lines] == ["event_refused"] * len(wrong)
    assert "another bucket" in lines[0]["reason"]


@pytest.mark.parametrize(
    "key",
    ["raw/stray.csv", "raw/emt/stray", "raw/emt/nothing/x", "raw/Emt/stops/x", "raw//", "raw/"],
)
def test_an_unknown_stream_goes_to_quarantine(root: S3Path, key: str) -> None:
    """A file that nobody awaits is out of raw, with the reason and its bytes; no retry."""
    assert call(dropped(root, key, b"what is this?")) == []
    (entry,) = quarantined(root)
    assert entry.of == STRAYS
    assert "no known raw/SOURCE/STREAM" in entry.reason
    assert entry.next_command.endswith("--to SOURCE/STREAM")
    assert tree(root)[entry.file] == b"what is this?"
    assert not tree(root, "raw/")


@pytest.mark.parametrize("content", [b"{", b"%PDF-1.7", b"PK\x03\x04 cut", b"PAR1"])
def test_an_unreadable_file_goes_to_quarantine(root: S3Path, content: bytes) -> None:
    """The file's fault is no reason to try again; a good one beside it is landed."""
    assert call(dropped(root, "raw/emt/stops/bad", content), dropped(root, "raw/emt/stops/a")) == []
    (entry,) = quarantined(root)
    assert str(entry.of) == "emt/stops"
    assert tree(root)[entry.file] == content
    assert [e["payload"] for e in landed(root)] == [STOP]
    assert not tree(root, "raw/")


def test_weather_is_of_the_lakes_place(root: S3Path) -> None:
    """A weather file does not say its place; the function's environment does."""
    reply = json_lines({"location": {"name": "Madrid"}, "current": {"temp_c": 23}})
    assert call(dropped(root, "raw/weatherapi/current/a", reply)) == []
    assert landed(root)[0]["request"] == {"q": "madrid"}


def test_a_citys_file_is_of_the_city_of_its_key(root: S3Path) -> None:
    """Whoever wrote it; one whose key names none is in quarantine, and no other city's."""
    reply = json_lines({"dt": 1, "main": {"temp": 3}})
    good = dropped(root, "raw/manual/city-riohacha/ingest_date=2025-08-28/a.json", reply)
    assert call(good, dropped(root, "raw/manual/b.json", reply + b"\n")) == []
    (line,) = landed(root)
    assert (line["request"]["city"], line["request"]["q"]) == ("riohacha", "Riohacha,CO")
    (entry,) = quarantined(root)
    assert "of which city is 'b.json'" in entry.reason
    assert not tree(root, "raw/")


def test_a_file_that_is_gone_is_done(root: S3Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another call, or its owner, took it."""
    assert call(created(root.bucket, "raw/emt/stops/a")) == []
    assert [line["event"] for line in said(capsys.readouterr().err)] == ["already_gone"]


@pytest.mark.parametrize("name", [".hidden", "x.csv.part", "~$book.xlsx", ".Trash/x"])
def test_hidden_and_unfinished_files_are_left(root: S3Path, name: str) -> None:
    """The same names as in a folder are nobody's data, and stay where they are."""
    event = dropped(root, f"raw/emt/stops/{name}")
    before = tree(root)
    assert call(event) == []
    assert tree(root) == before


def test_duplicates_change_nothing(root: S3Path) -> None:
    """The same event five times, and the same file dropped again: one file's worth of rows."""
    event = dropped(root, "raw/emt/stops/a")
    assert call(*[event] * 5) == []
    before = tree(root)
    again = dropped(root, "raw/emt/stops/b", time="2025-09-01T00:00:01Z")
    assert call(event, again, again) == []
    assert tree(root) == before


def test_a_duplicate_at_the_same_time_writes_the_same(root: S3Path) -> None:
    """Two calls that both find the file write the same bytes by the same names."""
    event = dropped(root, "raw/emt/stops/a")
    assert call(event) == []
    before = tree(root)
    for key in before:
        root.client.client.delete_object(Bucket=root.bucket, Key=key)
    put(root, "raw/emt/stops/a", GOOD)
    assert call(event) == []
    assert tree(root) == before


def test_late_events_land_what_is_there(root: S3Path) -> None:
    """A file written over is landed by whichever event comes first; the other finds nothing."""
    older = dropped(root, "raw/emt/stops/a", json_lines({**STOP, "node": "old"}), time=AT)
    newer = dropped(root, "raw/emt/stops/a", GOOD, time="2025-08-29T12:00:05Z")
    assert call(newer, older) == []
    assert [e["payload"] for e in landed(root)] == [STOP]


def test_only_the_failed_come_again(
    emulator: Server, root: S3Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3's trouble with one file fails its message alone; tried again, all is there once."""
    monkeypatch.setattr(bucket, "_RETRIES", {"mode": "standard", "total_max_attempts": 1})
    events = [dropped(root, f"raw/emt/stops/{n}", json_lines({**STOP, "node": n})) for n in "abc"]
    where = f"{root.bucket}/raw/emt/stops/b"
    emulator.faults.add(Fault("s3", "GetObject", status=503, code="SlowDown", path=where))
    assert call(*events) == ["1"]
    assert set(tree(root, "raw/")) == {"raw/emt/stops/b"}
    assert call(events[1]) == []
    assert sorted(e["payload"]["node"] for e in landed(root)) == ["a", "b", "c"]


def test_a_fault_of_ours_loses_no_file(
    root: S3Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What nobody foresaw fails its message alone, is told with its place, and leaves the file."""
    events = [dropped(root, f"raw/emt/stops/{n}", json_lines({**STOP, "node": n})) for n in "ab"]
    rows = formats.rows

    def broken(content: bytes, kind: Any) -> Any:
        if b'"a"' in content:
            raise ZeroDivisionError
        return rows(content, kind)

    monkeypatch.setattr(formats, "rows", broken)
    assert call(*events) == ["0"]
    assert set(tree(root, "raw/")) == {"raw/emt/stops/a"}
    (line,) = [one for one in said(capsys.readouterr().err) if one["event"] == "landing_failed"]
    assert line["error"] == "ZeroDivisionError"
    assert "in broken" in line["reason"]


def test_no_file_is_begun_too_late(root: S3Path) -> None:
    """What is left when the time is nearly over comes again; a short time-out is halved."""
    events = [dropped(root, f"raw/emt/stops/{n}", json_lines({**STOP, "node": n})) for n in "abc"]
    assert call(*events, left=[900_000, 500_000, 110_000, 100_000]) == ["1", "2"]
    assert call(events[1], left=[60_000, 40_000]) == []
    assert set(tree(root, "raw/")) == {"raw/emt/stops/c"}


_PART = st.one_of(
    st.sampled_from(["raw", "emt", "stops", "bronze", "..", ".", "", "%2e%2e", "~", "a\\..\\b"]),
    st.text(max_size=8),
)
KEYS = st.one_of(
    st.text(max_size=30),
    st.lists(_PART, max_size=6).map(lambda parts: "/".join(["raw", *parts])),
    st.lists(_PART, max_size=6).map(lambda parts: "/".join(["raw/emt/stops", *parts])),
)


@hypothesis.given(key=KEYS)
@hypothesis.settings(max_examples=25)
def test_no_key_leads_out_of_raw(root: S3Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever an event calls a file: only that object of raw is taken, and it is never lost."""
    monkeypatch.setattr(bucket, "root", lambda _: root)  # a client takes longer than the call
    kept = {"secret": b"s", "bronze/emt/stops/date=2025-01-01/x.jsonl.gz": b"b", "raw2/x": b"r"}
    content = json_lines({**STOP, "name": key.encode(errors="replace").hex()})
    for name, bytes_ in kept.items():
        put(root, name, bytes_)
    try:
        put(root, key, content)
    except (ClientError, UnicodeError, ValueError):
        hypothesis.event("a key that S3 does not take")
    except Exception as error:  # noqa: BLE001  the SDK's own refusals of empty and odd keys
        hypothesis.event(type(error).__name__)
    before = tree(root)
    assert call(created(root.bucket, key)) in ([], ["0"])
    after = tree(root)
    gone, new = before.keys() - after.keys(), after.keys() - before.keys()
    assert gone <= {key}
    assert all(name.startswith("raw/") for name in gone)
    assert {name: after[name] for name in before.keys() - gone} == {
        name: before[name] for name in before.keys() - gone
    }
    assert all(name.startswith(("bronze/", "originals/", "quarantine/")) for name in new)
    assert not any({".", "..", ""} & set(name.split("/")) for name in new)
    assert not gone or content in {after[name] for name in new}
    for name in after:
        root.client.client.delete_object(Bucket=root.bucket, Key=name)


def test_the_time_is_the_events(root: S3Path) -> None:
    """Landed days later, a file is of the day it was dropped."""
    early = (NOW - timedelta(days=3)).isoformat()
    assert call(dropped(root, "raw/emt/stops/a", time=early)) == []
    assert [key.split("/")[3] for key in tree(root, "bronze/")] == ["date=2025-08-26"]


def test_a_function_of_a_folder_says_so(lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deployed with a folder for a lake, nothing is done."""
    deploy(lake, monkeypatch, LAKE_PLACE="local", LAKE_HOME=".lake")
    with pytest.raises(Exception, match="no bucket"):
        functions.land(json.loads(json.dumps(batch())), Context())
