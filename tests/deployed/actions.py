"""Which rights a logged call needs: its IAM actions and the ARNs they are asked for.

From the Service Authorization Reference, the page "Actions, resources, and condition keys for …"
of each service below; for S3 also "Required permissions for Amazon S3 API operations", for keys
the pages on server-side encryption of S3, SQS, SNS and Secrets Manager. Calls to KMS are made by
the services with the caller's rights, so no log shows them: they follow from how the bucket, queue,
topic or secret is encrypted. A call that stands in no table is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.deployed.iam import Ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Logged = Mapping[str, Any]
    Rule = Callable[["Account", Logged], Iterator[Ask]]


class UnmappedError(ValueError):
    """A call that no table knows yet; the Service Authorization Reference does."""


@dataclass(frozen=True)
class Account:
    """Where the calls were made, and what AWS knows there and the log does not tell."""

    number: str
    region: str
    # ARN of what is encrypted → ARN of the key.
    keys: Mapping[str, str] = field(default_factory=dict)
    # A secret's name → its ARN, which ends in characters AWS chooses.
    secrets: Mapping[str, str] = field(default_factory=dict)
    # A query's id → the workgroup it ran in.
    workgroups: Mapping[str, str] = field(default_factory=dict)

    def arn(self, service: str, resource: str) -> str:
        """An ARN of a regional service."""
        return f"arn:aws:{service}:{self.region}:{self.number}:{resource}"

    def key(self, action: str, service: str, encrypted: str) -> Iterator[Ask]:
        """The use of a key by a service in the caller's name, if there is one."""
        if key := self.keys.get(encrypted):
            yield Ask(action, key, {"kms:ViaService": f"{service}.{self.region}.amazonaws.com"})


def needed(account: Account, call: Logged) -> list[Ask]:
    """All rights that the call needs. Raises UnmappedError for a call that is not known."""
    rule = _RULES.get(call["service"], {}).get(call["operation"])
    if rule is None:
        raise UnmappedError(f"{call['service']}:{call['operation']} of {call['principal']}")
    try:
        return list(rule(account, call))
    except KeyError as error:
        raise UnmappedError(f"{call['service']}:{call['operation']} names no {error}") from error


# Amazon S3
_READS, _WRITES = ("kms:Decrypt",), ("kms:GenerateDataKey",)
_PARTS = ("kms:GenerateDataKey", "kms:Decrypt")
_NOT_FOUND = 404


def _object(account: Account, call: Logged, action: str, keys: tuple[str, ...]) -> Iterator[Ask]:
    bucket = f"arn:aws:s3:::{call['named']['Bucket']}"
    yield Ask(action, f"{bucket}/{call['named']['Key']}")
    if call["status"] == _NOT_FOUND:
        # Without this right S3 says 403; the request has no prefix that a condition could allow.
        yield Ask("s3:ListBucket", bucket)
    for key in keys:
        yield from account.key(key, "s3", bucket)


def _copy(account: Account, call: Logged, keys: tuple[str, ...]) -> Iterator[Ask]:
    source = call["named"]["source"].lstrip("/").partition("?")[0]
    bucket = f"arn:aws:s3:::{source.partition('/')[0]}"
    yield Ask("s3:GetObject", f"arn:aws:s3:::{source}")
    yield from account.key("kms:Decrypt", "s3", bucket)
    yield from _object(account, call, "s3:PutObject", keys)


def _objects(_: Account, call: Logged, action: str) -> Iterator[Ask]:
    for key in call["named"]["Keys"].split("\n"):
        yield Ask(action, f"arn:aws:s3:::{call['named']['Bucket']}/{key}")


def _bucket(_: Account, call: Logged, action: str) -> Iterator[Ask]:
    named = call["named"]
    known = {"s3:prefix": named["prefix"]} if "prefix" in named else {}
    yield Ask(action, f"arn:aws:s3:::{named['Bucket']}", known)


