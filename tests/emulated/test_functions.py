"""Lambda functions are really executed.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.server import Server
    from tests.emulated.conftest import Client

    Made = Callable[..., str]


def zipped(source: str) -> bytes:
    """A deployment package with one module."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app/__init__.py", "")
        archive.writestr("app/main.py", source)
    return buffer.getvalue()


@pytest.fixture
def made(client: Client, role: str) -> Made:
    """`made(source, **settings)`: the name of a new function."""

    def make(source: str, **settings: Any) -> str:
        name = f"f-{uuid4().hex[:8]}"
        told = {
            "Runtime": "python3.11",
            "Role": role,
            "Handler": "app.main.handle",
            "Code": {"ZipFile": zipped(source)},
            **settings,
        }
        client("lambda").create_function(FunctionName=name, **told)
        return name

    return make


def invoke(client: Client, name: str, event: Any = None, **more: Any) -> tuple[str, Any]:
    """The function error, if any, and the payload."""
    answer = client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **more)
    return answer.get("FunctionError", ""), json.loads(answer["Payload"].read() or "null")


def logged(client: Client, group: str) -> list[str]:
    """All messages of a log group."""
    found = client("logs").filter_log_events(logGroupName=group)["events"]
    return [event["message"] for event in found]


def eventually(found: Callable[[], Any]) -> Any:
    """What `found` gives, once it gives something."""
    until = time.monotonic() + 20
    while not (value := found()) and time.monotonic() < until:
        time.sleep(0.05)
    return value


def test_the_handler_runs_with_its_event(client: Client, made: Made) -> None:
    """The zip's own code answers."""
    name = made("def handle(event, context):\n    return {'double': event['n'] * 2}\n")
    assert invoke(client, name, {"n": 21}) == ("", {"double": 42})


def test_the_environment_is_the_function_s(client: Client, made: Made, emulator: Server) -> None:
    """It gets its own variables and the runtime's reserved ones, and none of the operator's."""
    source = "import os\ndef handle(event, context):\n    return dict(os.environ)\n"
    name = made(source, Environment={"Variables": {"LAKE_PLACE": "aws"}}, MemorySize=256)
    _, seen = invoke(client, name)
    assert seen["LAKE_PLACE"] == "aws"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == name
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert seen["AWS_REGION"] == "us-east-1"
    assert seen["AWS_ENDPOINT_URL"] == emulator.url
    assert "PYTEST_CURRENT_TEST" not in seen


def test_it_calls_aws_as_its_role(client: Client, made: Made, role: str, emulator: Server) -> None:
    """Deployed code reaches the emulator unchanged, and the log names the function's role."""
    source = (
        "import boto3\ndef handle(event, context):\n"
        "    return boto3.client('sts').get_caller_identity()['Account']\n"
    )
    assert invoke(client, made(source)) == ("", "123456789012")
    calls = {(r.service, r.operation) for r in emulator.requests.find(principal=role)}
    assert ("sts", "GetCallerIdentity") in calls
    assert ("logs", "PutLogEvents") in calls


def test_the_context_tells_the_request_and_the_time_left(client: Client, made: Made) -> None:
    """The context object has what Lambda's has."""
    source = (
        "def handle(event, context):\n"
        "    return [context.aws_request_id, context.function_name,\n"
        "            context.get_remaining_time_in_millis()]\n"
    )
    name = made(source, Timeout=9)
    _, (request_id, function_name, left) = invoke(client, name)
    assert len(request_id) == 36
    assert function_name == name
    assert 5000 < left <= 9000


def test_an_exception_is_answered_in_lambda_s_shape(client: Client, made: Made) -> None:
    """The caller gets type, message and stack, and FunctionError; the call itself succeeded."""
    name = made("def handle(event, context):\n    raise KeyError('line')\n")
    error, told = invoke(client, name)
    assert error == "Unhandled"
    assert (told["errorType"], told["errorMessage"]) == ("KeyError", "'line'")
    assert "app/main.py" in told["stackTrace"][-1]
    assert len(told["requestId"]) == 36


def test_a_slow_function_is_stopped(client: Client, made: Made) -> None:
    """After its time-out a function is killed, with the processes it started."""
    name = made(
        "import subprocess\ndef handle(event, context):\n    subprocess.run(['sleep', '60'])\n",
        Timeout=1,
    )
    started = time.monotonic()
    error, told = invoke(client, name)
    assert time.monotonic() - started < 10
    assert error == "Unhandled"
    assert told["errorType"] == "Sandbox.Timedout"
    assert told["errorMessage"].endswith("Task timed out after 1.00 seconds")


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("import pandas_is_not_in_the_zip\n", "Runtime.ImportModuleError"),
        ("import pytest\n", "Runtime.ImportModuleError"),
        ("other = 1\n", "Runtime.HandlerNotFound"),
        ("def handle(event, context):\n    return {1, 2}\n", "Runtime.MarshalError"),
        ("import os\ndef handle(event, context):\n    os._exit(3)\n", "Runtime.ExitError"),
        (
            "def handle(event, context):\n    return 'x' * 6_300_000\n",
            "Function.ResponseSizeTooLarge",
        ),
    ],
)
def test_the_runtime_s_own_errors(client: Client, made: Made, source: str, kind: str) -> None:
    """What fails on AWS fails here by the same name: a package outside the zip, above all."""
    error, told = invoke(client, made(source))
    assert (error, told["errorType"]) == ("Unhandled", kind)


