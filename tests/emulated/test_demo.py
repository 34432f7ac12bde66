"""What `lake demo --place emulated` puts into the deployed lake, and what it leaves out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from console.deployed import demo
from console.deployed.lake import Deployed
from console.deployed.place import Place
from console.emulator import background
from console.emulator.server import REGION
from ingestion.bronze import Bronze, Record, Stream
from lakehouse.errors import LakeError, UsageError
from tests.emulated import handlers, weather_stream
from tests.emulated.events_server import ROLE
from tests.emulated.lakes import bucket_of, tree
from tests.stream import NOON, answer, record, rows

if TYPE_CHECKING:
    from pathlib import Path

    from lakehouse.settings import Settings
    from tests.emulated.events_server import Aws
    from tests.emulated.weather_stream import WeatherStream

CITY = (("emt", "lines"), ("emt", "stops"), ("weatherapi", "current"))


def chain_of(stream: WeatherStream, folder: Path, **outputs: Any) -> demo.Chain:
    """A lake whose emulator is the one of these tests."""
    place, url = Place("emulated", "dev", folder), stream.aws.server.url
    place.emulator_folder.mkdir(parents=True, exist_ok=True)
    background.announce(place.emulator_folder, url)
    told = {"region": REGION, "stream_name": stream.name, "environment": {}, **outputs}
    return demo.Chain(place, Deployed("emulated", "dev", "", url, told), frozenset())


def polled(folder: Path, *minutes: int) -> None:
    """A city's answers, as ingestion lands them."""
    for source, name in CITY:
        replies = [
            (Record(answer(n), {"q": "madrid"}), NOON + timedelta(minutes=n)) for n in minutes
        ]
        Bronze(folder).write_replies(Stream(source, name), replies)


def test_bronze_files_are_uploaded_once(lake: Settings, tmp_path: Path) -> None:
    """All but the weather go where the ingest function writes them; what is there stays."""
    polled(tmp_path, 0)
    root = bucket_of(lake)
    assert demo.upload(root, tmp_path) == 2
    before = tree(root)
    assert {tuple(key.split("/")[1:3]) for key in before} == set(CITY[:2])
    for key, content in before.items():
        assert (tmp_path / key).read_bytes() == content
    polled(tmp_path, 15)
    assert demo.upload(root, tmp_path) == 2
    assert len(tree(root)) == 4
    assert demo.upload(root, tmp_path) == 0


def test_the_weather_is_streamed_as_the_producer_does_it(
    aws: Aws, lake: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each observation is a row of the stream's table, and none is put again."""
    stream = weather_stream.make(aws, lake)
    names = {"LAKE_PREFIX": stream.lake.prefix, "LAKE_STREAM": stream.name}
    handlers.deploy(stream.lake, monkeypatch, **names)
    polled(tmp_path, 0, 15)
    chain = chain_of(stream, tmp_path)
    files = list((tmp_path / demo.WEATHER).rglob("*.gz"))
    for _ in range(2):
        chain.stream(stream.lake, files)
        assert stream.rows() == rows(
            record(answer(n), NOON + timedelta(minutes=n)) for n in (0, 15)
        )
    assert stream.counters()["IncomingRecords"] == 2


def test_a_failed_execution_ends_it(aws: Aws, lake: Settings, tmp_path: Path) -> None:
    """What did not succeed is said with its reason, unless it was there before."""
    steps = aws.client("stepfunctions")
    failing = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Cause": "no such table"}}}
    made = steps.create_state_machine(name="demo", definition=json.dumps(failing), roleArn=ROLE)
    steps.start_execution(stateMachineArn=made["stateMachineArn"], name="one", input="{}")
    application = aws.client("emr-serverless").create_application(
        name="demo", releaseLabel="emr-7.13.0", type="SPARK"
    )
    chain = chain_of(
        weather_stream.make(aws, lake, with_table=False),
        tmp_path,
        state_machine_arn=made["stateMachineArn"],
        application_id=application["applicationId"],
        queue_urls={},
    )
    with pytest.raises(LakeError, match="one FAILED: no such table"):
        chain.settle()
    replace(chain, earlier=frozenset({"one"})).settle()


def test_made_up_and_recorded_buses_do_not_mix(lake: Settings) -> None:
    """A lake that holds the one kind refuses the other; the same again is no other."""
    demo.claim(lake, "simulated")
    demo.claim(lake, "simulated")
    with pytest.raises(UsageError, match="data of simulated"):
        demo.claim(lake, "recorded: here")
    assert tree(bucket_of(lake)) == {"source.txt": b"simulated\n"}


def test_made_up_data_never_goes_to_aws(tmp_path: Path) -> None:
    """A demonstration has no place in an account."""
    with pytest.raises(UsageError, match="for the emulated place"):
        demo.run(Place("aws", "dev", tmp_path), ())
