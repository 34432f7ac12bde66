"""Ingestion into a lake that is in a bucket: the same rules as in a folder.

AWS: "Amazon S3 data consistency model", "How to prevent object overwrites with conditional
writes", "How to perform conditional deletes".
"""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from console.emulator.faults import Fault
from ingestion import bucket, caps, places
from ingestion.bronze import Bronze, Record, Stream
from ingestion.landing import land, strays, sweep, waiting
from ingestion.quarantine import STRAYS, quarantined
from lakehouse import settings
from lakehouse.errors import (
    BusyError,
    ConfigurationError,
    CredentialsError,
    StorageError,
    UsageError,
)
from tests.emulated.lakes import asked, bucket_of, drop, landed, put, tree
from tests.unit.landing_files import NOW, STOP, STOPS, json_lines, workbook

if TYPE_CHECKING:
    from pathlib import Path

    from console.emulator.server import Server
    from lakehouse.settings import Settings

FILES = {
    "good": json_lines(STOP, STOP),
    "partly": json_lines(STOP) + b"[1]\n",
    "bad": b"{",
    "workbook": workbook([["node", "name"], ["1", "a"]]),
}


class Killed(Exception):  # noqa: N818 - it is an event, not an error
    """The process ended here."""


class Steps:
    """Hears the steps of a landing, and ends it before the one of this number."""

    def __init__(self, last: int | None = None) -> None:
        self.names: list[str] = []
        self.last = last

    def __call__(self, name: str) -> None:
        """Hear of a step."""
        if len(self.names) == self.last:
            raise Killed
        self.names.append(name)


def test_bronze_is_one_put(emulator: Server, lake: Settings) -> None:
    """A file is there whole at once, by the same name as in a folder, and known from then on."""
    root = bucket_of(lake)
    path = Bronze(root).write_file(STOPS, [Record(STOP)], sha256="ab", fetched_at=NOW)
    key = "bronze/emt/stops/date=2025-08-29/ab.jsonl.gz"
    assert asked(emulator, root, "PutObject") == [key]
    assert str(path) == f"s3://{root.bucket}/{key}"
    assert json.loads(gzip.decompress(tree(root)[key]))["payload"] == STOP
    later = NOW + timedelta(days=3)
    assert Bronze(root).write_file(STOPS, [Record(1)], sha256="ab", fetched_at=later) == path
    assert list(tree(root)) == [key]


def test_a_known_file_is_found_unread(emulator: Server, lake: Settings) -> None:
    """Whatever its day, a file is found by names alone; other streams' are not looked at."""
    root = bucket_of(lake)
    for number in range(3):
        day = NOW + timedelta(days=number)
        Bronze(root).write_file(STOPS, [Record(1)], sha256=f"a{number}", fetched_at=day)
    found = Bronze(root).find(STOPS, "a1")
    assert found is not None
    assert found == Bronze(root).find(STOPS, "a1", NOW) == Bronze(root).find(STOPS, "a1", day)
    assert Bronze(root).find(STOPS, "a") is None
    assert Bronze(root).find(Stream("emt", "lines"), "a1") is None
    assert asked(emulator, root, "GetObject") == []
    listings = len(asked(emulator, root, "ListObjectsV2"))
    Bronze(root).find(STOPS, "a2", day)
    assert len(asked(emulator, root, "ListObjectsV2")) == listings + 1


def test_replies_are_the_same_file_when_written_again(lake: Settings) -> None:
    """The origin of a reply is its line in that file, relative to the bucket."""
    root = bucket_of(lake)
    replies = [(Record({"a": 1}, {"q": "x"}), NOW), (Record({"a": 2}), NOW)]
    first = Bronze(root).write_replies(STOPS, replies)
    assert first == Bronze(root).write_replies(STOPS, replies)
    (key,) = tree(root)
    assert {line["origin"]["uri"] for line in landed(root)} == {key}


