"""Lambda: invocations really run the uploaded zip, in its environment, with its time-out and logs.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
Memory, layers, images and permissions to invoke are not emulated.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import ClientError

from console.emulator import clients, function_process
from console.emulator.answers import Answer, AwsError, NotEmulatedError
from console.emulator.function_process import LARGEST_PAYLOAD, Function, Outcome
from console.emulator.function_settings import Remembered
from console.emulator.server import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.calls import Call
    from console.emulator.server import Server

# Lambda waits one minute, then two; an emulated minute is a second.
_RETRY_SECONDS = (1.0, 2.0)
_SLOT_SECONDS = 0.2
_LOG_TAIL = 4096


def install(server: Server) -> None:
    """Run functions, however they are invoked."""
    from moto.awslambda import models  # noqa: PLC0415

    functions = Functions(server, Remembered(server))
    server.around("lambda", "Invoke", functions.answer)
    # moto's own ways to a function (a queue's event source mapping, an SNS topic) run it as well.
    server.replace(models.LambdaFunction, "invoke", functions.invoked_by_moto)
    server.replace(models.LambdaBackend, "send_sns_message", functions.told_by_sns)


class Functions:
    """Every function of the emulator, run on demand."""

    def __init__(self, server: Server, remembered: Remembered) -> None:
        self._server = server
        self._remembered = remembered
        self._folder = server.folder / "functions"
        self._lock = threading.Lock()
        self._running: dict[str, int] = {}

    def answer(self, call: Call, _forward: Callable[[], Answer]) -> Answer:
        """The API's Invoke."""
        kind = call.header("X-Amz-Invocation-Type") or "RequestResponse"
        body = call.body() or b"{}"
        if len(body) > LARGEST_PAYLOAD:
            raise AwsError("RequestTooLargeException", f"{len(body)} bytes are too many", 413)
        try:
            event = json.loads(body)
        except ValueError as error:
            raise AwsError("InvalidRequestContentException", f"no JSON: {error}") from error
        name, qualifier = call.uri["FunctionName"], call.params().get("Qualifier")
        model = self._model(call.region, name, qualifier)
        if kind == "DryRun":
            return Answer(204)
        if kind == "Event":
            self.start(model, event)
            return Answer(202, (("X-Amz-Executed-Version", str(model.version)),))
        with self._slot(model):
            outcome = self.run(model, event)
        return _answer(outcome, model, call)

    def run(self, model: Any, event: Any, request_id: str = "") -> Outcome:
        """Run a function of moto's once, and log it."""
        identity = request_id or str(uuid4())
        function = _function(model, self._remembered.log_group(model.function_arn))
        environment = self._server.environment(function.role, function.region)
        outcome = function_process.run(function, event, identity, self._folder, environment)
        self._log(function, outcome)
        return outcome

    def start(self, model: Any, event: Any) -> None:
        """Invoke it beside; what cannot be run here is refused before."""
        _function(model)
        self._server.spawn("function", self._until_done, model, event)

    def _until_done(self, model: Any, event: Any) -> None:
        """Run it until it succeeds or its attempts are used up; then tell its dead-letter queue."""
        identity = str(uuid4())
        settings: dict[str, Any] = next(iter(model.event_invoke_config), {})
        retries = int(settings.get("MaximumRetryAttempts", len(_RETRY_SECONDS)))
        for attempt in range(retries + 1):
            if attempt and self._server.stopping.wait(_RETRY_SECONDS[attempt - 1]):
                return
            with self._slot(model, self._server.stopping):
                outcome = self.run(model, event, identity)
            if not outcome.error:
                return
        self._give_up(model, event, outcome)

    def invoked_by_moto(self, model: Any, body: Any, _headers: Any, told: dict[str, Any]) -> bytes:
        """In the place of moto's LambdaFunction.invoke."""
        outcome = self.run(model, json.loads(body) if isinstance(body, (str, bytes)) else body)
        if outcome.error:
            told["x-amz-function-error"] = outcome.error
        return outcome.payload

    def told_by_sns(
        self, backend: Any, name: str, message: str, subject: str | None, qualifier: str | None
    ) -> None:
        """In the place of moto's send_sns_message: SNS invokes asynchronously.

        https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
        """
        model = self._model(backend.region_name, name, qualifier)
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        sent: dict[str, Any] = {
            "Type": "Notification",
            "MessageId": str(uuid4()),
            "Subject": subject,
            "Message": message,
            "Timestamp": now,
            "MessageAttributes": {},
        }
        record = {"EventVersion": "1.0", "EventSource": "aws:sns", "Sns": sent}
        self.start(model, {"Records": [record]})

    def _model(self, region: str, name: str, qualifier: str | None) -> Any:
        from moto.awslambda.models import lambda_backends  # noqa: PLC0415

        return lambda_backends[ACCOUNT][region].get_function(name, qualifier)

    @contextlib.contextmanager
    def _slot(self, model: Any, until: threading.Event | None = None) -> Any:
        """Hold one of the function's reserved slots; an event waits for one, a call does not.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
        """
        while not self._take(model):
            if until is None or until.wait(_SLOT_SECONDS):
                raise AwsError("TooManyRequestsException", "Rate Exceeded.", 429)
        try:
            yield
        finally:
            with self._lock:
                self._running[model.function_arn] -= 1

    def _take(self, model: Any) -> bool:
        with self._lock:
            running = self._running.get(model.function_arn, 0)
            limit = model.reserved_concurrency
            if limit is not None and running >= int(limit):
                return False
            self._running[model.function_arn] = running + 1
            return True

    def _log(self, function: Function, outcome: Outcome) -> None:
        """The invocation's log events, written in the function's own name."""
        logs = self._server.client("logs", role=function.role, region=function.region)
        now = datetime.now(timezone.utc)
        stream = f"{now:%Y/%m/%d}/[{function.version}]{uuid4().hex}"
        clients.make_log_stream(logs, function.log_group, stream)
        stamp = int(now.timestamp() * 1000)
        events = [{"timestamp": stamp, "message": line} for line in _lines(function, outcome)]
        logs.put_log_events(logGroupName=function.log_group, logStreamName=stream, logEvents=events)

    def _give_up(self, model: Any, event: Any, outcome: Outcome) -> None:
        """Send the event to the dead-letter queue or topic, if the function has one.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        """
        target = self._remembered.dead_letters(model.function_arn)
        attributes = {
            "RequestID": outcome.request_id,
            "ErrorCode": "200",
            "ErrorMessage": outcome.payload.decode()[:1024],
        }
        told = {k: {"DataType": "String", "StringValue": v} for k, v in attributes.items()}
        body = json.dumps(event)
        with contextlib.suppress(ClientError):  # Lambda drops the event too, and counts it
            if ":sqs:" in target:
                name = target.rpartition(":")[2]
                queues = self._server.client("sqs", role=model.role, region=model.region)
                url = queues.get_queue_url(QueueName=name)["QueueUrl"]
                queues.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=told)
            elif target:
                topics = self._server.client("sns", role=model.role, region=model.region)
                topics.publish(TopicArn=target, Message=body, MessageAttributes=told)


