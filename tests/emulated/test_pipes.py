"""Queues into state machines and functions.

AWS: "Amazon Simple Queue Service queue as a source", "Batching and concurrency" and "Amazon
EventBridge Pipes input transformation" (EventBridge); "Using Lambda with Amazon SQS" and "Handling
errors for an SQS event source in Lambda" (Lambda).
"""

from __future__ import annotations

import json
import threading
import time
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from console.emulator.faults import Fault
from console.emulator.mappings import failures
from tests.emulated.events_server import ACCOUNT, REGION, ROLE, Aws, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBERS = count(1)


def fresh(aws: Aws, **attributes: str) -> tuple[str, str]:
    """A new queue whose messages come back after a second."""
    return aws.queue(f"pipe-{next(_NUMBERS)}", **{"VisibilityTimeout": "1", **attributes})


def pipe(aws: Aws, source: str, size: int, window: int, **target: Any) -> str:
    """A pipe from the queue to a new machine; the machine."""
    machine = aws.machine(f"machine-{next(_NUMBERS)}")
    aws.client("pipes").create_pipe(
        Name=f"pipe-{next(_NUMBERS)}", Source=source, Target=machine, RoleArn=ROLE,
        SourceParameters={
            "SqsQueueParameters": {"BatchSize": size, "MaximumBatchingWindowInSeconds": window}
        },
        TargetParameters={
            "StepFunctionStateMachineParameters": {"InvocationType": "FIRE_AND_FORGET"}, **target
        },
    )  # fmt: skip
    return machine


def mapping(aws: Aws, queue: str, function: str, size: int = 10, **more: Any) -> str:
    """A mapping of the queue to the function; its name."""
    made = aws.client("lambda").create_event_source_mapping(
        EventSourceArn=queue, FunctionName=function, BatchSize=size, **more
    )
    return str(made["UUID"])


def send(aws: Aws, url: str, *bodies: Any) -> None:
    """Send JSON messages."""
    for body in bodies:
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body))


def left(aws: Aws, url: str) -> int:
    """How many messages the queue has, in flight or not."""
    told = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    numbers = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    return sum(int(told["Attributes"][name]) for name in numbers)


def test_a_window_gathers_messages_into_one_execution(aws: Aws) -> None:
    """Within the window nothing starts; when it is over, one execution gets all messages."""
    aws.server.requests.clear()
    url, queue = fresh(aws, VisibilityTimeout="60")
    machine = pipe(aws, queue, 100, 60)
    send(aws, url, *({"n": n} for n in range(12)))
    wait_for(lambda: _in_flight(aws, url) == 12)
    assert not aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    aws.server.clock.advance(60)
    [records] = aws.inputs(machine)
    assert sorted(json.loads(record["body"])["n"] for record in records) == list(range(12))
    assert set(records[0]) == {
        "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody",
        "eventSource", "eventSourceARN", "awsRegion",
    }  # fmt: skip
    assert (records[0]["eventSource"], records[0]["eventSourceARN"]) == ("aws:sqs", queue)
    wait_for(lambda: left(aws, url) == 0)
    roles = {r.principal for r in aws.server.requests.find(operation="StartExecution")}
    assert roles == {ROLE}


def _in_flight(aws: Aws, url: str) -> int:
    name = "ApproximateNumberOfMessagesNotVisible"
    told = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(told["Attributes"][name])


def test_a_full_batch_does_not_wait_for_its_window(aws: Aws) -> None:
    """The batch size is enough."""
    url, queue = fresh(aws, VisibilityTimeout="60")
    machine = pipe(aws, queue, 3, 300)
    send(aws, url, 1, 2, 3, 4)
    [records] = aws.inputs(machine)
    assert len(records) == 3
    assert left(aws, url) == 1


def test_an_input_template_sees_into_a_json_body(aws: Aws) -> None:
    """The template is filled for each message; the execution gets an array of the results."""
    url, queue = fresh(aws)
    template = (
        '{"key": <$.body.detail.object.key>, "said": "<$.body.detail.object.key> of '
        '<aws.pipes.pipe-name>", "none": "<$.body.nothing>", "id": <$.messageId>}'
    )
    machine = pipe(aws, queue, 10, 0, InputTemplate=template)
    send(aws, url, {"detail": {"object": {"key": 'bronze/"a" ñ.gz'}}})
    [[made]] = aws.inputs(machine)
    assert (made["key"], made["none"]) == ('bronze/"a" ñ.gz', "")
    assert made["said"].startswith('bronze/"a" ñ.gz of pipe-')
    assert made["id"]


def test_a_message_stays_until_the_execution_has_started(aws: Aws) -> None:
    """A failed start keeps the message, which starts an execution later: at least once."""
    url, queue = fresh(aws)
    aws.server.requests.clear()
    aws.server.faults.add(Fault("states", "StartExecution"))
    machine = pipe(aws, queue, 10, 0)
    send(aws, url, {"n": 1})
    wait_for(lambda: bool(aws.server.requests.find(operation="StartExecution", status="500")))
    assert left(aws, url) == 1
    [[record]] = aws.inputs(machine)
    assert record["attributes"]["ApproximateReceiveCount"] == "2"
    wait_for(lambda: left(aws, url) == 0)


