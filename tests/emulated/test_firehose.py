"""Firehose with an Iceberg destination.

AWS: "Deliver data to Apache Iceberg Tables with Amazon Data Firehose", "Route records to different
Iceberg tables", "Required parameters for data transformation", "Handle failure in data
transformation", "Handling errors for data format conversion", "Understand custom prefixes for
Amazon S3 objects", "Monitor metrics"; "PutRecordBatch" (API Reference).
"""

from __future__ import annotations

import base64
import gzip
import json
from datetime import datetime, timezone
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError
from pyiceberg import types
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.schema import Schema

from console.emulator.faults import Fault
from console.emulator.firehose.failures import expand
from tests.emulated.events_server import ACCOUNT, REGION, ROLE, Aws, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMBERS = count(1)
DATABASE = "lake_dev_bronze"
SCHEMA = Schema(
    types.NestedField(1, "n", types.LongType(), required=True),
    types.NestedField(2, "at", types.TimestamptzType()),
)


@pytest.fixture(scope="session", autouse=True)
def lake(aws: Aws) -> None:
    """A bucket and a database for all streams."""
    aws.client("s3").create_bucket(Bucket="lake")
    location = f"s3://lake/warehouse/{DATABASE}.db"
    catalog(aws).create_namespace(DATABASE, {"location": location})


def catalog(aws: Aws) -> GlueCatalog:
    """The emulated Glue."""
    known = {"region": REGION, "access-key-id": "TEST", "secret-access-key": "test"}
    properties = {f"{side}.{key}": value for side in ("glue", "s3") for key, value in known.items()}
    ends = {"glue.endpoint": aws.server.url, "s3.endpoint": aws.server.url}
    return GlueCatalog("test", **properties, **ends)


class Hose:
    """A stream, its table and its bucket's errors."""

    def __init__(self, aws: Aws, **settings: Any) -> None:
        self.aws, number = aws, next(_NUMBERS)
        self.name, self.table, self.prefix = f"stream-{number}", f"t{number}", f"errors/{number}/"
        self.arn = self._create(**settings)
        catalog(aws).create_table((DATABASE, self.table), SCHEMA)

    def _create(self, **settings: Any) -> str:
        outside = ("DeliveryStreamType", "KinesisStreamSourceConfiguration")
        more = {key: settings.pop(key) for key in outside if key in settings}
        store = {
            "RoleARN": ROLE,
            "BucketARN": "arn:aws:s3:::lake",
            "ErrorOutputPrefix": self.prefix,
        }
        destination = {
            "RoleARN": ROLE,
            "CatalogConfiguration": {"CatalogARN": f"arn:aws:glue:{REGION}:{ACCOUNT}:catalog"},
            "DestinationTableConfigurationList": [
                {"DestinationDatabaseName": DATABASE, "DestinationTableName": self.table}
            ],
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
            "RetryOptions": {"DurationInSeconds": 0},
            **settings,
            "S3Configuration": {**store, **settings.pop("store", {})},
        }
        destination.pop("store", None)
        made = self.aws.client("firehose").create_delivery_stream(
            DeliveryStreamName=self.name, IcebergDestinationConfiguration=destination, **more
        )
        return str(made["DeliveryStreamARN"])

    def put(self, *records: Any) -> list[str]:
        """Put a batch of JSON, or of bytes as they are."""
        data = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in records]
        told = self.aws.client("firehose").put_record_batch(
            DeliveryStreamName=self.name, Records=[{"Data": one} for one in data]
        )
        assert told["FailedPutCount"] == 0
        return [one["RecordId"] for one in told["RequestResponses"]]

    def rows(self, table: str = "") -> list[int]:
        """The n of the table's rows."""
        found = catalog(self.aws).load_table((DATABASE, table or self.table)).scan().to_arrow()
        return sorted(found["n"].to_pylist())

    def arrived(self) -> list[int]:
        """The same, as soon as there are any and nothing waits any more."""
        counter = "DeliveryToIceberg.SuccessfulRowCount"
        wait_for(lambda: _told(self.aws, self)["counters"].get(counter, 0) > 0)
        wait_for(lambda: _told(self.aws, self)["waiting"] == 0)
        return self.rows()

    def errors(self, kind: str) -> list[dict[str, Any]]:
        """The failed records under the error prefix, as soon as there are any."""
        s3, prefix = self.aws.client("s3"), f"{self.prefix}{kind}/"
        keys: list[str] = []

        def are_there() -> bool:
            listed = s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", [])
            keys[:] = [one["Key"] for one in listed]
            return bool(keys)

        wait_for(are_there)
        bodies = [s3.get_object(Bucket="lake", Key=key)["Body"].read() for key in keys]
        texts = [
            gzip.decompress(b) if k.endswith(".gz") else b
            for k, b in zip(keys, bodies, strict=True)
        ]
        return [json.loads(line) for text in texts for line in text.decode().splitlines()]


