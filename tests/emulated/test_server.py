"""The emulator itself: what it logs, whom it names, what it refuses, and its process."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from console.emulator import background
from console.emulator.calls import identify
from console.emulator.requestlog import RequestLog
from console.emulator.server import STATE, Server
from lakehouse.errors import BusyError, ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.emulated.conftest import Client

ROLE = "arn:aws:iam::123456789012:role/job"
_NOBODY = {
    "region_name": "us-east-1",
    "aws_access_key_id": "nobody",
    "aws_secret_access_key": "nothing",
}


def page(emulator: Server, name: str, method: str = "GET", body: Any = None) -> Any:
    """One of the emulator's own pages."""
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(f"{emulator.url}/_lake{name}", data, method=method)) as reply:
        return json.loads(reply.read())


def test_it_says_that_its_state_is_not_durable(emulator: Server) -> None:
    """Whoever asks the emulator what it is reads that its state goes with it."""
    assert page(emulator, "")["state"] == STATE
    assert emulator.url.startswith("http://127.0.0.1:")


def test_the_log_names_calls_as_iam_does(emulator: Server, client: Client, bucket: str) -> None:
    """JSON, query, CBOR and REST calls are logged by service and operation."""
    key = f"raw/{uuid4().hex} ñ.xlsx"
    s3 = client("s3", role=ROLE + "-log")
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key})
    s3.list_objects_v2(Bucket=bucket)
    s3.get_bucket_versioning(Bucket=bucket)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"x")
    client("sns", role=ROLE + "-log").create_topic(Name="t")
    client("glue", role=ROLE + "-log").get_databases()
    client("cloudwatch", role=ROLE + "-log").list_metrics()
    client("scheduler", role=ROLE + "-log").list_schedules()
    told = page(emulator, f"/requests?principal={ROLE}-log")["requests"]
    assert [(r["service"], r["operation"]) for r in told] == [
        ("s3", "PutObject"),
        ("s3", "CopyObject"),
        ("s3", "ListObjectsV2"),
        ("s3", "GetBucketVersioning"),
        ("s3", "CreateMultipartUpload"),
        ("s3", "UploadPart"),
        ("sns", "CreateTopic"),
        ("glue", "GetDatabases"),
        ("monitoring", "ListMetrics"),
        ("scheduler", "ListSchedules"),
    ]
    assert {r["status"] for r in told} == {200}


def test_the_log_tells_what_a_call_is_about(
    emulator: Server, client: Client, bucket: str, role: str
) -> None:
    """Names in path, query, header and body are told; contents never are."""
    s3 = client("s3", role=role)
    s3.put_object(Bucket=bucket, Key="a b", Body=b"secret contents")
    s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "a b"})
    s3.list_objects_v2(Bucket=bucket, Prefix="a")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a b"}, {"Key": "c"}]})
    with pytest.raises(ClientError):
        client("glue", role=role).get_table(DatabaseName=bucket, Name="t")
    topic = client("sns").create_topic(Name=bucket)["TopicArn"]
    client("sns", role=role).publish(TopicArn=topic, Message="secret message")
    queue = client("sqs").create_queue(QueueName=bucket)["QueueUrl"]
    client("sqs", role=role).send_message(QueueUrl=queue, MessageBody="secret body")
    told = page(emulator, f"/requests?principal={role}")["requests"]
    assert [one["named"] for one in told] == [
        {"Bucket": bucket, "Key": "a b"},
        {"Bucket": bucket, "Key": "c", "source": f"{bucket}/a b"},
        {"Bucket": bucket, "prefix": "a"},
        {"Bucket": bucket, "Keys": "a b\nc"},
        {"DatabaseName": bucket, "Name": "t"},
        {"TopicArn": topic},
        {"QueueUrl": queue},
    ]
    assert "secret" not in json.dumps(told)


def test_a_role_assumed_by_a_program_is_named(emulator: Server, client: Client) -> None:
    """Keys that AssumeRole gave out are logged as the role."""
    given = client("sts").assume_role(RoleArn=ROLE + "-sts", RoleSessionName="test")["Credentials"]
    boto3.session.Session().client(
        "sqs",
        endpoint_url=emulator.url,
        region_name=emulator.region,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    ).list_queues()
    assert [r.operation for r in emulator.requests.find(principal=ROLE + "-sts")] == ["ListQueues"]


def test_failed_calls_are_logged_with_their_status(emulator: Server, client: Client) -> None:
    """The log tells how a call ended."""
    with pytest.raises(ClientError):
        client("glue", role=ROLE + "-404").get_database(Name="absent")
    assert [r.status for r in emulator.requests.find(principal=ROLE + "-404")] == [400]


def test_a_full_log_says_what_it_lost() -> None:
    """The log is bounded, and a reader sees that older requests are gone."""
    log = RequestLog(kept=2)
    for _ in range(3):
        log.record(_call(), "", 200)
    assert log.told({})["lost"] == 1
    assert log.told({"nonsense": "x"})["requests"] == []


def _call() -> Any:
    return identify({"REQUEST_METHOD": "GET", "PATH_INFO": "/"})


def test_a_lost_answer_is_given_again_to_who_asks_again(emulator: Server) -> None:
    """A try that follows a lost answer is told the same; another caller is told how it stands."""
    iam = boto3.client("iam", endpoint_url=emulator.url, **_NOBODY)
    lost: list[int] = []

    def sent_before(request: Any, **_: Any) -> None:
        """The same request, its answer lost on the way: what an SDK does next is try again."""
        lost.append(URLLib3Session().send(request).status_code)

    iam.meta.events.register("before-send.iam", sent_before)
    name = f"lost-{uuid4().hex[:8]}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    iam.delete_role(RoleName=name)
    assert lost == [200, 200]
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.delete_role(RoleName=name)


def test_what_moto_lacks_is_refused_at_once(client: Client) -> None:
    """A call that nobody implements fails with 501, which no SDK tries again."""
    with pytest.raises(ClientError) as refused:
        client("glue").list_table_optimizer_runs(
            CatalogId="123456789012", DatabaseName="d", TableName="t", Type="compaction"
        )
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert refused.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_a_taken_port_is_said(emulator: Server) -> None:
    """A second emulator on the same port is refused with the next command."""
    with pytest.raises(ConfigurationError, match="is taken"):
        Server(port=emulator.port).start()


def test_a_background_emulator_is_found_again_and_stopped(tmp_path: Path) -> None:
    """The process outlives its starter, is found by its folder, and ends when told."""
    started = background.start(tmp_path)
    try:
        assert background.running(tmp_path) == started
        with pytest.raises(BusyError):
            background.start(tmp_path)
        lines = (tmp_path / "emulator.log").read_text().splitlines()
        assert json.loads(lines[0])["event"] == "emulator_started"
    finally:
        assert background.stop(tmp_path)
    assert background.running(tmp_path) is None
    assert not background.stop(tmp_path)


def test_the_file_of_a_dead_emulator_is_no_emulator(tmp_path: Path) -> None:
    """After a power cut the old file names a process that is gone: none runs."""
    started = background.start(tmp_path)
    os.kill(started.pid, signal.SIGKILL)
    while started.answers():
        time.sleep(0.02)
    assert background.running(tmp_path) is None
