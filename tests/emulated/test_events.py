"""Events of S3, rules, targets, transformers and dead letters.

AWS: "EventBridge event message structure" (S3), "Event bus targets in Amazon EventBridge",
"Amazon EventBridge input transformation", "How EventBridge retries delivering events", "Using
dead-letter queues to process undelivered events in EventBridge".
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

from console.emulator.faults import Fault
from tests.emulated.events_server import ACCOUNT, REGION, ROLE, Aws, wait_for

_NUMBERS = count(1)
MAP = {"key": "$.detail.object.key", "size": "$.detail.object.size", "none": "$.detail.nothing"}


@pytest.fixture
def bucket(aws: Aws) -> str:
    """A bucket whose events go to EventBridge."""
    return make_bucket(aws)


def make_bucket(aws: Aws) -> str:
    """A new bucket with EventBridge on."""
    name, s3 = f"lake-{next(_NUMBERS)}", aws.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    return name


def pattern_of(bucket: str, key: Any = None) -> dict[str, Any]:
    """A rule's pattern for new objects of a bucket."""
    return {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": [key or {"prefix": ""}]}},
    }


def rule(aws: Aws, pattern: dict[str, Any] | None, **target: Any) -> str:
    """A rule with one target; its name."""
    name, client = f"rule-{next(_NUMBERS)}", aws.client("events")
    when = (
        {"EventPattern": json.dumps(pattern)} if pattern else {"ScheduleExpression": "rate(1 day)"}
    )
    client.put_rule(Name=name, **when)
    client.put_targets(Rule=name, Targets=[{"Id": "one", **target}])
    return name


def wait_until_delivered(aws: Aws) -> None:
    """Return when no delivery is on its way any more."""

    def is_idle() -> bool:
        with urlopen(f"{aws.server.url}/_lake/events") as reply:
            return bool(json.loads(reply.read())["open"] == 0)

    wait_for(is_idle)


def bodies(messages: list[dict[str, Any]]) -> list[Any]:
    """The messages' JSON."""
    return [json.loads(message["Body"]) for message in messages]


