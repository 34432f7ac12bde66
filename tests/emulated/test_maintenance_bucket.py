"""Maintenance as a job of EMR Serverless: in a bucket, on Glue, by the code that ships.

AWS: "Deleting object versions from a versioning-enabled bucket", "Managing delete markers".
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import moto.s3.models
import pyarrow as pa

from console import health, maintain, package, reading, tables
from jobs.pipeline import TABLES
from jobs.silver.emt import lines
from lakehouse import catalog
from lakehouse.table import AUDIT_NAMES
from tests.emulated.jobs import Jobs, application
from tests.emulated.test_emr_submit import ICEBERG

if TYPE_CHECKING:
    from lakehouse.settings import Settings
    from tests.emulated.conftest import Client

ACCOUNT = "123456789012"
TABLE = lines.TABLE


def append(where: Settings, line: str) -> None:
    """One small commit."""
    opened = tables.open_catalog(where).load_table(tables.identifier(where, TABLE.full_name))
    schema = opened.schema().as_arrow()
    row = dict.fromkeys((*TABLE.names, *AUDIT_NAMES)) | {"line": line, "label": line}
    opened.append(pa.Table.from_pylist([row], schema=schema))


def age(bucket: str, key: str) -> None:
    """Make an object five days old."""
    kept: Any = moto.s3.models.s3_backends[ACCOUNT]["aws"].buckets[bucket].keys[key]
    kept.last_modified = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(days=5)


def run(client: Client, where: Settings, bucket: str) -> str:
    """Run the job as the state machine asks for it; returns what it told."""
    archive = f"s3://{bucket}/code/lake.zip"
    client("s3").put_object(Bucket=bucket, Key="code/lake.zip", Body=package.content())
    conf = {
        **catalog.spark_conf(where), "spark.jars": ICEBERG, "spark.driver.memory": "3G",
        "spark.driver.cores": "1", "spark.emr-serverless.driverEnv.LAKE_PLACE": "emulated",
        "spark.emr-serverless.driverEnv.LAKE_HOME": where.home,
        "spark.emr-serverless.driverEnv.LAKE_PREFIX": where.prefix,
    }  # fmt: skip
    parameters = " ".join(
        f"--conf {name}={value}" for name, value in conf.items() if " " not in value
    )
    jobs = Jobs(client, bucket, application(client), client("emr-serverless"))
    entry = (package.PROJECT / "jobs" / "__main__.py").read_text(encoding="utf-8")
    given = ("maintenance", TABLE.full_name)
    job = jobs.until(
        jobs.start(entry, *given, parameters=f"--py-files {archive} {parameters}"), seconds=300
    )
    told = jobs.log(job) + jobs.log(job, "stderr")
    assert job["state"] == "SUCCESS", told[-4000:]
    return told


def test_the_job_compacts_and_removes_so_that_it_comes_back(
    client: Client, lake: Settings, bucket: str
) -> None:
    """Files become few, an old orphan gets a delete marker, and the console takes it off again."""
    where = replace(lake, prefix=f"p{bucket[-8:]}")
    client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    tables.apply(where, TABLES)
    for number in range(4):
        append(where, f"{number}")
    opened = tables.open_catalog(where).load_table(tables.identifier(where, TABLE.full_name))
    home = opened.location().removeprefix(f"s3://{bucket}/")
    # A neighbour's name begins alike: its old files are none of this table's.
    keys = [f"{home}/data/lost.parquet", f"{home}_more/data/kept.parquet"]
    for key in keys:
        client("s3").put_object(Bucket=bucket, Key=key, Body=b"lost")
        age(bucket, key)
    told = run(client, where, bucket)
    assert "maintained" in told
    opened = tables.open_catalog(where).load_table(tables.identifier(where, TABLE.full_name))
    assert sorted(opened.scan().to_arrow()["line"].to_pylist()) == ["0", "1", "2", "3"]
    assert opened.current_snapshot().summary["total-data-files"] == "1"  # type: ignore[union-attr]
    told_now = health.examine(reading.Lake(where), TABLE, datetime.now(timezone.utc))
    assert (told_now.data_files, told_now.rows, told_now.verdict) == (1, 4, "well")
    listed = {o["Key"] for o in client("s3").list_objects_v2(Bucket=bucket)["Contents"]}
    assert keys[0] not in listed
    assert keys[1] in listed
    (removal,) = maintain._removals(where)
    assert removal.files == (f"s3://{bucket}/{keys[0]}",)
    assert maintain._restored(where, removal.id) == [f"s3://{bucket}/{keys[0]}"]
    body = client("s3").get_object(Bucket=bucket, Key=keys[0])["Body"].read()
    assert body == b"lost"
    assert maintain._restored(where, removal.id) == []