def processing(function: str, **parameters: str) -> dict[str, Any]:
    """The processing configuration of a transform function, without a buffer of its own."""
    given = {"LambdaArn": f"{function}:$LATEST", "BufferIntervalInSeconds": "0", **parameters}
    listed = [{"ParameterName": key, "ParameterValue": value} for key, value in given.items()]
    return {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": listed}]}


def transforming(aws: Aws, answer: Callable[[dict[str, Any], Any], Any]) -> str:
    """A function that answers each record of its event by `answer(record, data)`."""

    def handle(event: Any) -> Any:
        found = [answer(r, json.loads(base64.b64decode(r["data"]))) for r in event["records"]]
        return {"records": [one for one in found if one is not None]}

    return aws.function(f"transform-{next(_NUMBERS)}", handle)


def ok(record: dict[str, Any], data: Any, **route: str) -> dict[str, Any]:
    """An answer with the data as it should be delivered."""
    text = base64.b64encode(json.dumps(data).encode()).decode()
    more = {"metadata": {"otfMetadata": route}} if route else {}
    return {"recordId": record["recordId"], "result": "Ok", "data": text, **more}


def test_records_arrive_as_rows_with_converted_values(aws: Aws) -> None:
    """ISO times and numbers in strings are converted, fields without a column are skipped."""
    hose = Hose(aws)
    hose.put({"n": "1", "at": "2024-09-04T18:56:15Z", "other": 1}, {"n": 2})
    assert len(hose.arrived()) == 2
    found = catalog(aws).load_table((DATABASE, hose.table)).scan().to_arrow().to_pylist()
    times = {row["n"]: row["at"] for row in found}
    assert times == {1: datetime(2024, 9, 4, 18, 56, 15, tzinfo=timezone.utc), 2: None}


def test_a_buffer_waits_for_its_interval(aws: Aws) -> None:
    """Nothing is committed within the interval; after it, one commit holds all records."""
    hose = Hose(aws, BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 300})
    hose.put({"n": 1})
    hose.put({"n": 2})
    aws.server.clock.advance(290)
    wait_for(lambda: _told(aws, hose)["counters"].get("IncomingRecords") == 2)
    assert hose.rows() == []
    aws.server.clock.advance(10)
    assert hose.arrived() == [1, 2]
    assert len(catalog(aws).load_table((DATABASE, hose.table)).history()) == 1


def test_a_full_buffer_does_not_wait(aws: Aws) -> None:
    """The size is enough."""
    hose = Hose(aws, BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900})
    hose.put({"n": 1, "filling": "x" * 700_000}, {"n": 2, "filling": "x" * 700_000}, {"n": 3})
    counter = "DeliveryToIceberg.SuccessfulRowCount"
    wait_for(lambda: _told(aws, hose)["counters"].get(counter) == 1)
    assert (hose.rows(), _told(aws, hose)["waiting"]) == ([1], 2)


def _told(aws: Aws, hose: Hose) -> dict[str, Any]:
    with urlopen(f"{aws.server.url}/_lake/firehose") as reply:
        return dict(json.loads(reply.read())[hose.name])


