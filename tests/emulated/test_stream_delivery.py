"""The weather now, all the way to its bronze table: producer, Firehose, transformation, Iceberg.

AWS: "Deliver data to Apache Iceberg Tables with Amazon Data Firehose", "Transform source data in
Amazon Data Firehose".
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from console import tables
from ingestion.clock import SimulatedClock
from jobs.bronze.weatherapi_current import TABLE
from lakehouse import log, settings
from lakehouse.snapshots import History
from lakehouse.streams import pending
from streaming import functions, sender
from tests.emulated.events_server import ACCOUNT, REGION, ROLE, running, wait_for
from tests.stream import NOON, answer, record, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakehouse.settings import Settings
    from tests.emulated.events_server import Aws

STREAM = "lake-dev-weather"


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """An emulator with Firehose and a catalog, and this process as one of its users."""
    monkeypatch.setattr(log, "configure", lambda: None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "TEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", REGION)
    with running(tmp_path, "glue", "firehose") as found:
        found.client("s3").create_bucket(Bucket="lake")
        yield found


def place(aws: Aws) -> Settings:
    """The emulated place."""
    return settings.load(
        {"AWS_REGION": REGION},
        place="emulated", home="s3://lake", prefix="lake_dev", endpoint=aws.server.url,
    )  # fmt: skip


def create_stream(aws: Aws) -> None:
    """The stream as Terraform makes it, its function being the one that ships; no patience."""
    function = aws.function("transform", lambda event: functions.transform(event, None))
    parameters = {"LambdaArn": f"{function}:$LATEST", "BufferIntervalInSeconds": "0"}
    listed = [{"ParameterName": key, "ParameterValue": value} for key, value in parameters.items()]
    store = {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lake", "ErrorOutputPrefix": "errors/"}
    aws.client("firehose").create_delivery_stream(
        DeliveryStreamName=STREAM,
        IcebergDestinationConfiguration={
            "RoleARN": ROLE,
            "CatalogConfiguration": {"CatalogARN": f"arn:aws:glue:{REGION}:{ACCOUNT}:catalog"},
            "DestinationTableConfigurationList": [
                {
                    "DestinationDatabaseName": "lake_dev_bronze",
                    "DestinationTableName": TABLE.name,
                }
            ],
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
            "ProcessingConfiguration": {
                "Enabled": True,
                "Processors": [{"Type": "Lambda", "Parameters": listed}],
            },
            "S3Configuration": store,
        },
    )


def counters(aws: Aws) -> dict[str, int]:
    """What the stream has counted."""
    with urlopen(f"{aws.server.url}/_lake/firehose") as reply:
        return dict(json.loads(reply.read())[STREAM]["counters"])


def errors(aws: Aws) -> list[bytes]:
    """The records that failed, as they were put."""
    s3 = aws.client("s3")
    listed = s3.list_objects_v2(Bucket="lake", Prefix="errors/").get("Contents", [])
    bodies = [s3.get_object(Bucket="lake", Key=one["Key"])["Body"].read() for one in listed]
    lines = [line for body in bodies for line in body.decode().splitlines()]
    return [base64.b64decode(json.loads(line)["rawData"]) for line in lines]


def test_answers_arrive_and_poison_is_kept(aws: Aws) -> None:
    """What the producer puts is a row of the applied table; what is no record is an error record.

    The new snapshots are what silver has to take.
    """
    where = place(aws)
    tables.apply(where, (TABLE,))
    create_stream(aws)
    data = [record(answer(minute)) for minute in (0, 15, 15)]
    messages = [sender.Message(str(n), "madrid", one) for n, one in enumerate([*data, b"poison"])]
    stream = sender.open_stream(STREAM, "direct", where)
    assert sender.send(stream, messages, clock=SimulatedClock(NOON)) == 1
    wait_for(lambda: counters(aws).get("DeliveryToIceberg.SuccessfulRowCount") == 3)
    wait_for(lambda: bool(errors(aws)))
    assert errors(aws) == [b"poison"]

    opened = tables.open_catalog(where).load_table(f"lake_dev_bronze.{TABLE.name}")
    found: list[dict[str, Any]] = opened.scan().to_arrow().to_pylist()
    in_order = sorted(found, key=lambda row: str(row["obs_ts"]))
    assert in_order == rows(data)

    history = History.parse(TABLE.name, json.loads(opened.metadata.model_dump_json(by_alias=True)))
    head = f"stream:{TABLE.full_name}@..{history.head()}"
    assert pending(TABLE, history, []) == [head]
    assert pending(TABLE, history, [head]) == []