def test_what_is_not_packed_for_transport_is_not_said_to_be(lake: Settings) -> None:
    """A client must not unpack .gz files unasked: they carry no Content-Encoding."""
    root = bucket_of(lake)
    drop(root, FILES["good"], name="a.jsonl.gz")
    for key in tree(root):
        said = root.client.client.head_object(Bucket=root.bucket, Key=key)
        assert "ContentEncoding" not in said, key


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_killed_landing_is_finished_by_the_next(lake: Settings, content: bytes) -> None:
    """Ended before any of its steps and landed again, the lake is the same as undisturbed."""
    root, steps = bucket_of(lake), Steps()
    drop(root, content, step=steps)
    whole = tree(root)
    assert len(steps.names) >= 4
    assert not tree(root, "raw/")
    for last in range(len(steps.names)):
        for key in tree(root):
            places.remove(root / key)
        with pytest.raises(Killed):
            drop(root, content, step=Steps(last))
        assert list(tree(root, "raw/").values()) == [content]
        (done,) = sweep(root, now=NOW, location=None)
        assert tree(root) == whole, steps.names[last]
        assert done.status in {"landed", "partly", "quarantined", "known"}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_landing_the_same_bytes_again_changes_nothing(lake: Settings, content: bytes) -> None:
    """Known by content, not by name or day; what is in quarantine is said again."""
    root = bucket_of(lake)
    first = drop(root, content, name="a")
    before, steps = tree(root), Steps()
    file = put(root, "raw/emt/stops/b", content)
    later = NOW + timedelta(days=1)
    again = land(root, file, STOPS, now=later, location=None, keep_source=False, step=steps)
    assert (again.status, again.rows) == ("known", 0)
    assert (again.reason, again.bad_rows) == (first.reason, first.bad_rows)
    assert tree(root) == before
    assert "rows" not in steps.names


def test_bronze_without_its_original_is_finished_under_the_first_name(lake: Settings) -> None:
    """Killed between the two, and renamed before it comes again: bronze still names a file."""
    root, content = bucket_of(lake), FILES["good"]
    with pytest.raises(Killed):
        drop(root, content, name="first.jsonl", step=Steps(2))
    drop(root, content, name="second.jsonl")
    assert tree(root, "originals/") == {landed(root)[0]["origin"]["uri"]: content}


def test_a_file_that_is_written_meanwhile_is_not_removed(lake: Settings) -> None:
    """What stands in raw is removed only if it is what was landed; the rest comes next time."""
    root = bucket_of(lake)

    def write_on(step: str) -> None:
        if step == "clean":
            put(root, "raw/emt/stops/growing", json_lines(STOP, STOP))

    drop(root, json_lines(STOP), name="growing", step=write_on)
    (done,) = sweep(root, now=NOW, location=None)
    assert (done.status, done.rows) == ("landed", 2)
    assert not tree(root, "raw/")


def test_a_file_that_is_written_while_it_is_read_is_refused(lake: Settings) -> None:
    """What was seen and what is read are one object, or nothing is done."""
    root = bucket_of(lake)

    def write_on(step: str) -> None:
        if step == "read":
            put(root, "raw/emt/stops/growing", json_lines(STOP, STOP))

    with pytest.raises(BusyError, match="still being written"):
        drop(root, json_lines(STOP), name="growing", step=write_on)
    assert list(tree(root)) == ["raw/emt/stops/growing"]