def test_the_transform_gets_the_documented_event(aws: Aws) -> None:
    """Ids as they were given out, arrival in milliseconds, data in base64."""
    got: list[Any] = []
    aws.server.requests.clear()

    def handle(event: Any) -> Any:
        got.append(event)
        return {"records": [{**r, "result": "Dropped"} for r in event["records"]]}

    hose = Hose(aws, ProcessingConfiguration=processing(aws.function("shape", handle)))
    ids = hose.put({"n": 1}, {"n": 2})
    wait_for(lambda: bool(got))
    [event] = got
    assert set(event) == {"invocationId", "deliveryStreamArn", "region", "records"}
    assert (event["deliveryStreamArn"], event["region"]) == (hose.arn, REGION)
    assert [record["recordId"] for record in event["records"]] == ids
    assert json.loads(base64.b64decode(event["records"][0]["data"])) == {"n": 1}
    assert event["records"][0]["approximateArrivalTimestamp"] > 1_700_000_000_000
    assert {r.principal for r in aws.server.requests.find(operation="Invoke")} == {ROLE}


def test_each_result_goes_its_way(aws: Aws) -> None:
    """Ok is a row, Dropped is nothing, ProcessingFailed is an error record with the original."""

    def answer(record: dict[str, Any], data: Any) -> Any:
        result = {1: "Ok", 2: "Dropped", 3: "ProcessingFailed"}[data["n"]]
        return {**ok(record, {"n": data["n"] * 10}), "result": result}

    function = transforming(aws, answer)
    hose = Hose(aws, ProcessingConfiguration=processing(function))
    hose.put(*({"n": n} for n in (1, 2, 3)))
    [failed] = hose.errors("processing-failed")
    assert hose.arrived() == [10]
    assert json.loads(base64.b64decode(failed["rawData"])) == {"n": 3}
    assert set(failed) == {
        "attemptsMade", "arrivalTimestamp", "errorCode", "errorMessage", "attemptEndingTimestamp",
        "rawData", "lambdaArn",
    }  # fmt: skip
    assert failed["errorCode"] == "Lambda.ProcessingFailedStatus"
    assert failed["attemptsMade"] == 1
    assert failed["attemptEndingTimestamp"] >= failed["arrivalTimestamp"] > 1_700_000_000_000


SPOILT: dict[str, Callable[[list[Any]], Any]] = {
    "MissingRecordId": lambda records: records[:1],
    "DuplicatedRecordId": lambda records: [*records, records[0]],
    "JsonProcessingException unknown": lambda records: [*records, {**records[0], "recordId": "x"}],
    "JsonProcessingException result": lambda records: [{**r, "result": "OK"} for r in records],
    "JsonProcessingException data": lambda records: [{**r, "data": {"n": 1}} for r in records],
    "JsonProcessingException records": lambda _: None,
}


def test_a_wrong_answer_fails_its_whole_batch(aws: Aws) -> None:
    """Every record id exactly once, in the documented shape, or nothing of the batch arrives."""

    def handle(event: Any) -> Any:
        good = [ok(r, {"n": 1}) for r in event["records"]]
        how = json.loads(base64.b64decode(event["records"][0]["data"]))["how"]
        return {"records": SPOILT[how](good)}

    function = aws.function("spoilt", handle)
    hose = Hose(aws, ProcessingConfiguration=processing(function))
    for how in SPOILT:
        hose.put({"how": how}, {"how": how})
        wait_for(lambda: _told(aws, hose)["waiting"] == 0)
    wait_for(lambda: len(hose.errors("processing-failed")) == 2 * len(SPOILT))
    failed = hose.errors("processing-failed")
    codes = [f"Lambda.{how.split(' ')[0]}" for how in SPOILT for _ in range(2)]
    assert sorted(one["errorCode"] for one in failed) == sorted(codes)
    assert {one["attemptsMade"] for one in failed} == {1}
    assert hose.rows() == []