_S3: dict[str, Rule] = {
    "GetObject": partial(_object, action="s3:GetObject", keys=_READS),
    "HeadObject": partial(_object, action="s3:GetObject", keys=_READS),
    "PutObject": partial(_object, action="s3:PutObject", keys=_WRITES),
    "DeleteObject": partial(_object, action="s3:DeleteObject", keys=()),
    "DeleteObjects": partial(_objects, action="s3:DeleteObject"),
    "CopyObject": partial(_copy, keys=_WRITES),
    "CreateMultipartUpload": partial(_object, action="s3:PutObject", keys=_PARTS),
    "UploadPart": partial(_object, action="s3:PutObject", keys=_PARTS),
    "UploadPartCopy": partial(_copy, keys=_PARTS),
    "CompleteMultipartUpload": partial(_object, action="s3:PutObject", keys=_PARTS),
    "AbortMultipartUpload": partial(_object, action="s3:AbortMultipartUpload", keys=()),
    "ListParts": partial(_object, action="s3:ListMultipartUploadParts", keys=()),
    "ListObjects": partial(_bucket, action="s3:ListBucket"),
    "ListObjectsV2": partial(_bucket, action="s3:ListBucket"),
    "HeadBucket": partial(_bucket, action="s3:ListBucket"),
    "GetBucketLocation": partial(_bucket, action="s3:GetBucketLocation"),
    "ListMultipartUploads": partial(_bucket, action="s3:ListBucketMultipartUploads"),
}


# AWS Glue: each call is checked for the catalog, the database and the table.
def _table(account: Account, call: Logged, name: str) -> Iterator[Ask]:
    yield from _database(account, call, "DatabaseName")
    table = f"{call['named']['DatabaseName']}/{call['named'][name] if name else '*'}"
    yield Ask(f"glue:{call['operation']}", account.arn("glue", f"table/{table}"))


def _database(account: Account, call: Logged, name: str) -> Iterator[Ask]:
    action = f"glue:{call['operation']}"
    yield Ask(action, account.arn("glue", "catalog"))
    database = call["named"][name] if name else "*"
    yield Ask(action, account.arn("glue", f"database/{database}"))


_GLUE: dict[str, Rule] = {
    "GetDatabase": partial(_database, name="Name"),
    "GetDatabases": partial(_database, name=""),
    "GetTable": partial(_table, name="Name"),
    "GetTables": partial(_table, name=""),
    "CreateTable": partial(_table, name="TableInput.Name"),
    "UpdateTable": partial(_table, name="TableInput.Name"),
    "DeleteTable": partial(_table, name="Name"),
}


# Amazon SQS and Amazon SNS
def _queue(
    account: Account, call: Logged, action: str, keys: tuple[str, ...] = ()
) -> Iterator[Ask]:
    named = call["named"]
    name = named.get("QueueName") or named["QueueUrl"].rpartition("/")[2]
    yield Ask(action, account.arn("sqs", name))
    for key in keys:
        yield from account.key(key, "sqs", account.arn("sqs", name))


def _publish(account: Account, call: Logged) -> Iterator[Ask]:
    topic = call["named"]["TopicArn"]
    yield Ask("sns:Publish", topic)
    for key in _PARTS:
        yield from account.key(key, "sns", topic)


_SQS: dict[str, Rule] = {
    "SendMessage": partial(_queue, action="sqs:SendMessage", keys=_PARTS),
    "SendMessageBatch": partial(_queue, action="sqs:SendMessage", keys=_PARTS),
    "ReceiveMessage": partial(_queue, action="sqs:ReceiveMessage", keys=_READS),
    "DeleteMessage": partial(_queue, action="sqs:DeleteMessage"),
    "DeleteMessageBatch": partial(_queue, action="sqs:DeleteMessage"),
    "ChangeMessageVisibility": partial(_queue, action="sqs:ChangeMessageVisibility"),
    "ChangeMessageVisibilityBatch": partial(_queue, action="sqs:ChangeMessageVisibility"),
    "GetQueueAttributes": partial(_queue, action="sqs:GetQueueAttributes"),
    "GetQueueUrl": partial(_queue, action="sqs:GetQueueUrl"),
}


# AWS Step Functions, Amazon EMR Serverless and AWS Lambda
def _start_execution(_: Account, call: Logged) -> Iterator[Ask]:
    yield Ask("states:StartExecution", call["named"]["stateMachineArn"])