def test_event_of_a_new_object_has_the_documented_shape(aws: Aws, bucket: str) -> None:
    """All documented fields, the key as it is (no %20), a version only where there are versions."""
    url, arn = aws.queue("shape")
    rule(aws, pattern_of(bucket), Arn=arn)
    aws.client("s3").put_object(Bucket=bucket, Key="raw/año 1+2.xlsx", Body=b"hello")
    [event] = bodies(aws.messages(url))
    detail = event["detail"]
    assert (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
    assert (event["version"], event["account"], event["region"]) == ("0", ACCOUNT, REGION)
    assert event["resources"] == [f"arn:aws:s3:::{bucket}"]
    assert event["time"].endswith("Z")
    assert set(detail["object"]) == {"key", "size", "etag", "sequencer"}
    assert detail["object"]["key"] == "raw/año 1+2.xlsx"
    assert (detail["object"]["size"], detail["reason"]) == (5, "PutObject")
    assert detail["object"]["etag"] == "5d41402abc4b2a76b9719d911017c592"
    assert detail["bucket"] == {"name": bucket}
    assert {"request-id", "requester", "source-ip-address", "version"} < set(detail)


def test_each_way_to_make_an_object_is_one_event_with_its_reason(aws: Aws, bucket: str) -> None:
    """Put, copy and multipart upload: one event each, newer ones with a greater sequencer."""
    url, arn = aws.queue("reasons")
    rule(aws, pattern_of(bucket), Arn=arn)
    s3 = aws.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="a", Body=b"1")["VersionId"]
    s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="c")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="c", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(
        Bucket=bucket, Key="c", UploadId=upload,
        MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]},
    )  # fmt: skip
    s3.put_object_tagging(Bucket=bucket, Key="a", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    s3.delete_object(Bucket=bucket, Key="b")
    found = [event["detail"] for event in bodies(aws.messages(url, 3))]
    by_sequencer = sorted(found, key=lambda detail: detail["object"]["sequencer"])
    assert [(d["object"]["key"], d["reason"]) for d in by_sequencer] == [
        ("a", "PutObject"), ("b", "CopyObject"), ("c", "CompleteMultipartUpload"),
    ]  # fmt: skip
    assert by_sequencer[0]["object"]["version-id"] == version
    wait_until_delivered(aws)
    assert not aws.client("sqs").receive_message(QueueUrl=url).get("Messages")


def test_only_matching_rules_that_are_on_receive_an_event(aws: Aws, bucket: str) -> None:
    """Another prefix, a disabled rule and a schedule without a pattern receive nothing."""
    url, arn = aws.queue("matching")
    wrong_url, wrong = aws.queue("wrong")
    rule(aws, pattern_of(bucket, {"wildcard": "raw/*.xlsx"}), Arn=arn)
    rule(aws, pattern_of(bucket, {"prefix": "bronze/"}), Arn=wrong)
    rule(aws, None, Arn=wrong)
    aws.client("events").disable_rule(Name=rule(aws, pattern_of(bucket), Arn=wrong))
    aws.client("s3").put_object(Bucket=bucket, Key="raw/a.xlsx", Body=b"1")
    aws.messages(url)
    wait_until_delivered(aws)
    assert not aws.client("sqs").receive_message(QueueUrl=wrong_url).get("Messages")


def test_targets_are_state_machine_function_queue_and_topic(aws: Aws, bucket: str) -> None:
    """One rule starts an execution, invokes a function, and sends to a queue and a topic."""
    got: list[Any] = []
    aws.server.requests.clear()
    machine, function = aws.machine("started"), aws.function("invoked", got.append)
    url, queue = aws.queue("sent")
    topic_url, topic_queue = aws.queue("published")
    topic = aws.client("sns").create_topic(Name="told")["TopicArn"]
    aws.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=topic_queue,
        Attributes={"RawMessageDelivery": "true"},
    )  # fmt: skip
    name = rule(aws, pattern_of(bucket), Arn=machine, RoleArn=ROLE)
    others = [function, queue, topic]
    aws.client("events").put_targets(
        Rule=name, Targets=[{"Id": str(n), "Arn": arn} for n, arn in enumerate(others)]
    )
    aws.client("s3").put_object(Bucket=bucket, Key="k", Body=b"1")
    wait_for(lambda: bool(got))
    everywhere = [
        *aws.inputs(machine), *got, *bodies(aws.messages(url)), *bodies(aws.messages(topic_url)),
    ]  # fmt: skip
    assert [event["detail"]["object"]["key"] for event in everywhere] == ["k"] * 4
    assert len({event["id"] for event in everywhere}) == 1
    [started] = aws.server.requests.find(operation="StartExecution")
    assert started.principal == ROLE


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"Input": '{"gold": true}'}, {"gold": True}),
        ({"InputPath": "$.detail.object.key"}, 'a "b"'),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": MAP,
                    "InputTemplate": '{"k": <key>, "n": <size>}',
                }
            },
            {"k": 'a "b"', "n": 1},
        ),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": MAP,
                    "InputTemplate": '"<key> of <size> byte by <aws.events.rule-name><none>"',
                }
            },
            'a "b" of 1 byte by {rule}',
        ),
        ({"InputTransformer": {"InputPathsMap": MAP, "InputTemplate": "<key>"}}, 'a "b"'),
    ],
)
def test_input_is_what_the_target_asks_for(
    aws: Aws, bucket: str, target: dict[str, Any], expected: Any
) -> None:
    """A constant, a part, or a template; a variable is JSON outside of quotes and text inside."""
    url, arn = aws.queue(f"input-{next(_NUMBERS)}")
    name = rule(aws, pattern_of(bucket), Arn=arn, **target)
    aws.client("s3").put_object(Bucket=bucket, Key='a "b"', Body=b"1")
    if isinstance(expected, str):
        expected = expected.replace("{rule}", name)
    assert bodies(aws.messages(url)) == [expected]


