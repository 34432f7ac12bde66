"""Faults at the HTTP side: before the effect, and after it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from console.emulator.faults import Fault
from lakehouse.errors import UsageError
from tests.emulated.test_server import page

if TYPE_CHECKING:
    from console.emulator.server import Server
    from tests.emulated.conftest import Client


def keys(client: Client, bucket: str) -> set[str]:
    """What is in the bucket."""
    return {o["Key"] for o in client("s3").list_objects_v2(Bucket=bucket).get("Contents", ())}


def put(client: Client, bucket: str, key: str, status: int = 400) -> None:
    """Put an object, and see it refused with that status."""
    with pytest.raises(ClientError) as failed:
        client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_before_means_nothing_happened(emulator: Server, client: Client, bucket: str) -> None:
    """A fault before the call leaves the store as it was."""
    emulator.faults.add(Fault("s3", "PutObject", "before", status=400, code="AccessDenied"))
    put(client, bucket, "a")
    assert keys(client, bucket) == set()
    client("s3").put_object(Bucket=bucket, Key="a", Body=b"x")


def test_after_means_the_answer_was_lost(emulator: Server, client: Client, bucket: str) -> None:
    """A fault after the call: the effect is there, the caller was told otherwise."""
    emulator.faults.add(Fault("s3", "PutObject", "after", status=400))
    put(client, bucket, "a")
    assert keys(client, bucket) == {"a"}


def test_a_fault_strikes_by_count(emulator: Server, client: Client, bucket: str) -> None:
    """`skip` calls pass, then `times` fail, then it is over; other calls never count."""
    emulator.faults.add(Fault("s3", "PutObject", "before", times=2, skip=1, status=400))
    client("s3").put_object(Bucket=bucket, Key="1", Body=b"x")
    put(client, bucket, "2")
    assert keys(client, bucket) == {"1"}
    put(client, bucket, "3")
    client("s3").put_object(Bucket=bucket, Key="4", Body=b"x")
    assert keys(client, bucket) == {"1", "4"}
    assert emulator.faults.told()[0]["struck"] == 2


def test_a_fault_may_be_narrowed_by_path(emulator: Server, client: Client, bucket: str) -> None:
    """`path` leaves other keys alone."""
    emulator.faults.add(Fault("s3", "PutObject", "before", path="metadata/", status=400))
    client("s3").put_object(Bucket=bucket, Key="data/1", Body=b"x")
    put(client, bucket, "metadata/1")


def test_the_sdk_repeats_a_500(emulator: Server, client: Client, bucket: str) -> None:
    """One lost answer with a 500 is what an SDK repairs by itself; the log shows both calls."""
    emulator.requests.clear()
    emulator.faults.add(Fault("glue", "CreateDatabase", "after"))
    with pytest.raises(ClientError) as failed:
        client("glue").create_database(DatabaseInput={"Name": f"d_{bucket}"})
    assert failed.value.response["Error"]["Code"] == "AlreadyExistsException"
    calls = emulator.requests.find(service="glue", operation="CreateDatabase")
    assert [(r.status, r.fault) for r in calls] == [(500, "after"), (400, "")]


def test_faults_are_set_over_http(emulator: Server, client: Client) -> None:
    """Programs in other processes set, see and clear faults by the own page."""
    body = {
        "service": "sns",
        "operation": "CreateTopic",
        "status": 400,
        "code": "AuthorizationError",
    }
    assert page(emulator, "/faults", "POST", body)["faults"][0]["struck"] == 0
    with pytest.raises(ClientError, match="AuthorizationError"):
        client("sns").create_topic(Name="t")
    assert page(emulator, "/faults")["faults"][0]["struck"] == 1
    assert page(emulator, "/faults", "DELETE")["faults"] == []


@pytest.mark.parametrize(
    "told",
    [
        {"service": "s3"},
        {"service": "s3", "operation": "PutObject", "wen": "after"},
        {"service": "s3", "operation": "PutObject", "when": "later"},
        {"service": "s3", "operation": "PutObject", "times": 0},
        {"service": "s3", "operation": "PutObject", "status": 200},
    ],
)
def test_a_fault_that_would_never_strike_is_refused(
    emulator: Server, told: dict[str, object]
) -> None:
    """A mistyped fault is an error, not a test that passes for the wrong reason."""
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(f"{emulator.url}/_lake/faults", json.dumps(told).encode()))
    assert refused.value.code == 400
    refused.value.close()
    with pytest.raises((UsageError, TypeError)):
        Fault(**told)
