"""Short ways to make queues, functions, machines and rules in the emulator of the tests."""

from __future__ import annotations

import contextlib
import json
import time
from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from console.emulator.answers import Answer
from console.emulator.server import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.calls import Call
    from console.emulator.server import Server

ROLE = f"arn:aws:iam::{ACCOUNT}:role/program"
_PATIENCE_SEC = 20.0
_NUMBERS = count(1)
Functions = dict[str, "Callable[[Any], Any]"]


class Aws:
    """Short ways to make what the tests need."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.functions: Functions = {}
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """A client that tries once."""
        if service not in self._clients:
            self._clients[service] = boto3.session.Session().client(
                service,
                region_name=REGION,
                endpoint_url=self.server.url,
                aws_access_key_id="TEST",
                aws_secret_access_key="test",  # noqa: S106  loopback knows no secrets
                config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
            )
        return self._clients[service]

    def invoke(self, call: Call, forward: Callable[[], Answer]) -> Answer:
        """Lambda's Invoke, of a function made here."""
        name = call.uri["FunctionName"]
        name = name.split(":")[6] if ":" in name else name
        if name not in self.functions:
            return forward()
        try:
            said = self.functions[name](json.loads(call.body()))
        except Exception as error:  # noqa: BLE001  as Lambda does
            said = {"errorMessage": str(error), "errorType": type(error).__name__}
            return Answer(200, (("X-Amz-Function-Error", "Unhandled"),), json.dumps(said).encode())
        return Answer(200, (), json.dumps(said).encode())

    def queue(self, name: str, **attributes: str) -> tuple[str, str]:
        """URL and ARN of a new queue."""
        name = f"{name}-{next(_NUMBERS)}"
        made = self.client("sqs").create_queue(QueueName=name, Attributes=attributes)
        return made["QueueUrl"], f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def messages(self, url: str, wanted: int = 1) -> list[dict[str, Any]]:
        """The queue's messages, as soon as that many are there."""
        found: list[dict[str, Any]] = []

        def read() -> bool:
            found.extend(
                self.client("sqs")
                .receive_message(
                    QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
                )
                .get("Messages", [])
            )
            return len(found) >= wanted

        wait_for(read)
        return found

    def function(self, name: str, does: Callable[[Any], Any]) -> str:
        """The ARN of a new Lambda function."""
        self.functions[name] = does
        iam = self.client("iam")
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName=ROLE.rpartition("/")[2], AssumeRolePolicyDocument="{}")
        made = self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=ROLE,
            Handler="handler.handle",
            Code={"ZipFile": b"PK\x05\x06" + b"\x00" * 18},
        )
        return str(made["FunctionArn"])

    def machine(self, name: str) -> str:
        """The ARN of a new state machine that passes its input."""
        name = f"{name}-{next(_NUMBERS)}"
        definition = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
        made = self.client("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=ROLE
        )
        return str(made["stateMachineArn"])

    def inputs(self, machine: str, wanted: int = 1) -> list[Any]:
        """The inputs of a machine's executions, as soon as there are that many."""
        client = self.client("stepfunctions")

        def listed() -> list[dict[str, Any]]:
            return list(client.list_executions(stateMachineArn=machine)["executions"])

        wait_for(lambda: len(listed()) >= wanted)
        return [
            json.loads(client.describe_execution(executionArn=e["executionArn"])["input"])
            for e in listed()
        ]


def wait_for(true: Callable[[], bool]) -> None:
    """Return as soon as it is true; fail if that takes too long."""
    until = time.monotonic() + _PATIENCE_SEC
    while not true():
        assert time.monotonic() < until, "it did not become true"
        time.sleep(0.02)
