"""A MERGE by Spark, appends by PyIceberg and Firehose's delivery into one table, all at once.

AWS: "UpdateTable" (Glue API Reference: VersionId is the optimistic lock all three commit by).
"""

from __future__ import annotations

import io
import json
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException

from console import package, tables
from lakehouse import catalog
from tests.emulated.events_server import ACCOUNT, REGION, ROLE, Aws
from tests.emulated.jobs import Jobs, application, wait
from tests.emulated.shared_table import TABLE
from tests.emulated.test_emr_submit import ICEBERG

if TYPE_CHECKING:
    from lakehouse.settings import Settings

ROUNDS = 6
# Each round inserts a key and gives the key of the round before its last value, so that rows are
# deleted and written while the others append.
MERGES = """
import sys
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from lakehouse import catalog, merge, quality, settings
from lakehouse.run import again
from shared_table import TABLE

spark = SparkSession.builder.getOrCreate()
target = catalog.identifier(settings.load(), TABLE.full_name)
spark.sparkContext.setLogLevel("ERROR")

def put(n):
    rows = [(f"merge-{n}", 1), (f"merge-{n - 1}", 2)]
    nothing = F.lit(None).cast("string")
    batch = spark.createDataFrame(rows, "k string, v bigint").select(
        "k", "v", F.current_timestamp().alias("at"), F.lit("made-up").alias("source_uri"),
        F.lit(1).cast("bigint").alias("source_row"), F.lit(0).alias("item"),
        nothing.alias("reject"), nothing.alias("row_json"),
    )
    staged = merge.stage(spark, TABLE, target, quality.judge(batch, TABLE))
    staged.counts.check(TABLE)
    return merge.commit(spark, TABLE, target, staged, {"run": f"merge {n}"})

for n in range(int(sys.argv[1])):
    print("merged", n, again(lambda: put(n), TABLE.full_name), flush=True)
"""


class Shared:
    """The one table, and who writes to it."""

    def __init__(self, aws: Aws, lake: Settings, bucket: str) -> None:
        self.aws, self.lake, self.bucket = aws, lake, bucket
        tables.apply(lake, (TABLE,))
        self.database = catalog.database(lake, TABLE.database)

    def merging(self) -> tuple[Jobs, str]:
        """A job run that merges round after round, with the code as it ships."""
        client = self.aws.server.client
        jobs = Jobs(client, self.bucket, application(client), client("emr-serverless"))
        buffer = io.BytesIO(package.content())
        with zipfile.ZipFile(buffer, "a") as archive:
            source = Path(__file__).with_name("shared_table.py").read_text(encoding="utf-8")
            archive.writestr("shared_table.py", source)
        client("s3").put_object(Bucket=self.bucket, Key="code/lake.zip", Body=buffer.getvalue())
        told = {"LAKE_PLACE": "aws", "LAKE_HOME": self.lake.home, "LAKE_PREFIX": self.lake.prefix}
        conf = {
            **catalog.spark_conf(self.lake),
            "spark.jars": ICEBERG,
            "spark.driver.cores": "1",
            "spark.driver.memory": "3G",
            **{f"spark.emr-serverless.driverEnv.{name}": value for name, value in told.items()},
        }
        words = " ".join(f"--conf {name}={value}" for name, value in conf.items())
        parameters = f"--py-files s3://{self.bucket}/code/lake.zip {words}"
        return jobs, jobs.start(MERGES, str(ROUNDS), parameters=parameters)

    def stream(self) -> str:
        """A delivery stream into the table that commits every record it is given at once."""
        name = f"at-once-{self.bucket[-8:]}"
        table = {"DestinationDatabaseName": self.database, "DestinationTableName": TABLE.name}
        self.aws.client("firehose").create_delivery_stream(
            DeliveryStreamName=name,
            IcebergDestinationConfiguration={
                "RoleARN": ROLE,
                "CatalogConfiguration": {"CatalogARN": f"arn:aws:glue:{REGION}:{ACCOUNT}:catalog"},
                "DestinationTableConfigurationList": [table],
                "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
                "S3Configuration": {
                    "RoleARN": ROLE,
                    "BucketARN": f"arn:aws:s3:::{self.bucket}",
                    "ErrorOutputPrefix": "errors/",
                },
            },
        )
        return name

    def deliver(self, stream: str, number: int) -> None:
        """Put a record."""
        record = {"k": f"firehose-{number}", "v": 1, "at": "2026-03-03T10:00:00Z"}
        self.aws.client("firehose").put_record(
            DeliveryStreamName=stream, Record={"Data": json.dumps(record).encode()}
        )

    def append(self, number: int) -> None:
        """Append by PyIceberg, looking again whenever somebody else was quicker."""
        for _ in range(20):
            table = tables.open_catalog(self.lake).load_table(
                tables.identifier(self.lake, TABLE.full_name)
            )
            rows = [{"k": f"pyiceberg-{number}", "v": 1, "at": None}]
            try:
                table.append(pa.Table.from_pylist(rows, table.schema().as_arrow()))
            except CommitFailedException:
                continue
            return
        raise AssertionError(f"round {number}: never committed")

    def rows(self) -> list[tuple[str, int]]:
        """What the table holds."""
        found = tables.open_catalog(self.lake).load_table(
            tables.identifier(self.lake, TABLE.full_name)
        )
        listed = found.scan().to_arrow().to_pylist()
        return sorted((row["k"], row["v"]) for row in listed)

    def merges(self) -> int:
        """How many MERGEs are committed."""
        return sum(run.startswith("merge") for run in self.commits())

    def commits(self) -> list[str]:
        """The run of each commit, oldest first; empty for those of others."""
        found = tables.open_catalog(self.lake).load_table(
            tables.identifier(self.lake, TABLE.full_name)
        )
        return [str(s.summary.additional_properties.get("lake.run", "")) for s in found.snapshots()]


def test_nothing_is_lost_when_three_write_at_once(aws: Aws, lake: Settings, bucket: str) -> None:
    """Every acknowledged row is there once, with its last value, whoever else wrote meanwhile."""
    shared = Shared(aws, lake, bucket)
    stream = shared.stream()
    jobs, run = shared.merging()
    failed: list[BaseException] = []
    over = threading.Event()
    count = [0]

    def others() -> None:
        """Append and deliver before the first MERGE, and again as soon as one has committed.

        A MERGE that finds main moved compares anew; who writes without a pause would starve it.
        """
        try:
            while not over.is_set():
                seen = shared.merges()
                shared.append(count[0])
                shared.deliver(stream, count[0])
                count[0] += 1
                while not over.wait(0.3) and shared.merges() == seen:
                    pass
        except BaseException as error:  # noqa: BLE001  told to the test's own thread
            failed.append(error)

    writer = threading.Thread(target=others)
    writer.start()
    try:
        job = jobs.until(run, seconds=240)
    finally:
        over.set()
        writer.join()
    assert failed == []
    assert job["state"] == "SUCCESS", jobs.log(job) + jobs.log(job, "stderr")[-3000:]
    merged = {(f"merge-{n}", 2) for n in range(-1, ROUNDS - 1)} | {(f"merge-{ROUNDS - 1}", 1)}
    rest = {(f"{who}-{n}", 1) for who in ("pyiceberg", "firehose") for n in range(count[0])}
    wait(lambda: len(shared.rows()), lambda found: found >= len(merged | rest), 60)
    assert shared.rows() == sorted(merged | rest)
    between = shared.commits()
    first, last = between.index("merge 0"), between.index(f"merge {ROUNDS - 1}")
    assert last - first > ROUNDS, f"nobody wrote between the merges: {between}"
