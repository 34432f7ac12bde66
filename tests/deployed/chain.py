"""The deployed lake from outside: what is put into it, how its time passes, what is seen of it."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from console import reading
from console.deployed import runs
from lakehouse import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from console.deployed.lake import Deployed
    from console.deployed.runs import Execution, JobRun

WEATHER = "meteorology_silver.meteorology_current"
_PATIENCE_SECONDS = 900.0
_LOOK_SECONDS = 0.1
# The longest that the pipe gathers bronze files, by Terraform's default.
_GATHER = timedelta(seconds=120)


def until(found: Callable[[], Any], what: str) -> Any:
    """The first true answer."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(_LOOK_SECONDS)
    pytest.fail(f"never: {what}")


@dataclass(frozen=True)
class Books:
    """What the weather's tables tell: heads of all tables, runs that committed, files taken."""

    heads: dict[str, int | None]
    runs: list[str]
    files: list[str]


@dataclass(frozen=True)
class Chain:
    """The deployed lake, which nobody but the test touches."""

    deployed: Deployed
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """One client a service: an operator's."""
        if service not in self._clients:
            self._clients[service] = self.deployed.client(service)
        return self._clients[service]

    @property
    def bucket(self) -> str:
        """The lake's bucket."""
        return str(self.deployed.outputs["buckets"]["lake"])

    def page(self, name: str, body: Any = None, method: str | None = None) -> Any:
        """One of the emulator's own pages."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.deployed.endpoint}/_lake/{name}", data=data, method=method)
        with urlopen(request, timeout=_PATIENCE_SECONDS) as reply:
            return json.loads(reply.read())

    def drop(self, stream: str, *files: Path) -> None:
        """Put files into raw/, as a person would."""
        for file in files:
            self.client("s3").upload_file(str(file), self.bucket, f"raw/{stream}/{file.name}")

    def keys(self, prefix: str) -> set[str]:
        """What is in the bucket below a prefix."""
        pages = self.client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.bucket, Prefix=prefix)
        return {one["Key"] for page in found for one in page.get("Contents", ())}

    def deliver(self, queue: str, events: Sequence[dict[str, Any]]) -> None:
        """Events as EventBridge puts them into a queue, one after the other."""
        url = self.deployed.outputs["queue_urls"][queue]
        for event in events:
            self.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(event))

    def let_pass(self, duration: timedelta) -> None:
        """Let time pass: schedules on the way are fired, and what is gathered is due."""
        now = datetime.fromisoformat(self.page("tick")["now"])
        self.page("tick", {"until": (now + duration).isoformat()})

    def next_time(self, schedule: str) -> str:
        """When a schedule comes next, ISO and UTC."""
        upcoming = self.page("tick")["upcoming"]
        (at,) = {one["at"] for one in upcoming if one["schedule"].endswith(f"-{schedule}")}
        return str(at)

    def let_pass_until(self, schedule: str) -> None:
        """Let time pass until a schedule has fired."""
        self.page("tick", {"until": self.next_time(schedule)})

    def gather(self) -> None:
        """Wait until all that is in raw/ is landed, and let it be gathered into executions."""
        until(self._is_landed, "all is landed")
        while any(self.queued("bronze")):
            until(lambda: not self.queued("bronze")[0], "all is gathered")
            self.let_pass(_GATHER)
            until(lambda: not any(self.queued("bronze")), "the execution is started")

    def settle(self) -> None:
        """Wait until all that is in raw/ is landed, gathered, and taken by runs that ended."""
        self.gather()
        until(lambda: not self._running(), "all runs ended")

    def _is_landed(self) -> bool:
        """Upstream is asked first: what moves on meanwhile is seen further down."""
        return not (
            self.page("events")["open"] or any(self.queued("raw")) or self.page("events")["open"]
        )

    def queued(self, name: str) -> tuple[int, int]:
        """How many messages wait, and how many somebody holds."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        url = self.deployed.outputs["queue_urls"][name]
        told = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
        waiting, held = (int(told["Attributes"][one]) for one in names)
        return waiting, held

    def _running(self) -> bool:
        machine = self.deployed.outputs["state_machine_arn"]
        steps = self.client("stepfunctions")
        return bool(
            steps.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
        )

    def start(self, body: dict[str, Any] | None = None) -> str:
        """Start an execution by hand; its ARN."""
        told = self.client("stepfunctions").start_execution(
            stateMachineArn=self.deployed.outputs["state_machine_arn"], input=json.dumps(body or {})
        )
        return str(told["executionArn"])

    def executions(self) -> dict[str, Execution]:
        """All executions by ARN."""
        return {one.arn: one for one in runs.executions(self.deployed, 1000)}

    def job_runs(self, execution: Execution) -> list[JobRun]:
        """The job runs of an execution."""
        return runs.find(self.deployed, execution.arn)[1]

    def events_of(self, execution: Execution) -> list[dict[str, Any]]:
        """The events that the pipe gathered for it."""
        told = self.client("stepfunctions").describe_execution(executionArn=execution.arn)
        records = json.loads(told["input"])
        return [json.loads(one["body"]) for one in records] if isinstance(records, list) else []

    @contextlib.contextmanager
    def tables(self) -> Iterator[reading.Lake]:
        """A fresh reader of the tables: nothing cached."""
        with pytest.MonkeyPatch.context() as shell:
            for variable, value in self.deployed.variables().items():
                shell.setenv(variable, value)
            yield reading.Lake(settings.load())

    def observations(self, epoch: int) -> int:
        """How many rows the weather of an instant has."""
        query = f"select count(*) as n from {WEATHER} where epoch(obs_ts) = {epoch}"
        with self.tables() as lake:
            return int(lake.ask(query, reading.Moment())[0]["n"])

    def books(self) -> Books:
        """What is written down about the weather."""
        query = f"select file from ops.processed_file where table_name = '{WEATHER}' order by file"
        with self.tables() as lake:
            return Books(
                heads={name: lake.history(name).head() for name in lake.tables()},
                runs=[one.receipt.get("run", "") for one in lake.history(WEATHER).lineage()],
                files=[row["file"] for row in lake.ask(query, reading.Moment())],
            )