def test_a_failing_function_is_invoked_again_then_its_batch_is_skipped(aws: Aws) -> None:
    """NumberOfRetries more times; a failure that passes costs nothing."""
    calls: list[int] = []

    def handle(event: Any) -> Any:
        calls.append(1)
        if len(calls) <= 4:
            raise RuntimeError("injected")
        return {"records": [ok(r, {"n": 7}) for r in event["records"]]}

    function = aws.function(f"failing-{next(_NUMBERS)}", handle)
    hose = Hose(aws, ProcessingConfiguration=processing(function, NumberOfRetries="2"))
    hose.put({"n": 1})
    [failed] = hose.errors("processing-failed")
    assert (failed["errorCode"], failed["attemptsMade"]) == ("Lambda.FunctionError", 3)
    assert "injected" in failed["errorMessage"]
    hose.put({"n": 2})
    assert hose.arrived() == [7]
    assert len(calls) == 5


def test_records_are_routed_by_what_the_transform_says(aws: Aws) -> None:
    """The otfMetadata names the table; only inserts are possible without unique keys."""
    other = Hose(aws)

    def answer(record: dict[str, Any], data: Any) -> Any:
        route = {"destinationDatabaseName": DATABASE, "destinationTableName": other.table}
        operation = {2: "insert", 3: "delete"}.get(data["n"])
        if operation:
            return ok(record, data, **route, operation=operation)
        return ok(record, data)

    hose = Hose(aws, ProcessingConfiguration=processing(transforming(aws, answer)))
    hose.put(*({"n": n} for n in (1, 2, 3)))
    [failed] = hose.errors("iceberg-failed")
    assert json.loads(base64.b64decode(failed["rawData"])) == {"n": 3}
    assert (hose.arrived(), other.rows()) == ([1], [2])


POISON = {
    b'{"n": "x"}': "TypeMismatch",
    b'{"n": 3, "at": "2024-09-04 18:56"}': "TypeMismatch",
    b'{"at": 0}': "MissingColumnWithinRecord",
    b'{"other": 0}': "MissingColumnWithinRecord",
    b'{"n": 3}{"n": 4}': "InvalidJson",
    b"[3]": "InvalidJson",
    b'{"n": NaN}': "InvalidJson",
    b"\xff": "InvalidJson",
}


def test_poison_records_alone_fail(aws: Aws) -> None:
    """The others arrive; each failed one lies under iceberg-failed/ with its reason and data."""
    hose = Hose(aws)
    hose.put({"n": 1}, *POISON, {"n": 2})
    failed = hose.errors("iceberg-failed")
    assert hose.arrived() == [1, 2]
    found = {base64.b64decode(one["rawData"]): one["errorCode"] for one in failed}
    assert found == {data: f"Iceberg.{code}" for data, code in POISON.items()}
    place = {"databaseName": DATABASE, "tableName": hose.table}
    assert all(one["dataCatalogTable"] == place for one in failed)


def test_a_missing_table_fails_all_records(aws: Aws) -> None:
    """Each lies under the table's own error prefix, zipped if the bucket's settings say so."""
    table = {
        "DestinationDatabaseName": DATABASE, "DestinationTableName": "nowhere",
        "S3ErrorOutputPrefix": "other/!{firehose:error-output-type}/!{timestamp:yyyy}/",
    }  # fmt: skip
    hose = Hose(aws, DestinationTableConfigurationList=[table], store={"CompressionFormat": "GZIP"})
    hose.prefix = "other/"
    hose.put({"n": 1}, {"n": 2})
    assert [one["errorCode"] for one in hose.errors("iceberg-failed")] == [
        "Iceberg.NoSuchTable"
    ] * 2


def test_a_conflict_is_tried_again_for_the_retry_duration(aws: Aws) -> None:
    """A failing catalog costs time within the duration; without any, the record is an error."""
    patient = Hose(aws, RetryOptions={"DurationInSeconds": 30})
    aws.server.faults.add(Fault("glue", "UpdateTable", times=2))
    patient.put({"n": 1})
    assert patient.arrived() == [1]
    hasty = Hose(aws)
    aws.server.faults.clear()
    aws.server.faults.add(Fault("glue", "UpdateTable", times=99))
    hasty.put({"n": 1})
    [failed] = hasty.errors("iceberg-failed")
    assert failed["attemptsMade"] == 1
    assert hasty.rows() == []


