"""Executions of the state machine and the job runs they made: found, read, cancelled."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  a field
from typing import TYPE_CHECKING, Any

from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from console.deployed.lake import Deployed

_OVER = ("SUCCESS", "FAILED", "CANCELLED")
_STREAMS = ("stdout", "stderr")


@dataclass(frozen=True)
class Execution:
    """One execution; `why` only where it did not succeed."""

    name: str
    state: str
    began: datetime
    ended: datetime | None
    why: str
    arn: str


@dataclass(frozen=True)
class JobRun:
    """One job run of EMR Serverless; `name` ends with the execution that made it, if one did."""

    id: str
    name: str
    state: str
    began: datetime
    ended: datetime
    why: str

    @property
    def is_over(self) -> bool:
        """Whether nothing about it changes any more."""
        return self.state in _OVER


def executions(lake: Deployed, most: int) -> list[Execution]:
    """The newest executions."""
    steps = lake.client("stepfunctions")
    told = steps.list_executions(
        stateMachineArn=lake.outputs["state_machine_arn"], maxResults=most
    )["executions"]
    found = [_execution(steps, one) for one in told]
    return sorted(found, key=lambda one: one.began, reverse=True)[:most]


def _execution(steps: Any, told: dict[str, Any]) -> Execution:
    why = ""
    if told["status"] not in ("RUNNING", "SUCCEEDED"):
        details = steps.describe_execution(executionArn=told["executionArn"])
        why = _cause(str(details.get("cause") or details.get("error") or ""))
    return Execution(
        told["name"],
        told["status"],
        told["startDate"],
        told.get("stopDate"),
        why,
        told["executionArn"],
    )


def _cause(text: str) -> str:
    """The reason in a cause that is a job run told as JSON, or the cause itself."""
    try:
        told = json.loads(text)
    except ValueError:
        return text
    return str(told.get("StateDetails") or text) if isinstance(told, dict) else text


def job_runs(lake: Deployed, most: int) -> list[JobRun]:
    """The newest job runs."""
    jobs, found = lake.client("emr-serverless"), []
    asked = {"applicationId": lake.outputs["application_id"]}
    for page in jobs.get_paginator("list_job_runs").paginate(**asked):
        found += [
            JobRun(
                one["id"],
                one.get("name", ""),
                one["state"],
                one["createdAt"],
                one["updatedAt"],
                one.get("stateDetails", "") if one["state"] != "SUCCESS" else "",
            )
            for one in page["jobRuns"]
        ]
    return sorted(found, key=lambda run: run.began, reverse=True)[:most]


def find(lake: Deployed, run: str) -> tuple[Execution | None, list[JobRun]]:
    """An execution by its name or ARN with its job runs, or one job run by its id.

    Without a name the newest job run. Raises UsageError if there is none of that name.
    """
    runs = job_runs(lake, 1000)
    if not run:
        if not runs:
            raise UsageError("there was no job run yet", next_command="lake status")
        return None, runs[:1]
    for execution in executions(lake, 1000):
        if run in (execution.name, execution.arn):
            return execution, [r for r in runs if r.name.endswith(f" {execution.name}")]
    mine = [r for r in runs if r.id == run]
    if not mine:
        raise UsageError(f"no execution or job run {run}", next_command="lake status")
    return None, mine


def logs(lake: Deployed, run: JobRun) -> dict[str, str]:
    """What the driver of a job run wrote, by stream; empty where nothing is there (yet)."""
    store, bucket = lake.client("s3"), lake.outputs["buckets"]["results"]
    base = f"emr-logs/applications/{lake.outputs['application_id']}/jobs/{run.id}/"
    found = dict.fromkeys(_STREAMS, "")
    for page in store.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=base):
        for key in sorted(one["Key"] for one in page.get("Contents", [])):
            for stream in _STREAMS:
                if key.endswith(f"SPARK_DRIVER/{stream}.gz"):
                    packed = store.get_object(Bucket=bucket, Key=key)["Body"].read()
                    found[stream] += gzip.decompress(packed).decode("utf-8", "replace")
    return found


def cancel(lake: Deployed, run: str) -> list[str]:
    """Stop an execution and its job runs, or one job run; what was stopped.

    Raises UsageError if it is over already.
    """
    execution, runs = find(lake, run)
    stopped = []
    if execution and execution.state == "RUNNING":
        lake.client("stepfunctions").stop_execution(
            executionArn=execution.arn, cause="Cancelled by the operator."
        )
        stopped.append(execution.name)
    jobs, application = lake.client("emr-serverless"), lake.outputs["application_id"]
    open_runs = [one.id for one in runs if not one.is_over]
    stopped += [one for one in open_runs if _cancelled(jobs, application, one)]
    if not stopped:
        raise UsageError(f"{run} is over already", next_command=f"lake logs {run}")
    return stopped


def _cancelled(jobs: Any, application: str, run: str) -> bool:
    """Whether it was still to be cancelled: a stopped execution cancels its job run itself."""
    named = {"applicationId": application, "jobRunId": run}
    try:
        jobs.cancel_job_run(**named)
    except jobs.exceptions.ValidationException:
        if jobs.get_job_run(**named)["jobRun"]["state"] not in _OVER:
            raise
        return False
    return True
