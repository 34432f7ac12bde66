"""Glue's optimistic lock, as two Iceberg writers meet it.

https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html (VersionId,
ConcurrentModificationException).
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import CommitFailedException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.emulator.server import Server
    from tests.emulated.conftest import Client

ROWS = pa.table({"n": pa.array([1], pa.int64())})


def opened(url: str) -> GlueCatalog:
    """A catalog of its own, as another process would have."""
    return GlueCatalog(
        "glue",
        **{
            "glue.endpoint": url,
            "glue.region": "us-east-1",
            "glue.access-key-id": "LAKEOPERATOR",
            "glue.secret-access-key": "emulated",
            "s3.endpoint": url,
            "s3.region": "us-east-1",
            "s3.access-key-id": "LAKEOPERATOR",
            "s3.secret-access-key": "emulated",
        },
    )


def race(url: str) -> tuple[int, int]:
    """A whole append between another one's check and its commit: (acknowledged, rows)."""
    name = f"d{uuid4().hex[:8]}"
    keys = {"aws_access_key_id": "LAKEOPERATOR", "aws_secret_access_key": "emulated"}
    s3 = boto3.session.Session().client("s3", endpoint_url=url, region_name="us-east-1", **keys)
    s3.create_bucket(Bucket=name)
    slow, quick = opened(url), opened(url)
    slow.create_namespace(name, {"location": f"s3://{name}/{name}.db"})
    slow.create_table(f"{name}.t", schema=ROWS.schema, properties={"commit.retry.num-retries": "0"})
    acknowledged = []

    def overtake(**_: Any) -> None:
        slow.glue.meta.events.unregister("before-call.glue.UpdateTable", overtake)
        quick.load_table(f"{name}.t").append(ROWS)
        acknowledged.append("quick")

    slow.glue.meta.events.register("before-call.glue.UpdateTable", overtake)
    with contextlib.suppress(CommitFailedException):
        slow.load_table(f"{name}.t").append(ROWS)
        acknowledged.append("slow")
    return len(acknowledged), quick.load_table(f"{name}.t").scan().to_arrow().num_rows


@pytest.fixture
def plain_moto() -> Iterator[str]:
    """Plain moto, as it is, in a process of its own."""
    command = [sys.executable, "-u", "-m", "moto.server", "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found:
                break
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield found[0] if found else ""
        process.terminate()


def test_plain_moto_loses_a_commit(plain_moto: str) -> None:
    """Why the stand-in is there: moto acknowledges both writers and keeps the rows of one."""
    assert race(plain_moto) == (2, 1)


def test_the_later_of_two_writers_is_refused(emulator: Server) -> None:
    """What is acknowledged is kept; the writer that was overtaken is refused."""
    assert race(emulator.url) == (1, 1)


def test_nothing_is_lost_between_writers_at_once(emulator: Server) -> None:
    """Writers that retry on the refusal all get their rows in."""
    name = f"d{uuid4().hex[:8]}"
    emulator.client("s3").create_bucket(Bucket=name)
    catalog = opened(emulator.url)
    catalog.create_namespace(name, {"location": f"s3://{name}/{name}.db"})
    properties = {"commit.retry.num-retries": "20", "commit.retry.min-wait-ms": "10"}
    catalog.create_table(f"{name}.t", schema=ROWS.schema, properties=properties)

    def write() -> None:
        table = opened(emulator.url).load_table(f"{name}.t")
        for _ in range(5):
            table.append(ROWS)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert catalog.load_table(f"{name}.t").scan().to_arrow().num_rows == 15


def test_an_update_without_a_version_is_taken(client: Client) -> None:
    """VersionId is optional in the API: who names none, overwrites."""
    glue, name = client("glue"), f"d{uuid4().hex[:8]}"
    glue.create_database(DatabaseInput={"Name": name})
    glue.create_table(DatabaseName=name, TableInput={"Name": "t"})
    glue.update_table(DatabaseName=name, TableInput={"Name": "t", "Description": "1"})
    table: dict[str, Any] = glue.get_table(DatabaseName=name, Name="t")["Table"]
    with pytest.raises(ClientError, match="concurrent modifications") as refused:
        glue.update_table(DatabaseName=name, TableInput={"Name": "t"}, VersionId="1")
    assert refused.value.response["Error"]["Code"] == "ConcurrentModificationException"
    glue.update_table(
        DatabaseName=name,
        TableInput={"Name": "t", "Description": "2"},
        VersionId=table["VersionId"],
    )
    assert glue.get_table(DatabaseName=name, Name="t")["Table"]["Description"] == "2"