def test_a_start_whose_answer_is_lost_starts_again(aws: Aws) -> None:
    """The pipe cannot know, so there are two executions with the same message."""
    url, queue = fresh(aws)
    aws.server.faults.add(Fault("states", "StartExecution", when="after"))
    machine = pipe(aws, queue, 10, 0)
    send(aws, url, {"n": 1})
    assert [json.loads(records[0]["body"]) for records in aws.inputs(machine, 2)] == [{"n": 1}] * 2


def test_what_never_starts_goes_to_the_dead_letters(aws: Aws) -> None:
    """After the receives that the redrive policy allows, the message lies in the DLQ."""
    dead_url, dead = fresh(aws)
    policy = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 2})
    url, queue = fresh(aws, RedrivePolicy=policy)
    aws.server.faults.add(Fault("states", "StartExecution", times=99))
    pipe(aws, queue, 10, 0)
    send(aws, url, {"n": 1})
    [letter] = aws.messages(dead_url)
    assert json.loads(letter["Body"]) == {"n": 1}
    assert left(aws, url) == 0


def test_an_updated_pipe_goes_by_its_new_window(aws: Aws) -> None:
    """An update tells of the source without naming it, with an empty filter: that is none."""
    url, queue = fresh(aws, VisibilityTimeout="60")
    machine = pipe(aws, queue, 100, 300)
    name = f"pipe-{next(_NUMBERS) - 1}"
    batch = {"BatchSize": 100, "MaximumBatchingWindowInSeconds": 0}
    with pytest.raises(ClientError, match="batch window"):
        aws.client("pipes").update_pipe(
            Name=name, RoleArn=ROLE, SourceParameters={"SqsQueueParameters": batch}
        )
    aws.client("pipes").update_pipe(
        Name=name,
        RoleArn=ROLE,
        SourceParameters={
            "FilterCriteria": {},
            "SqsQueueParameters": {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0},
        },
    )
    send(aws, url, {"n": 1})
    assert [json.loads(m["body"]) for m in aws.inputs(machine)[0]] == [{"n": 1}]


def test_a_stopped_pipe_moves_nothing_and_a_deleted_one_neither(aws: Aws) -> None:
    """Only a pipe that should run takes messages."""
    url, queue = fresh(aws)
    machine = pipe(aws, queue, 10, 0)
    [name] = [p["Name"] for p in aws.client("pipes").list_pipes()["Pipes"] if p["Source"] == queue]
    aws.client("pipes").stop_pipe(Name=name)
    time.sleep(0.3)
    send(aws, url, {"n": 1})
    time.sleep(0.3)
    assert _in_flight(aws, url) == 0
    aws.client("pipes").start_pipe(Name=name)
    assert len(aws.inputs(machine)) == 1
    aws.client("pipes").delete_pipe(Name=name)
    time.sleep(0.3)
    send(aws, url, {"n": 2})
    time.sleep(0.3)
    assert (_in_flight(aws, url), left(aws, url)) == (0, 1)


