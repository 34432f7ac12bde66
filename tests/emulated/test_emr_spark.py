"""One job run with real Spark: bronze lines from s3://, an Iceberg table in Glue, shipped code.

https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-iceberg.html
"""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import TYPE_CHECKING

from tests.emulated.jobs import Jobs, application
from tests.emulated.test_emr_submit import ICEBERG
from tests.emulated.test_glue import opened

if TYPE_CHECKING:
    from console.emulator.server import Server
    from tests.emulated.conftest import Client

SOURCE = """
import sys
from pyspark.sql import SparkSession
from shipped import NAME

bucket, table = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
spark.sql(f"create table {table} (n bigint, file string) using iceberg")
lines = spark.read.json(f"s3://{bucket}/bronze/*.jsonl.gz", "n bigint")
lines.selectExpr("n", "input_file_name() as file").writeTo(table).append()
try:
    import pytest
except ImportError:
    print(NAME, "without the operator's packages")
"""
CONF = {
    "spark.jars": ICEBERG,
    "spark.driver.cores": "1",
    "spark.driver.memory": "3G",
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.lake.type": "glue",
    "spark.sql.catalog.lake.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
}


def test_the_request_is_executed_by_spark(emulator: Server, client: Client, bucket: str) -> None:
    """The same request that EMR gets reads s3://, commits to Glue, and has only what it ships."""
    database = bucket.replace("-", "_")
    place = f"s3://{bucket}/warehouse/{database}.db"
    client("glue").create_database(DatabaseInput={"Name": database, "LocationUri": place})
    lines = gzip.compress(b'{"n": 1}\n{"n": 2}\n')
    client("s3").put_object(Bucket=bucket, Key="bronze/a.jsonl.gz", Body=lines)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("shipped/__init__.py", "NAME = 'shipped'")
    client("s3").put_object(Bucket=bucket, Key="code/lake.zip", Body=buffer.getvalue())
    conf = {**CONF, "spark.sql.catalog.lake.warehouse": f"s3://{bucket}/warehouse"}
    parameters = " ".join(f"--conf {name}={value}" for name, value in conf.items())
    parameters = f"--py-files s3://{bucket}/code/lake.zip {parameters}"
    jobs = Jobs(client, bucket, application(client), client("emr-serverless"))
    run = jobs.start(SOURCE, bucket, f"lake.{database}.t", parameters=parameters)
    job = jobs.until(run, seconds=180)
    assert job["state"] == "SUCCESS", jobs.log(job) + jobs.log(job, "stderr")[-3000:]
    assert jobs.log(job) == "shipped without the operator's packages\n"
    table = opened(emulator.url).load_table(f"{database}.t")
    assert table.location() == f"{place}/t"
    rows = sorted(table.scan().to_arrow().to_pylist(), key=lambda row: row["n"])
    file = f"s3://{bucket}/bronze/a.jsonl.gz"
    assert rows == [{"n": 1, "file": file}, {"n": 2, "file": file}]