def _start_job_run(account: Account, call: Logged) -> Iterator[Ask]:
    application = account.arn("emr-serverless", f"/applications/{call['named']['applicationId']}")
    yield Ask("emr-serverless:StartJobRun", application)
    passed = {"iam:PassedToService": "emr-serverless.amazonaws.com"}
    yield Ask("iam:PassRole", call["named"]["executionRoleArn"], passed)
    if "tags" in call["named"]:
        yield Ask("emr-serverless:TagResource", f"{application}/jobruns/new")


def _job_run(account: Account, call: Logged) -> Iterator[Ask]:
    named = call["named"]
    run = f"/applications/{named['applicationId']}/jobruns/{named['jobRunId']}"
    yield Ask(f"emr-serverless:{call['operation']}", account.arn("emr-serverless", run))


def waiting(account: Account) -> Iterator[Ask]:
    """What a state machine's role needs so that `.sync` hears of a job run's end.

    Step Functions makes and asks for its managed rule itself: "IAM policies for calling EMR
    Serverless" in its developer guide.
    """
    rule = account.arn("events", "rule/StepFunctionsGetEventsForEMRServerlessJobRule")
    for action in ("DescribeRule", "PutRule", "PutTargets"):
        yield Ask(f"events:{action}", rule)


def _function(account: Account, call: Logged, action: str) -> Iterator[Ask]:
    name = call["named"]["FunctionName"]
    yield Ask(
        action, name if name.startswith("arn:") else account.arn("lambda", f"function:{name}")
    )


# Amazon Data Firehose, Kinesis, CloudWatch Logs, Athena and AWS Secrets Manager
def _stream(account: Account, call: Logged) -> Iterator[Ask]:
    service, named = call["service"], call["named"]
    if service == "firehose":
        arn = account.arn(service, f"deliverystream/{named['DeliveryStreamName']}")
    else:
        arn = named.get("StreamARN") or account.arn(service, f"stream/{named['StreamName']}")
    yield Ask(f"{service}:{call['operation']}", arn)


def _log(account: Account, call: Logged) -> Iterator[Ask]:
    group, stream = call["named"]["logGroupName"], call["named"].get("logStreamName", "")
    resource = account.arn("logs", f"log-group:{group}:log-stream:{stream}")
    yield Ask(f"logs:{call['operation']}", resource)


def _query(account: Account, call: Logged) -> Iterator[Ask]:
    named = call["named"]
    workgroup = named.get("WorkGroup") or account.workgroups[named["QueryExecutionId"]]
    yield Ask(f"athena:{call['operation']}", account.arn("athena", f"workgroup/{workgroup}"))


def _secret(account: Account, call: Logged) -> Iterator[Ask]:
    told = call["named"]["SecretId"]
    arn = account.secrets.get(told, told)
    yield Ask("secretsmanager:GetSecretValue", arn)
    yield from account.key("kms:Decrypt", "secretsmanager", arn)


_RULES: dict[str, dict[str, Rule]] = {
    "s3": _S3,
    "glue": _GLUE,
    "athena": dict.fromkeys(
        ("StartQueryExecution", "GetQueryExecution", "GetQueryResults"), _query
    ),
    "sqs": _SQS,
    "sns": {"Publish": _publish},
    "states": {"StartExecution": _start_execution},
    "emr-serverless": {
        "StartJobRun": _start_job_run,
        "GetJobRun": _job_run,
        "CancelJobRun": _job_run,
    },
    "lambda": {
        "Invoke": partial(_function, action="lambda:InvokeFunction"),
        "GetFunctionConfiguration": partial(_function, action="lambda:GetFunctionConfiguration"),
    },
    "firehose": {"PutRecord": _stream, "PutRecordBatch": _stream},
    "kinesis": dict.fromkeys(
        (
            "PutRecord",
            "PutRecords",
            "DescribeStream",
            "GetRecords",
            "GetShardIterator",
            "ListShards",
        ),
        _stream,
    ),
    "logs": dict.fromkeys(
        ("CreateLogGroup", "CreateLogStream", "PutLogEvents", "DescribeLogStreams"), _log
    ),
    "secretsmanager": {"GetSecretValue": _secret},
}