def test_a_commit_whose_answer_is_lost_arrives_at_least_once(aws: Aws) -> None:
    """The stream cannot know; every row is there, perhaps twice, and none is an error."""
    hose = Hose(aws, RetryOptions={"DurationInSeconds": 30})
    aws.server.faults.add(Fault("glue", "UpdateTable", when="after"))
    hose.put({"n": 1}, {"n": 2})
    assert set(hose.arrived()) == {1, 2}
    listed = aws.client("s3").list_objects_v2(Bucket="lake", Prefix=hose.prefix)
    assert listed["KeyCount"] == 0
    assert _told(aws, hose)["counters"]["DeliveryToIceberg.SuccessfulRowCount"] == 2


def test_failed_records_wait_for_a_bucket_that_fails(aws: Aws) -> None:
    """They are written as soon as the bucket takes them."""
    hose = Hose(aws)
    aws.server.faults.add(Fault("s3", "PutObject", path=hose.prefix, times=3))
    hose.put({"n": "x"})
    assert len(hose.errors("iceberg-failed")) == 1


def test_the_stream_counts_in_cloudwatch(aws: Aws) -> None:
    """The metrics that alarms look at, with the stream's name as dimension."""
    hose = Hose(aws)
    hose.put({"n": 1}, {"n": 2}, {"n": "x"})
    hose.errors("iceberg-failed")
    assert hose.arrived() == [1, 2]
    counters = _told(aws, hose)["counters"]
    expected = {"IncomingRowCount": 3, "SuccessfulRowCount": 2, "FailedRowCount": 1, "Success": 1}
    assert {name: counters[f"DeliveryToIceberg.{name}"] for name in expected} == expected
    metrics = aws.client("cloudwatch").list_metrics(
        Namespace="AWS/Firehose", Dimensions=[{"Name": "DeliveryStreamName", "Value": hose.name}]
    )["Metrics"]
    names = {metric["MetricName"] for metric in metrics}
    assert {"IncomingRecords", "IncomingBytes", "DeliveryToIceberg.DataFreshness"} <= names


def test_failures_are_logged_where_the_stream_says(aws: Aws) -> None:
    """One log event for each reason; a log that is not there loses no record."""
    unlogged = {"Enabled": True, "LogGroupName": "nowhere", "LogStreamName": "nothing"}
    lost = Hose(aws, CloudWatchLoggingOptions=unlogged)
    lost.put({"n": 1}, {"n": "x"}, {"n": 2})
    assert lost.arrived() == [1, 2]
    logs, name = aws.client("logs"), f"/aws/kinesisfirehose/{next(_NUMBERS)}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="delivery")
    logging = {"Enabled": True, "LogGroupName": name, "LogStreamName": "delivery"}
    hose = Hose(aws, CloudWatchLoggingOptions=logging)
    hose.put({"n": "x"})
    hose.errors("iceberg-failed")
    events = logs.get_log_events(logGroupName=name, logStreamName="delivery")["events"]
    [told] = [json.loads(event["message"]) for event in events]
    assert (told["deliveryStreamARN"], told["errorCode"]) == (hose.arn, "Iceberg.TypeMismatch")


def test_a_kinesis_stream_is_read_from_its_latest(aws: Aws) -> None:
    """What was there before stays; the transform sees the source; PutRecord is refused."""
    kinesis, name = aws.client("kinesis"), f"source-{next(_NUMBERS)}"
    kinesis.create_stream(StreamName=name, ShardCount=2)
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"
    kinesis.put_record(StreamName=name, Data=b'{"n": 0}', PartitionKey="a")
    got: list[Any] = []

    def answer(record: dict[str, Any], data: Any) -> Any:
        got.append(record["kinesisRecordMetadata"])
        return ok(record, data)

    hose = Hose(
        aws, DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": ROLE},
        ProcessingConfiguration=processing(transforming(aws, answer)),
    )  # fmt: skip
    for n in (1, 2, 3):
        kinesis.put_record(StreamName=name, Data=json.dumps({"n": n}).encode(), PartitionKey=str(n))
    wait_for(lambda: len(hose.rows()) >= 3)  # not `arrived`: the first may be there before the last
    assert hose.arrived() == [1, 2, 3]
    assert {"sequenceNumber", "subsequenceNumber", "partitionKey", "shardId"} <= set(got[0])
    with pytest.raises(ClientError, match="not permitted"):
        hose.put({"n": 4})