def _function(model: Any, log_group: str = "") -> Function:
    """What is needed of moto's function; what cannot be run here is refused."""
    if model.package_type != "Zip" or model.layers:
        raise NotEmulatedError("a Lambda function from an image or with layers")
    if not str(model.run_time).startswith("python3."):
        raise NotEmulatedError(f"the Lambda runtime {model.run_time}")
    return Function(
        name=model.function_name,
        arn=model.function_arn,
        version=str(model.version),
        handler=model.handler,
        role=model.role,
        region=model.region,
        timeout=float(model.timeout),
        memory=int(model.memory_size),
        sha256=model.code_sha_256,
        code=model.code_bytes,
        variables=model.environment_vars,
        log_group=log_group or f"/aws/lambda/{model.function_name}",
    )


def _lines(function: Function, outcome: Outcome) -> list[str]:
    """The log of an invocation with the lines that Lambda puts around it."""
    tag, ms = f"RequestId: {outcome.request_id}", outcome.seconds * 1000
    return [
        f"START {tag} Version: {function.version}",
        *(line for line in outcome.log.splitlines() if line),
        f"END {tag}",
        f"REPORT {tag}\tDuration: {ms:.2f} ms\tMemory Size: {function.memory} MB",
    ]


def _answer(outcome: Outcome, model: Any, call: Call) -> Answer:
    headers = [
        ("Content-Type", "application/json"),
        ("X-Amz-Executed-Version", str(model.version)),
        ("x-amzn-RequestId", outcome.request_id),
    ]
    if outcome.error:
        headers.append(("X-Amz-Function-Error", outcome.error))
    if call.header("X-Amz-Log-Type") == "Tail":
        tail = "\n".join(_lines(_function(model), outcome))[-_LOG_TAIL:]
        headers.append(("X-Amz-Log-Result", base64.b64encode(tail.encode()).decode()))
    return Answer(200, tuple(headers), outcome.payload)