@pytest.mark.parametrize(
    "target",
    [
        {"Arn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:x"},
        {"Arn": f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/x"},
        {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:x", "Input": "{}", "InputPath": "$.detail"},
        {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:x", "Input": "no JSON"},
        {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:x", "InputPath": "detail"},
        {
            "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:x",
            "KinesisParameters": {"PartitionKeyPath": "$.id"},
        },
        {
            "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:x",
            "InputTransformer": {"InputPathsMap": MAP, "InputTemplate": '{"k": <other>}'},
        },
        {
            "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:x",
            "InputTransformer": {"InputPathsMap": MAP, "InputTemplate": "key is <key>"},
        },
    ],
)
def test_target_that_cannot_be_served_is_refused(aws: Aws, target: dict[str, Any]) -> None:
    """A wrong or unknown target fails when it is made, not silently at the first event."""
    with pytest.raises(ClientError, match=r"ValidationException|NotImplemented"):
        rule(aws, pattern_of("any"), **target)


def test_rule_for_events_never_sent_is_refused(aws: Aws) -> None:
    """A rule that would wait for ever for S3's other events is no rule here."""
    for pattern in (
        {"source": ["aws.s3"], "detail-type": ["Object Deleted"]},
        {"source": ["aws.s3"]},
        {"source": [{"cidr": "10.0.0.0/8"}]},
    ):
        with pytest.raises(ClientError, match=r"InvalidEventPattern|NotImplemented"):
            aws.client("events").put_rule(Name="never", EventPattern=json.dumps(pattern))


def test_delivery_is_tried_again_then_goes_to_the_dead_letters(aws: Aws, bucket: str) -> None:
    """As many retries as the policy allows; then the event lies in the DLQ and says why."""
    _, arn = aws.queue("failing")
    url, dead = aws.queue("dead")
    policy = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600}
    name = rule(
        aws, pattern_of(bucket), Arn=arn, RetryPolicy=policy, DeadLetterConfig={"Arn": dead}
    )
    aws.server.faults.add(Fault("sqs", "SendMessage", times=3))
    aws.client("s3").put_object(Bucket=bucket, Key="k", Body=b"1")
    [letter] = aws.messages(url)
    facts = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert json.loads(letter["Body"])["detail"]["object"]["key"] == "k"
    assert facts["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert (facts["RETRY_ATTEMPTS"], facts["TARGET_ARN"]) == ("2", arn)
    assert facts["RULE_ARN"].endswith(f":rule/{name}")
    assert {"ERROR_CODE", "ERROR_MESSAGE"} < set(facts)


def test_delivery_that_fails_twice_arrives_once(aws: Aws, bucket: str) -> None:
    """A failure that passes costs time, not the event; one whose answer is lost doubles it."""
    url, arn = aws.queue("flaky")
    rule(aws, pattern_of(bucket), Arn=arn)
    aws.server.faults.add(Fault("sqs", "SendMessage", times=2))
    aws.client("s3").put_object(Bucket=bucket, Key="again", Body=b"1")
    assert [e["detail"]["object"]["key"] for e in bodies(aws.messages(url))] == ["again"]
    aws.server.faults.add(Fault("sqs", "SendMessage", when="after"))
    aws.client("s3").put_object(Bucket=bucket, Key="twice", Body=b"1")
    assert [e["detail"]["object"]["key"] for e in bodies(aws.messages(url, 2))] == ["twice"] * 2


def test_lasting_error_goes_to_the_dead_letters_at_once(aws: Aws, bucket: str) -> None:
    """A target that is not there is not tried again."""
    url, dead = aws.queue("gone-dead")
    gone = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:gone"
    rule(aws, pattern_of(bucket), Arn=gone, RoleArn=ROLE, DeadLetterConfig={"Arn": dead})
    aws.client("s3").put_object(Bucket=bucket, Key="k", Body=b"1")
    [letter] = aws.messages(url)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "StateMachineDoesNotExist"
    assert letter["MessageAttributes"]["RETRY_ATTEMPTS"]["StringValue"] == "0"
    assert "EXHAUSTED_RETRY_CONDITION" not in letter["MessageAttributes"]


def test_an_event_put_by_a_program_is_delivered_like_one_of_aws(aws: Aws) -> None:
    """PutEvents reaches the same targets, with the emulated time."""
    url, arn = aws.queue("put-events")
    rule(aws, {"source": ["lake.test"]}, Arn=arn)
    entry = {"Source": "lake.test", "DetailType": "Told", "Detail": '{"n": 1}'}
    aws.client("events").put_events(Entries=[entry])
    [event] = bodies(aws.messages(url))
    assert event["detail"] == {"n": 1}
    assert event["time"][:13] == aws.server.clock.now().isoformat()[:13]
    assert "ingestion-time" not in event