def test_puts_that_break_a_quota_are_refused(aws: Aws) -> None:
    """500 records, 1,000 KiB a record, 4 MiB a batch, and a stream that is there."""
    hose, client = Hose(aws), aws.client("firehose")
    for records in ([{"n": 1}] * 501, [b"x" * 1_024_001], [b"x" * 1_000_000] * 5):
        with pytest.raises(ClientError, match=r"ValidationException|InvalidArgumentException"):
            hose.put(*records)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.put_record(DeliveryStreamName="nowhere", Record={"Data": b"{}"})
    assert client.put_record(DeliveryStreamName=hose.name, Record={"Data": b'{"n": 1}'})["RecordId"]
    client.delete_delivery_stream(DeliveryStreamName=hose.name)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        hose.put({"n": 1})


@pytest.mark.parametrize(
    "settings",
    [
        {"S3BackupMode": "AllData"},
        {"BufferingHints": {"SizeInMBs": 1}},
        {"store": {"CompressionFormat": "ZIP"}},
        {"store": {"ErrorOutputPrefix": "errors/!{timestamp:yyyy}/"}},
        {"SchemaEvolutionConfiguration": {"Enabled": True}},
        {
            "DestinationTableConfigurationList": [
                {"DestinationDatabaseName": "d", "DestinationTableName": "t", "UniqueKeys": ["n"]}
            ]
        },
        {
            "DestinationTableConfigurationList": [
                {"DestinationDatabaseName": "lake-dev", "DestinationTableName": "t"}
            ]
        },
        {
            "ProcessingConfiguration": {
                "Enabled": True, "Processors": [{"Type": "MetadataExtraction", "Parameters": []}]
            }
        },
    ],
)  # fmt: skip
def test_a_stream_that_cannot_be_served_is_refused(aws: Aws, settings: dict[str, Any]) -> None:
    """What is not implemented, and what AWS refuses, fails when the stream is made."""
    with pytest.raises(ClientError, match=r"InvalidArgumentException|NotImplemented"):
        Hose(aws, **settings)


def test_a_changed_destination_is_served_from_then_on(aws: Aws) -> None:
    """UpdateDestination reaches the running stream, and refuses what creation refuses."""
    hose, client = Hose(aws), aws.client("firehose")
    other = Hose(aws)
    known = {"DeliveryStreamName": hose.name, "DestinationId": "destinationId-000000000001"}
    table = {"DestinationDatabaseName": DATABASE, "DestinationTableName": other.table}
    client.update_destination(
        **known, CurrentDeliveryStreamVersionId="1",
        IcebergDestinationUpdate={"DestinationTableConfigurationList": [table]},
    )  # fmt: skip
    hose.put({"n": 1})
    hose.arrived()
    assert other.rows() == [1]
    with pytest.raises(ClientError, match="NotImplemented"):
        client.update_destination(
            **known, CurrentDeliveryStreamVersionId="2",
            IcebergDestinationUpdate={"S3BackupMode": "AllData"},
        )  # fmt: skip


def test_a_prefix_is_filled_in() -> None:
    """Type and time by expression, or appended where there is none."""
    now = datetime(2026, 3, 1, 9, 5, tzinfo=timezone.utc)
    kind = "processing-failed"
    assert expand("errors/", kind, now) == "errors/processing-failed/2026/03/01/09/"
    text = "e/!{firehose:error-output-type}/!{timestamp:yyyy-MM-dd}/!{timestamp:HH}/"
    assert expand(text, kind, now) == "e/processing-failed/2026-03-01/09/"
