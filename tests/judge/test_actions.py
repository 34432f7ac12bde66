"""Which rights a logged call needs, as the Service Authorization Reference has it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deployed.actions import Account, UnmappedError, needed, waiting

LAKE, KEY = "arn:aws:s3:::lake", "arn:aws:kms:eu-west-1:1:key/k"
ACCOUNT = Account("1", "eu-west-1", {LAKE: KEY}, {"lake/sources": "arn:aws:secret-AbCdEf"})


def rights(service: str, operation: str, status: int = 200, **named: str) -> list[str]:
    """The rights of such a call, as text."""
    call: dict[str, Any] = {
        "service": service,
        "operation": operation,
        "status": status,
        "principal": "role",
        "named": {name.replace("_", "."): value for name, value in named.items()},
    }
    return [str(ask) for ask in needed(ACCOUNT, call)]


def by_s3(action: str) -> str:
    """The use of the lake's key through S3."""
    return f"{action} on {KEY} with {{'kms:ViaService': 's3.eu-west-1.amazonaws.com'}}"


def test_an_object_of_an_encrypted_bucket_needs_its_key() -> None:
    """To read is to decrypt, to write is to make a data key; a part is both."""
    assert rights("s3", "HeadObject", Bucket="lake", Key="a") == [
        f"s3:GetObject on {LAKE}/a",
        by_s3("kms:Decrypt"),
    ]
    assert by_s3("kms:GenerateDataKey") in rights("s3", "PutObject", Bucket="lake", Key="a")
    assert rights("s3", "UploadPart", Bucket="lake", Key="a")[1:] == [
        by_s3("kms:GenerateDataKey"),
        by_s3("kms:Decrypt"),
    ]


def test_only_who_may_list_hears_that_an_object_is_missing() -> None:
    """A 404 of an object needs the right to list the bucket, and tells no prefix."""
    asked = rights("s3", "GetObject", 404, Bucket="other", Key="a")
    assert asked == ["s3:GetObject on arn:aws:s3:::other/a", "s3:ListBucket on arn:aws:s3:::other"]


def test_a_list_tells_its_prefix() -> None:
    """A condition on the prefix is judged by the one that was asked for."""
    assert rights("s3", "ListObjectsV2", Bucket="lake", prefix="raw/") == [
        f"s3:ListBucket on {LAKE} with {{'s3:prefix': 'raw/'}}"
    ]


def test_a_copy_reads_and_writes() -> None:
    """Both ends of a copy are asked for."""
    asked = rights("s3", "CopyObject", Bucket="other", Key="b", source="/lake/a b?versionId=1")
    assert asked == [
        f"s3:GetObject on {LAKE}/a b",
        by_s3("kms:Decrypt"),
        "s3:PutObject on arn:aws:s3:::other/b",
    ]


def test_each_deleted_object_is_asked_for() -> None:
    """One call that deletes many is as many rights."""
    asked = rights("s3", "DeleteObjects", Bucket="lake", Keys="a\nb")
    assert asked == [f"s3:DeleteObject on {LAKE}/a", f"s3:DeleteObject on {LAKE}/b"]


def test_glue_asks_for_the_whole_way_to_a_table() -> None:
    """Catalog, database and table are each asked for; a list is of all tables."""
    glue = "arn:aws:glue:eu-west-1:1"
    asked = rights("glue", "UpdateTable", DatabaseName="d", TableInput_Name="t")
    assert asked == [
        f"glue:UpdateTable on {glue}:{part}" for part in ("catalog", "database/d", "table/d/t")
    ]
    assert f"glue:GetTables on {glue}:table/d/*" in rights("glue", "GetTables", DatabaseName="d")


def test_a_job_run_is_started_with_a_role() -> None:
    """Who starts a job run passes its role, tags it if asked, and waits by a managed rule."""
    asked = rights(
        "emr-serverless", "StartJobRun", applicationId="a", executionRoleArn="r", tags="yes"
    )
    application = "arn:aws:emr-serverless:eu-west-1:1:/applications/a"
    assert asked == [
        f"emr-serverless:StartJobRun on {application}",
        "iam:PassRole on r with {'iam:PassedToService': 'emr-serverless.amazonaws.com'}",
        f"emr-serverless:TagResource on {application}/jobruns/new",
    ]
    assert {ask.action for ask in waiting(ACCOUNT)} == {
        "events:DescribeRule",
        "events:PutRule",
        "events:PutTargets",
    }


def test_names_become_arns() -> None:
    """What a call names in its own way is asked for by its ARN."""
    assert rights("sqs", "DeleteMessageBatch", QueueUrl="http://h/1/q") == [
        "sqs:DeleteMessage on arn:aws:sqs:eu-west-1:1:q"
    ]
    assert rights("secretsmanager", "GetSecretValue", SecretId="lake/sources") == [
        "secretsmanager:GetSecretValue on arn:aws:secret-AbCdEf"
    ]
    assert rights("lambda", "Invoke", FunctionName="f") == [
        "lambda:InvokeFunction on arn:aws:lambda:eu-west-1:1:function:f"
    ]
    assert rights("logs", "PutLogEvents", logGroupName="/g", logStreamName="s") == [
        "logs:PutLogEvents on arn:aws:logs:eu-west-1:1:log-group:/g:log-stream:s"
    ]


@pytest.mark.parametrize(
    ("service", "operation"), [("s3", "PutBucketPolicy"), ("ec2", "RunInstances"), ("", "GET /")]
)
def test_a_call_that_no_table_knows_is_an_error(service: str, operation: str) -> None:
    """What cannot be judged is never passed over."""
    with pytest.raises(UnmappedError):
        rights(service, operation)


def test_a_call_without_its_names_is_an_error() -> None:
    """A log that does not tell what a call is about judges nothing."""
    with pytest.raises(UnmappedError, match="names no"):
        rights("s3", "GetObject", Bucket="lake")
