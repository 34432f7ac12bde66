"""What tests of job runs share: an application, a bucket with code, and waiting for the end."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulated.conftest import Client

ROLE = "arn:aws:iam::123456789012:role/job"
TERMINAL = ("SUCCESS", "FAILED", "CANCELLED")


@dataclass(frozen=True)
class Jobs:
    """An application of its own, and a bucket for code and logs."""

    client: Client
    bucket: str
    application: str
    emr: Any = field(repr=False)

    def upload(self, source: str, name: str = "main.py") -> str:
        """The URI of an uploaded file, named by its content."""
        key = f"code/{hashlib.sha256(source.encode()).hexdigest()}/{name}"
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=source.encode())
        return f"s3://{self.bucket}/{key}"

    def request(
        self, source: str, *arguments: str, parameters: str = "--conf spark.a=b", **more: Any
    ) -> Any:
        """A StartJobRun request for a program."""
        spark: dict[str, Any] = {"entryPoint": self.upload(source)}
        spark |= {"entryPointArguments": list(arguments), "sparkSubmitParameters": parameters}
        logs = {"s3MonitoringConfiguration": {"logUri": f"s3://{self.bucket}/emr-logs/"}}
        return {
            "applicationId": self.application,
            "clientToken": uuid4().hex,
            "executionRoleArn": ROLE,
            "jobDriver": {"sparkSubmit": spark},
            "configurationOverrides": {"monitoringConfiguration": logs},
            **more,
        }

    def start(self, source: str, *arguments: str, **more: Any) -> str:
        """Start it."""
        asked = self.request(source, *arguments, **more)
        return str(self.emr.start_job_run(**asked)["jobRunId"])

    def get(self, run: str) -> dict[str, Any]:
        """The run as it is now."""
        found = self.emr.get_job_run(applicationId=self.application, jobRunId=run)
        return dict(found["jobRun"])

    def until(self, run: str, *states: str, seconds: float = 60) -> dict[str, Any]:
        """The run once it is in one of the states (ended, for none)."""
        wanted = states or TERMINAL
        return wait(lambda: self.get(run), lambda job: job["state"] in wanted, seconds)

    def run(self, source: str, *arguments: str, **more: Any) -> dict[str, Any]:
        """Start it and wait for its end."""
        return self.until(self.start(source, *arguments, **more))

    def log(self, job: dict[str, Any], name: str = "stdout", attempt: str = "") -> str:
        """One of the driver's logs, from the request's bucket."""
        base = f"emr-logs/applications/{self.application}/jobs/{job['jobRunId']}"
        key = f"{base}{attempt}/SPARK_DRIVER/{name}.gz"
        body = self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return gzip.decompress(body).decode()


def application(client: Client, **more: Any) -> str:
    """The id of a new application."""
    told = {"releaseLabel": "emr-7.13.0", "type": "SPARK", "clientToken": uuid4().hex, **more}
    return str(client("emr-serverless").create_application(name="lake", **told)["applicationId"])


def wait(found: Callable[[], Any], fits: Callable[[Any], Any], seconds: float = 60) -> Any:
    """What `found` gives, once it fits."""
    until = time.monotonic() + seconds
    while not fits(value := found()):
        assert time.monotonic() < until, f"still {value}"
        time.sleep(0.05)
    return value


class Events:
    """What a rule on the default bus delivers to a queue."""

    def __init__(self, client: Client, pattern: dict[str, Any]) -> None:
        name = f"events-{uuid4().hex[:8]}"
        self._sqs = client("sqs")
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
        client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
        client("events").put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        self._seen: list[dict[str, Any]] = []

    def take(self, count: int, **of: str) -> list[dict[str, Any]]:
        """Details of that many events whose details have these values, by their time of change.

        A bus delivers late and in any order; nothing more may come after them.
        """

        def mine() -> list[dict[str, Any]]:
            self._receive()
            details = [event["detail"] for event in self._seen]
            return [d for d in details if of.items() <= d.items()]

        wait(mine, lambda found: len(found) >= count, 10)
        time.sleep(0.3)
        return sorted(mine(), key=lambda detail: str(detail.get("updatedAt", "")))

    def _receive(self) -> None:
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                self._seen.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