@pytest.mark.parametrize(
    ("source", "target", "more"),
    [
        ({"FilterCriteria": {"Filters": []}}, {}, {}),
        ({}, {"InputTemplate": '{"a": <$.body>'}, {}),
        ({}, {"InputTemplate": '{"a": <unknown>}'}, {}),
        ({}, {"StepFunctionStateMachineParameters": {"InvocationType": "REQUEST_RESPONSE"}}, {}),
        ({"SqsQueueParameters": {"BatchSize": 11}}, {}, {}),
        ({"SqsQueueParameters": {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 301}}, {}, {}),
        ({}, {}, {"Enrichment": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"}),
        ({}, {}, {"Target": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"}),
    ],
)
def test_a_pipe_that_would_not_flow_as_asked_is_refused(
    aws: Aws, source: Any, target: Any, more: Any
) -> None:
    """What the stand-in cannot do, and what AWS refuses, fails when the pipe is made."""
    asked = {
        "Name": "refused", "RoleArn": ROLE, "Source": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q",
        "Target": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m",
        "SourceParameters": source, "TargetParameters": target, **more,
    }  # fmt: skip
    with pytest.raises(ClientError, match=r"ValidationException|NotImplemented"):
        aws.client("pipes").create_pipe(**asked)


def test_a_function_gets_batches_of_the_documented_shape(aws: Aws) -> None:
    """The batch is deleted after a success, and the caller of SQS is the function's role."""
    got: list[Any] = []
    aws.server.requests.clear()
    url, queue = fresh(aws)
    mapping(aws, queue, aws.function(f"function-{next(_NUMBERS)}", got.append))
    send(aws, url, {"n": 1})
    wait_for(lambda: bool(got) and left(aws, url) == 0)
    [record] = got[0]["Records"]
    assert json.loads(record["body"]) == {"n": 1}
    assert (record["eventSource"], record["eventSourceARN"]) == ("aws:sqs", queue)
    assert record["awsRegion"] == REGION
    assert {"ApproximateReceiveCount", "SentTimestamp", "SenderId"} <= set(record["attributes"])
    deleted = aws.server.requests.find(operation="DeleteMessageBatch")
    assert {request.principal for request in deleted} == {ROLE}


def test_only_the_messages_named_in_a_partial_answer_come_again(aws: Aws) -> None:
    """The good ones are done with at once, the bad ones end as dead letters."""
    seen: list[int] = []

    def handle(event: Any) -> Any:
        bodies = {r["messageId"]: json.loads(r["body"])["n"] for r in event["Records"]}
        seen.extend(bodies.values())
        bad = [{"itemIdentifier": name} for name, n in bodies.items() if n == 2]
        return {"batchItemFailures": bad}

    dead_url, dead = fresh(aws)
    policy = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 2})
    url, queue = fresh(aws, RedrivePolicy=policy)
    send(aws, url, *({"n": n} for n in (1, 2, 3)))
    function = aws.function(f"function-{next(_NUMBERS)}", handle)
    mapping(aws, queue, function, FunctionResponseTypes=["ReportBatchItemFailures"])
    [letter] = aws.messages(dead_url)
    assert json.loads(letter["Body"]) == {"n": 2}
    assert sorted(seen) == [1, 2, 2, 3]
    assert left(aws, url) == 0


def test_a_failing_function_keeps_its_whole_batch(aws: Aws) -> None:
    """An error of the function: every message comes again."""
    calls: list[int] = []

    def handle(event: Any) -> None:
        calls.append(len(event["Records"]))
        if len(calls) == 1:
            raise RuntimeError("injected")

    url, queue = fresh(aws)
    send(aws, url, 1, 2)
    mapping(aws, queue, aws.function(f"function-{next(_NUMBERS)}", handle))
    wait_for(lambda: left(aws, url) == 0)
    assert calls == [2, 2]


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        ("", set()),
        ("null", set()),
        ("{}", set()),
        ('{"batchItemFailures": []}', set()),
        ('{"batchItemFailures": null}', set()),
        ('{"batchItemFailures": [{"itemIdentifier": "a"}]}', {"a"}),
        ('{"batchItemFailures": [{"itemIdentifier": ""}]}', {"a", "b"}),
        ('{"batchItemFailures": [{"itemIdentifier": null}]}', {"a", "b"}),
        ('{"batchItemFailures": [{"item": "a"}]}', {"a", "b"}),
        ('{"batchItemFailures": [{"itemIdentifier": "other"}]}', {"a", "b"}),
        ('{"batchItemFailures": ["a"]}', {"a", "b"}),
        ("no JSON", {"a", "b"}),
        ('"done"', {"a", "b"}),
    ],
)
def test_an_answer_is_read_as_documented(answer: str, failed: set[str]) -> None:
    """Success, partial and complete failure, by the documentation's lists of each."""
    assert failures(answer, {"a", "b"}) == failed


@pytest.mark.parametrize(
    "more",
    [
        {"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}},
        {"BatchSize": 11},
        {"EventSourceArn": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s"},
    ],
)
def test_a_mapping_that_cannot_be_served_is_refused(aws: Aws, more: Any) -> None:
    """Filters, streams and a batch without its window fail when the mapping is made."""
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
    asked = {"EventSourceArn": queue, "FunctionName": "f", **more}
    with pytest.raises(ClientError, match=r"ValidationException|NotImplemented"):
        aws.client("lambda").create_event_source_mapping(**asked)


def test_no_message_is_lost_between_sending_and_deleting(aws: Aws) -> None:
    """What is sent in the middle of a DeleteMessage stays (on plain moto it is lost)."""
    from moto.sqs.models import sqs_backends  # noqa: PLC0415

    url, arn = fresh(aws)
    backend, name = sqs_backends[ACCOUNT][REGION], arn.rsplit(":", 1)[-1]
    backend.send_message(name, "old")
    [message] = backend.receive_message(name, 1, 0, 60)
    sending = threading.Thread(target=backend.send_message, args=(name, "new"))

    class SlowAtTheEnd(list):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[Any]:
            yield from list.__iter__(self)
            if not sending.ident:
                sending.start()
                sending.join(0.2)

    backend.queues[name]._messages = SlowAtTheEnd(backend.queues[name]._messages)
    backend.delete_message(name, message.receipt_handle)
    sending.join()
    assert [m["Body"] for m in aws.messages(url)] == ["new"]
    assert left(aws, url) == 1


def test_a_redrive_policy_is_read_back_without_blanks(aws: Aws) -> None:
    """As AWS writes it, so that Terraform sees no change."""
    _, dead = fresh(aws)
    url, _ = fresh(
        aws, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 3})
    )
    told = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    expected = f'{{"deadLetterTargetArn":"{dead}","maxReceiveCount":3}}'
    assert told["Attributes"]["RedrivePolicy"] == expected
