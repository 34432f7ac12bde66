"""The weather now, all the way to its bronze table: producer, Firehose, transformation, Iceberg.

AWS: "Deliver data to Apache Iceberg Tables with Amazon Data Firehose", "Transform source data in
Amazon Data Firehose".
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from console import tables
from ingestion.clock import SimulatedClock
from jobs.bronze.weatherapi_current import TABLE
from lakehouse import catalog
from lakehouse.snapshots import History
from lakehouse.streams import pending
from streaming import functions, sender
from tests.emulated.events_server import ACCOUNT, REGION, ROLE, wait_for
from tests.stream import NOON, answer, record, rows

if TYPE_CHECKING:
    from lakehouse.settings import Settings
    from tests.emulated.events_server import Aws

STREAM = "lake-dev-weather"


def create_stream(aws: Aws, bucket: str, database: str) -> None:
    """The stream as Terraform makes it, its function being the one that ships; no patience."""
    function = aws.function("transform", lambda event: functions.transform(event, None))
    parameters = {"LambdaArn": f"{function}:$LATEST", "BufferIntervalInSeconds": "0"}
    listed = [{"ParameterName": key, "ParameterValue": value} for key, value in parameters.items()]
    store = {"RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{bucket}", "ErrorOutputPrefix": "errors/"}
    aws.client("firehose").create_delivery_stream(
        DeliveryStreamName=STREAM,
        IcebergDestinationConfiguration={
            "RoleARN": ROLE,
            "CatalogConfiguration": {"CatalogARN": f"arn:aws:glue:{REGION}:{ACCOUNT}:catalog"},
            "DestinationTableConfigurationList": [
                {
                    "DestinationDatabaseName": database,
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


def errors(aws: Aws, bucket: str) -> list[bytes]:
    """The records that failed, as they were put."""
    s3 = aws.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="errors/").get("Contents", [])
    bodies = [s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in listed]
    lines = [line for body in bodies for line in body.decode().splitlines()]
    return [base64.b64decode(json.loads(line)["rawData"]) for line in lines]


def test_answers_arrive_and_poison_is_kept(aws: Aws, lake: Settings, bucket: str) -> None:
    """What the producer puts is a row of the applied table; what is no record is an error record.

    The new snapshots are what silver has to take.
    """
    where = replace(lake, prefix=f"p{bucket[-8:]}")
    database = catalog.database(where, TABLE.database)
    tables.apply(where, (TABLE,))
    create_stream(aws, bucket, database)
    data = [record(answer(minute)) for minute in (0, 15, 15)]
    messages = [sender.Message(str(n), "madrid", one) for n, one in enumerate([*data, b"poison"])]
    stream = sender.open_stream(STREAM, "direct", where)
    assert sender.send(stream, messages, clock=SimulatedClock(NOON)) == 1
    wait_for(lambda: counters(aws).get("DeliveryToIceberg.SuccessfulRowCount") == 3)
    wait_for(lambda: bool(errors(aws, bucket)))
    assert errors(aws, bucket) == [b"poison"]

    opened = tables.open_catalog(where).load_table(f"{database}.{TABLE.name}")
    found: list[dict[str, Any]] = opened.scan().to_arrow().to_pylist()
    in_order = sorted(found, key=lambda row: str(row["obs_ts"]))
    assert in_order == rows(data)

    history = History.parse(TABLE.name, json.loads(opened.metadata.model_dump_json(by_alias=True)))
    head = f"stream:{TABLE.full_name}@..{history.head()}"
    assert pending(TABLE, history, []) == [head]
    assert pending(TABLE, history, [head]) == []