def test_a_sweep_takes_what_is_whole_and_leaves_the_rest(lake: Settings) -> None:
    """All of a stream's objects are landed at once; hidden, unfinished and foreign ones stay."""
    root = bucket_of(lake)
    taken = [
        "emt/stops/a",
        "emt/stops/year=2025/month=08/b",
        "emt/incidents/c",
        "emt/stops/a b+%41",
    ]
    left = [
        "emt/stops/.hidden",
        "emt/stops/x.part",
        "emt/stops/~$book.xlsx",
        "emt/stops/.t/x",
        "emt/stops/../up",
    ]
    stray = ["emt/stray", "stray", "emt/nothing/stray", "Emt/stops/stray"]
    for number, name in enumerate(taken + left + stray):
        put(root, f"raw/{name}", json_lines(STOP | {"guid": str(number)}))
    put(root, "raw/emt/stops/made-in-a-console/", b"")
    assert {str(path)[len(f"s3://{root.bucket}/raw/") :] for path, _ in waiting(root)} == {*taken}
    assert {str(path)[len(f"s3://{root.bucket}/raw/") :] for path in strays(root)} == {*stray}
    done = sweep(root, now=NOW, location=None)
    assert [one.status for one in done] == ["landed"] * len(taken)
    raw = {key.removeprefix("raw/") for key in tree(root, "raw/")}
    assert raw == {*left, *stray, "emt/stops/made-in-a-console/"}


