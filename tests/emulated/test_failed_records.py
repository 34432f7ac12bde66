"""`lake rejected` for records that Firehose could not transform or deliver.

AWS: "Handle failure in data transformation", "Handling errors for data format conversion".
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from console import failed, rejected, tables
from console.emulator.faults import Fault
from console.package import PROJECT
from lakehouse import settings
from lakehouse.errors import LakeError, StorageError, UsageError
from lakehouse.ledger import REJECTED_ROW
from tests.emulated import handlers, weather_stream
from tests.emulated.events_server import wait_for
from tests.stream import answer, decoded, record, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from console.emulator.server import Server
    from lakehouse.settings import Settings
    from tests.emulated.events_server import Aws
    from tests.emulated.weather_stream import WeatherStream

STREAM = failed.STREAM_TABLE
PROCESSING, ICEBERG = "firehose-errors/processing-failed/", "firehose-errors/iceberg-failed/"
SECRET = "s3cr3t-pass"  # noqa: S105  what must not be shown


def run(*words: str) -> Any:
    """What `lake rejected …` tells in JSON. Raises its LakeError."""
    app = typer.Typer()
    rejected.register(app)
    done = CliRunner().invoke(app, ["rejected", *words, "--json"])
    if isinstance(done.exception, LakeError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def stream(aws: Aws, lake: Settings, monkeypatch: pytest.MonkeyPatch) -> WeatherStream:
    """A stream, and a shell that works on its lake as after `lake env`."""
    made = weather_stream.make(aws, lake)
    names = {"LAKE_PREFIX": made.lake.prefix, "LAKE_STREAM": made.name}
    handlers.deploy(made.lake, monkeypatch, **names, LAKE_STREAM_SOURCE="direct")
    tables.apply(made.lake, (REJECTED_ROW,))
    return made


def with_rows(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], Any]:
    """The shipped transformation, with a fault in its rows."""

    def transform(event: Any) -> Any:
        said = weather_stream.shipped(event)
        for one in said["records"]:
            if one["result"] == "Ok":
                row = json.dumps(change(decoded(one)))
                one["data"] = base64.b64encode(row.encode()).decode()
        return said

    return transform


def refusing(minute: int) -> Callable[[Any], Any]:
    """A transformation that does not know the answers of one minute yet."""
    unknown = record(answer(minute))

    def transform(event: Any) -> Any:
        said = weather_stream.shipped(event)
        for asked, one in zip(event["records"], said["records"], strict=True):
            if base64.b64decode(asked["data"]) == unknown:
                one["result"] = "ProcessingFailed"
        return said

    return transform


def test_a_failed_record_is_found_shown_and_redriven(stream: WeatherStream) -> None:
    """Refused by the transform, it fails alone; mended, it is redriven and there exactly once."""
    data = [record(answer(minute)) for minute in (0, 15, 30)]
    stream.transforms_by(refusing(15))
    stream.put(*data)
    wait_for(lambda: stream.delivered() == 2 and bool(stream.objects(PROCESSING)))
    ((key, content),) = stream.objects(PROCESSING).items()
    uri = f"{stream.lake.home}/{key}"
    (listed,) = run("list")
    reason = "Lambda.ProcessingFailedStatus: ProcessingFailed status set for record"
    assert listed.pop("latest")
    assert listed == {"table_name": STREAM, "reason": reason, "rows": 1, "first_source": uri}
    (shown,) = run("show", STREAM)
    assert (shown["source_uri"], shown["source_row"]) == (uri, 1)
    assert shown["record"] == data[1].decode()
    assert shown["transform_now"] == "takes it"

    stream.transforms_by(weather_stream.shipped)
    (done,) = run("redrive", STREAM)
    moved = key.replace("firehose-errors/", "firehose-redriven/")
    assert done == {"object": uri, "records": 1, "moved_to": f"{stream.lake.home}/{moved}"}
    wait_for(lambda: stream.delivered() == 3)
    assert stream.rows() == rows(data)
    assert stream.objects("firehose-") == {moved: content}
    assert run("list") == run("show", STREAM) == []
    with pytest.raises(UsageError, match=f"no record of {STREAM} failed"):
        run("redrive", STREAM)
    assert stream.counters()["IncomingRecords"] == 4


def test_what_iceberg_did_not_take_is_redriven_as_it_was_put(stream: WeatherStream) -> None:
    """Of a row with a wrong type the original record is shown and sent, not what became of it."""
    data = [record(answer(minute)) for minute in (0, 15)]
    stream.transforms_by(with_rows(lambda row: {**row, "fetched_at": "yesterday"}))
    stream.put(*data)
    wait_for(lambda: bool(stream.objects(ICEBERG)))
    assert [(r["reason"].split(":")[0], r["rows"]) for r in run("list")] == [
        ("Iceberg.TypeMismatch", 2)
    ]
    assert sorted(r["record"] for r in run("show", STREAM)) == sorted(d.decode() for d in data)
    assert len(run("show", STREAM, "--limit", "1")) == 1
    stream.transforms_by(weather_stream.shipped)
    assert [done["records"] for done in run("redrive", STREAM)] == [2]
    wait_for(lambda: stream.delivered() == 2)
    assert stream.rows() == rows(data)
    assert run("list") == []


def test_killed_before_the_move_it_is_sent_twice_under_one_name(
    stream: WeatherStream, emulator: Server
) -> None:
    """What was sent and not moved is sent again: a second row of the same event, which is one.

    That silver has an event once, however often it is delivered: test_silver_stream.
    """
    data = record(answer())
    stream.transforms_by(refusing(0))
    stream.put(data)
    wait_for(lambda: bool(stream.objects(PROCESSING)))
    stream.transforms_by(weather_stream.shipped)
    emulator.faults.add(Fault("s3", "DeleteObject", "before", status=403, code="AccessDenied"))
    with pytest.raises(StorageError, match="AccessDenied"):
        run("redrive", STREAM)
    assert len(run("show", STREAM)) == 1
    run("redrive", STREAM)
    wait_for(lambda: stream.delivered() == 2)
    assert stream.rows() == rows([data, data])
    assert len({row["event_id"] for row in stream.rows()}) == 1
    assert run("list") == []


def test_what_the_stream_does_not_take_stays(stream: WeatherStream, emulator: Server) -> None:
    """Nothing is moved before it was sent."""
    stream.put(b"poison")
    wait_for(lambda: bool(stream.objects(PROCESSING)))
    before = stream.objects("firehose-")
    emulator.faults.add(
        Fault("firehose", "PutRecordBatch", "before", status=400, code="AccessDeniedException")
    )
    with pytest.raises(LakeError, match="may not be written to"):
        run("redrive", STREAM)
    assert stream.objects("firehose-") == before


def test_poison_fails_again_and_shows_no_secret(stream: WeatherStream) -> None:
    """What no transform takes is back in the list after a redrive; its secrets are masked."""
    poison = json.dumps({"password": SECRET, "told": json.dumps({"apikey": SECRET})}).encode()
    stream.put(poison)
    wait_for(lambda: bool(stream.objects(PROCESSING)))
    ((first, content),) = stream.objects(PROCESSING).items()
    (shown,) = run("show", STREAM)
    assert shown["transform_now"] == "refuses it: no record of weatherapi/current"
    assert shown["record"].count("***") == 2
    assert SECRET not in json.dumps(shown)
    run("redrive", STREAM)
    wait_for(lambda: bool(stream.objects(PROCESSING)))
    (again,) = stream.objects(PROCESSING)
    assert again != first
    assert list(stream.objects("firehose-redriven/").values()) == [content]


def test_an_object_of_another_shape_stays(stream: WeatherStream) -> None:
    """Lines that cannot be read are listed as such, and their object is left as it is."""
    lines = [b"{", b"[]", b'"rawData"', b'{"rawData": "?"}', b'{"errorCode": "x"}']
    key = f"{PROCESSING}2025/08/26/odd"
    bucket = stream.lake.home.removeprefix("s3://")
    stream.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"\n".join(lines))
    found = run("show", STREAM)
    assert [row["source_row"] for row in found] == [1, 2, 3, 4, 5]
    assert all(row["reason"].startswith("no line of Firehose's: ") for row in found)
    assert run("redrive", STREAM) == [
        {"object": f"s3://{bucket}/{key}", "records": 5, "moved_to": None}
    ]
    assert list(stream.objects("firehose-")) == [key]


def test_other_spellings_of_the_reason_are_read() -> None:
    """Failed format conversions say lastErrorCode; their times are milliseconds."""
    told = {
        "attemptsMade": 1,
        "attemptEndingTimestamp": 1_756_202_400_000,
        "lastErrorCode": "DataFormatConversion.X",
        "lastErrorMessage": f"password={SECRET}",
        "rawData": base64.b64encode(b"x").decode(),
    }
    (found,) = failed.parse("s3://b/firehose-errors/iceberg-failed/a", json.dumps(told).encode())
    assert found.reason == "DataFormatConversion.X: password=***"
    assert found.original == b"x"
    assert found.failed_at is not None
    assert found.failed_at.isoformat() == "2025-08-26T10:00:00+00:00"


def test_the_local_place_has_no_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There nothing of a stream is listed, and asking for it says where there is one."""
    for name in ("LAKE_PLACE", "LAKE_PREFIX", "LAKE_STREAM", "LAKE_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAKE_HOME", str(tmp_path))
    assert failed.records(settings.load()) == []
    for command in ("show", "redrive"):
        with pytest.raises(UsageError, match="the local place has no stream"):
            run(command, STREAM)


def test_terraform_has_them_written_where_they_are_looked_for() -> None:
    """The error prefix of the stream is the one that is read here and in these tests."""
    declared = (PROJECT / "terraform" / "delivery.tf").read_text("utf-8")
    assert f'error_output_prefix = "{weather_stream.ERROR_PREFIX}"' in declared
    assert weather_stream.ERROR_PREFIX.startswith(f"{failed.ERRORS}/")