def test_logs_go_to_cloudwatch(client: Client, made: Made) -> None:
    """Output and errors are events of /aws/lambda/<name>, between START and REPORT."""
    name = made(
        "import sys\ndef handle(event, context):\n"
        "    print('to stdout')\n    print('to stderr', file=sys.stderr)\n"
    )
    answer = client("lambda").invoke(FunctionName=name, LogType="Tail")
    lines = logged(client, f"/aws/lambda/{name}")
    assert sorted(lines[1:3]) == ["to stderr", "to stdout"]
    assert lines[0].startswith("START RequestId: ")
    assert lines[-1].startswith("REPORT RequestId: ")
    assert "to stdout" in base64.b64decode(answer["LogResult"]).decode()


def test_a_configured_log_group_is_used(client: Client, made: Made) -> None:
    """LoggingConfig names another group, and describing the function tells it again."""
    group = f"/lake/{uuid4().hex[:8]}"
    name = made(
        "def handle(event, context):\n    print('here')\n",
        LoggingConfig={"LogGroup": group, "LogFormat": "Text"},
    )
    invoke(client, name)
    assert "here" in logged(client, group)
    told = client("lambda").get_function_configuration(FunctionName=name)
    assert told["LoggingConfig"] == {"LogGroup": group, "LogFormat": "Text"}


def test_an_event_is_retried_and_then_given_to_the_dead_letters(client: Client, made: Made) -> None:
    """An asynchronous invocation runs three times with one request id, then its event is kept."""
    url = client("sqs").create_queue(QueueName=f"dlq-{uuid4().hex[:8]}")["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    name = made(
        "def handle(event, context):\n    raise RuntimeError('no')\n",
        DeadLetterConfig={"TargetArn": arn["Attributes"]["QueueArn"]},
    )
    answer = client("lambda").invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps({"n": 1})
    )
    assert answer["StatusCode"] == 202
    asked = {"QueueUrl": url, "MessageAttributeNames": ["All"]}
    message = eventually(lambda: client("sqs").receive_message(**asked).get("Messages"))[0]
    assert json.loads(message["Body"]) == {"n": 1}
    assert "RuntimeError" in message["MessageAttributes"]["ErrorMessage"]["StringValue"]
    starts = [line for line in logged(client, f"/aws/lambda/{name}") if line.startswith("START")]
    assert len(starts) == 3
    assert len(set(starts)) == 1


def test_sns_invokes_a_subscribed_function(client: Client, made: Made) -> None:
    """A message to a topic is an asynchronous invocation with the documented record."""
    name = made("def handle(event, context):\n    print(event['Records'][0]['Sns']['Message'])\n")
    arn = client("lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    topic = client("sns").create_topic(Name=f"t-{uuid4().hex[:8]}")["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    client("sns").publish(TopicArn=topic, Message="the job failed")

    def lines() -> list[str]:
        try:
            return logged(client, f"/aws/lambda/{name}")
        except ClientError:
            return []

    assert "the job failed" in eventually(lines)


def test_reserved_concurrency_throttles(client: Client, made: Made) -> None:
    """With no concurrency left a synchronous call is refused as AWS refuses it."""
    name = made("def handle(event, context):\n    return 1\n")
    client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as refused:
        invoke(client, name)
    assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"


def test_code_comes_from_s3_and_must_be_there(client: Client, made: Made, bucket: str) -> None:
    """A function is created from an uploaded zip; without the object it is refused."""
    source = "def handle(event, context):\n    return 'from s3'\n"
    client("s3").put_object(Bucket=bucket, Key="code/f.zip", Body=zipped(source))
    name = made("", Code={"S3Bucket": bucket, "S3Key": "code/f.zip"})
    assert invoke(client, name) == ("", "from s3")
    with pytest.raises(ClientError, match="NoSuchKey"):
        made("", Code={"S3Bucket": bucket, "S3Key": "code/absent.zip"})


def test_what_cannot_run_here_is_refused(client: Client, made: Made) -> None:
    """Another language's runtime is refused, not pretended."""
    with pytest.raises(ClientError, match="not implemented in the emulated place"):
        invoke(client, made("", Runtime="nodejs22.x"))