def test_a_file_too_large_is_quarantined_unread(
    lake: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is copied within the bucket, or uploaded from here, and is listed with the reason."""
    monkeypatch.setattr(caps, "FILE_BYTES", 10)
    root, content = bucket_of(lake), json_lines(STOP)
    assert drop(root, content, name="big").status == "quarantined"
    (tmp_path / "big too").write_bytes(content + b"\n")
    done = land(root, tmp_path / "big too", STOPS, now=NOW, location=None, keep_source=True)
    assert done.status == "quarantined"
    assert (tmp_path / "big too").is_file()
    kept = {entry.name: tree(root)[entry.file] for entry in quarantined(root)}
    assert kept == {"big": content, "big too": content + b"\n"}
    assert not tree(root, "raw/")


def test_a_file_too_large_that_changes_is_refused(
    lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was copied may not be what was named by its hash: it is not listed, and not removed."""
    monkeypatch.setattr(caps, "FILE_BYTES", 10)
    root = bucket_of(lake)

    def write_on(step: str) -> None:
        if step == "quarantine":
            put(root, "raw/emt/stops/big", json_lines(STOP, STOP))

    with pytest.raises(BusyError, match="still being written"):
        drop(root, json_lines(STOP), name="big", step=write_on)
    assert quarantined(root) == []
    assert tree(root, "raw/") == {"raw/emt/stops/big": json_lines(STOP, STOP)}


def test_nothing_is_asked_for_that_is_not_there(emulator: Server, lake: Settings) -> None:
    """To a role that may list some prefixes only, S3 says 403 of a missing object, not 404."""
    root = bucket_of(lake)
    for name in ("a", "again"):
        for content in FILES.values():
            drop(root, content, name=name)
    requests = emulator.requests.find(service="s3")
    ours = [one for one in requests if root.bucket in one.path]
    assert len(ours) > 20
    assert {one.status for one in ours} <= {200, 204}


def test_a_file_of_this_machine_is_landed_in_the_bucket(lake: Settings, tmp_path: Path) -> None:
    """`lake land FILE` leaves the user's file where it is."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(FILES["good"])
    done = land(bucket_of(lake), file, STOPS, now=NOW, location=None, keep_source=True)
    assert (done.status, done.rows) == ("landed", 2)
    assert file.read_bytes() == FILES["good"]


def test_what_is_no_file_is_a_usage_error(lake: Settings) -> None:
    """An object that is not there is a mistake in the call; a name's beginning is no object."""
    root = bucket_of(lake)
    put(root, "raw/emt/stops/ab", b"{}")
    with pytest.raises(UsageError, match="not there"):
        land(root, root / "raw/emt/stops/a", STOPS, now=NOW, location=None, keep_source=False)


def test_quarantine_is_listed_the_oldest_first(lake: Settings) -> None:
    """The list is what the entries say, in the order they came."""
    root = bucket_of(lake)
    for hours, content in ((2, b"x"), (1, b"["), (3, b"{")):
        file, now = put(root, f"raw/emt/stops/f{hours}", content), NOW + timedelta(hours=hours)
        land(root, file, STOPS, now=now, location=None, keep_source=False)
    assert [entry.name for entry in quarantined(root)] == ["f1", "f2", "f3"]
    assert all(entry.of != STRAYS for entry in quarantined(root))


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK does not try again."""
    monkeypatch.setattr(bucket, "_RETRIES", {"mode": "standard", "total_max_attempts": 1})


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("operation", ["ListObjectsV2", "GetObject", "PutObject", "DeleteObject"])
@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (403, "AccessDenied")])
def test_a_refusal_is_never_taken_for_nothing_there(
    emulator: Server, lake: Settings, operation: str, status: int, code: str
) -> None:
    """S3's trouble is a transient error, after which the file is still in raw and lands once."""
    root = bucket_of(lake)
    put(root, "raw/emt/stops/a", FILES["good"])
    emulator.faults.add(Fault("s3", operation, times=9, status=status, code=code, path=root.bucket))
    with pytest.raises(StorageError, match=code):
        sweep(root, now=NOW, location=None)
    emulator.faults.clear()
    assert tree(root, "raw/")
    (done,) = sweep(root, now=NOW, location=None)
    assert done.status in {"landed", "known"}
    assert len(landed(root)) == 2
    assert not tree(root, "raw/")


@pytest.mark.parametrize("operation", ["PutObject", "DeleteObject"])
def test_a_lost_answer_changes_nothing(emulator: Server, lake: Settings, operation: str) -> None:
    """A call whose effect was made and whose answer was lost is tried again, and lands once."""
    root = bucket_of(lake)
    put(root, "raw/emt/stops/a", FILES["good"])
    emulator.faults.add(Fault("s3", operation, "after", times=1, path=root.bucket))
    (done,) = sweep(root, now=NOW, location=None)
    assert done.status == "landed"
    assert len(landed(root)) == 2
    assert not tree(root, "raw/")


def test_a_bucket_that_is_not_there_is_told(lake: Settings) -> None:
    """Neither an empty lake nor a traceback."""
    nowhere = settings.load(
        {}, place="emulated", home="s3://lake-nowhere", endpoint=lake.endpoint, region=lake.region
    )
    with pytest.raises(StorageError, match="NoSuchBucket"):
        waiting(places.root(nowhere))


def test_a_lake_is_a_whole_bucket(lake: Settings) -> None:
    """Events name keys from the bucket's root on, so that a folder of one is refused."""
    inside = settings.load({}, place="emulated", home=f"{lake.home}/x", endpoint=lake.endpoint)
    with pytest.raises(ConfigurationError, match="bucket of its own"):
        places.root(inside)


def test_nobodys_call_says_what_is_missing(
    lake: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without credentials the error is about credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(CredentialsError, match="credentials"):
        waiting(places.root(lake))


def test_swapping_is_one_step(lake: Settings) -> None:
    """Of two who saw the same text only one replaces it, and nothing replaces nothing once."""
    path = bucket_of(lake) / "leases/x.json"
    assert bucket.swap(path, None, "a")
    assert not bucket.swap(path, None, "b")
    assert not bucket.swap(path, "x", "b")
    assert bucket.swap(path, "a", "b")
    assert not bucket.swap(path, "a", "c")
    assert places.read(path) == b"b"
    assert bucket.swap(path, "b", None)
    assert not bucket.swap(path, "b", None)
    assert places.read(path) is None


@pytest.mark.parametrize("new", ["b", None])
def test_a_swap_whose_answer_was_lost_is_made(
    emulator: Server, lake: Settings, new: str | None
) -> None:
    """The second try of the SDK is refused by the first one's effect; that is no lost race."""
    path = bucket_of(lake) / "leases/x.json"
    assert bucket.swap(path, None, "a")
    operation = "PutObject" if new else "DeleteObject"
    emulator.faults.add(Fault("s3", operation, "after", times=1, path=path.bucket))
    assert bucket.swap(path, "a", new)
