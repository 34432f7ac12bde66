"""The weather's stream as Terraform makes it, without its patience, and what came of records."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from console import tables
from console.emulator.server import ACCOUNT, REGION
from ingestion.clock import SimulatedClock
from jobs.bronze.weatherapi_current import TABLE
from lakehouse import catalog
from streaming import functions, sender
from tests.emulated.events_server import ROLE
from tests.stream import NOON

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyiceberg.table import Table as IcebergTable

    from lakehouse.settings import Settings
    from tests.emulated.events_server import Aws

_NUMBERS = count(1)
# As in terraform/delivery.tf.
ERROR_PREFIX = "firehose-errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"


def shipped(event: dict[str, Any]) -> Any:
    """The transformation that ships."""
    return functions.transform(event, None)


@dataclass(frozen=True)
class WeatherStream:
    """A stream into the applied table of a lake of its own."""

    aws: Aws
    lake: Settings
    name: str

    @property
    def database(self) -> str:
        """The table's database."""
        return catalog.database(self.lake, TABLE.database)

    def put(self, *data: bytes) -> None:
        """As the producer puts records; in one call."""
        messages = [sender.Message(str(n), "madrid", one) for n, one in enumerate(data)]
        stream = sender.open_stream(self.name, "direct", self.lake)
        assert sender.send(stream, messages, clock=SimulatedClock(NOON)) == 1

    def transforms_by(self, does: Callable[[Any], Any]) -> None:
        """Put other code into the function."""
        self.aws.functions[self.name] = does

    def counters(self) -> dict[str, int]:
        """What the stream has counted."""
        with urlopen(f"{self.aws.server.url}/_lake/firehose") as reply:
            return dict(json.loads(reply.read())[self.name]["counters"])

    def delivered(self) -> int:
        """How many rows were committed."""
        return self.counters().get("DeliveryToIceberg.SuccessfulRowCount", 0)

    def table(self) -> IcebergTable:
        """The table as it is now."""
        return tables.open_catalog(self.lake).load_table(f"{self.database}.{TABLE.name}")

    def rows(self) -> list[dict[str, Any]]:
        """Its rows, by their observation."""
        found: list[dict[str, Any]] = self.table().scan().to_arrow().to_pylist()
        return sorted(found, key=lambda row: str(row["obs_ts"]))

    def objects(self, prefix: str) -> dict[str, bytes]:
        """What the lake's bucket holds below a prefix."""
        bucket = self.lake.home.removeprefix("s3://")
        s3 = self.aws.client("s3")
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        return {
            one["Key"]: s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
            for one in listed
        }


def make(
    aws: Aws, lake: Settings, does: Callable[[Any], Any] = shipped, *, with_table: bool = True
) -> WeatherStream:
    """A stream with that function; without its table, Firehose finds none to deliver to."""
    name = f"lake-dev-weather-{next(_NUMBERS)}"
    bucket = lake.home.removeprefix("s3://")
    made = WeatherStream(aws, replace(lake, prefix=f"p{bucket[-8:]}"), name)
    if with_table:
        tables.apply(made.lake, (TABLE,))
    function = aws.function(name, does)
    parameters = {"LambdaArn": f"{function}:$LATEST", "BufferIntervalInSeconds": "0"}
    listed = [{"ParameterName": key, "ParameterValue": value} for key, value in parameters.items()]
    store = {"RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{bucket}"}
    aws.client("firehose").create_delivery_stream(
        DeliveryStreamName=name,
        IcebergDestinationConfiguration={
            "RoleARN": ROLE,
            "CatalogConfiguration": {"CatalogARN": f"arn:aws:glue:{REGION}:{ACCOUNT}:catalog"},
            "DestinationTableConfigurationList": [
                {
                    "DestinationDatabaseName": made.database,
                    "DestinationTableName": TABLE.name,
                }
            ],
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
            "ProcessingConfiguration": {
                "Enabled": True,
                "Processors": [{"Type": "Lambda", "Parameters": listed}],
            },
            "S3Configuration": {**store, "ErrorOutputPrefix": ERROR_PREFIX},
        },
    )
    return made
