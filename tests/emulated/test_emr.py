"""EMR Serverless: applications, job runs, and what happens around a spark-submit.

https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html
https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/job-states.html
https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-resiliency.html
https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html
https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/using-eventbridge.html
"""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from console.emulator import emr_process, emr_runs
from console.emulator.emr_run import JobRun
from tests.emulated.jobs import ROLE, Events, Jobs, application, wait
from tests.emulated.test_server import page

if TYPE_CHECKING:
    from pathlib import Path

    from console.emulator.server import Server
    from tests.emulated.conftest import Client

WAIT = "import time\ntime.sleep(60)\n"
FAIL = "raise ValueError('no such stop')\n"


@pytest.fixture
def jobs(client: Client, bucket: str, quick_submit: str, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """A fresh application whose jobs run without Spark."""
    monkeypatch.setattr(emr_process, "spark_submit", lambda: quick_submit)
    return Jobs(client, bucket, application(client), client("emr-serverless"))


def refused(code: str = "ValidationException") -> Any:
    """A call that AWS refuses."""
    return pytest.raises(ClientError, match=code)


def test_an_application_is_created_once_for_a_token(client: Client) -> None:
    """CreateApplication is idempotent by client token, and what is asked is told again."""
    told = {"clientToken": uuid4().hex, "architecture": "ARM64", "tags": {"Project": "lake"}}
    capacity = {"cpu": "16 vCPU", "memory": "64 GB"}
    first = application(client, maximumCapacity=capacity, **told)
    assert application(client, maximumCapacity=capacity, **told) == first
    with refused("ConflictException"):
        application(client, maximumCapacity={"cpu": "8 vCPU", "memory": "32 GB"}, **told)
    found = client("emr-serverless").get_application(applicationId=first)["application"]
    assert (found["state"], found["type"], found["architecture"]) == ("CREATED", "Spark", "ARM64")
    assert found["maximumCapacity"] == capacity
    assert found["autoStopConfiguration"] == {"enabled": True, "idleTimeoutMinutes": 15}
    assert found["tags"] == {"Project": "lake"}


def test_tags_of_an_application_change(client: Client) -> None:
    """TagResource, UntagResource and ListTagsForResource, as Terraform uses them."""
    emr, identity = client("emr-serverless"), application(client, tags={"a": "1", "b": "2"})
    arn = emr.get_application(applicationId=identity)["application"]["arn"]
    emr.tag_resource(resourceArn=arn, tags={"c": "3"})
    emr.untag_resource(resourceArn=arn, tagKeys=["a", "b"])
    assert emr.list_tags_for_resource(resourceArn=arn)["tags"] == {"c": "3"}


def test_a_started_application_is_neither_changed_nor_deleted(jobs: Jobs) -> None:
    """UpdateApplication and DeleteApplication need CREATED or STOPPED."""
    emr, named = jobs.emr, {"applicationId": jobs.application}
    emr.start_application(**named)
    with refused("CREATED, STOPPED"):
        emr.update_application(clientToken="t", architecture="ARM64", **named)
    with refused("CREATED, STOPPED"):
        emr.delete_application(**named)
    emr.stop_application(**named)
    emr.update_application(clientToken="t", architecture="ARM64", **named)
    emr.delete_application(**named)
    assert emr.get_application(**named)["application"]["state"] == "TERMINATED"
    with refused():
        jobs.start("")


def test_a_job_starts_the_application_and_idleness_stops_it(client: Client, jobs: Jobs) -> None:
    """With auto start a run starts it; idle for its time-out (a second a minute here) it stops."""
    idle = {"enabled": True, "idleTimeoutMinutes": 1}
    jobs = Jobs(client, jobs.bucket, application(client, autoStopConfiguration=idle), jobs.emr)
    assert jobs.run("")["state"] == "SUCCESS"

    def state() -> str:
        found = jobs.emr.get_application(applicationId=jobs.application)
        return str(found["application"]["state"])

    assert state() == "STARTED"
    wait(state, lambda now: now == "STOPPED", 5)


def test_without_auto_start_a_job_is_refused(client: Client, jobs: Jobs) -> None:
    """An application that does not start by itself must be started."""
    identity = application(client, autoStartConfiguration={"enabled": False})
    with refused():
        Jobs(client, jobs.bucket, identity, jobs.emr).start("")


def test_every_state_is_an_event(client: Client, jobs: Jobs) -> None:
    """The default bus tells each change of state, without name and reason, as EMR does."""
    events = Events(client, {"detail-type": ["EMR Serverless Job Run State Change"]})
    job = jobs.run(FAIL)
    changes = events.take(5, jobRunId=job["jobRunId"])
    assert [c["state"] for c in changes] == [
        "SUBMITTED",
        "PENDING",
        "SCHEDULED",
        "RUNNING",
        "FAILED",
    ]
    last = changes[-1]
    assert (last["previousState"], last["releaseLabel"]) == ("RUNNING", "emr-7.13.0")
    assert not {"name", "stateDetails", "tags"} & set(last)


def test_one_token_is_one_run(jobs: Jobs) -> None:
    """However often a request is sent with its token, one job runs."""
    asked = jobs.request("")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: jobs.emr.start_job_run(**asked), range(8)))
    assert len({answer["jobRunId"] for answer in answers}) == 1
    jobs.until(answers[0]["jobRunId"])
    assert jobs.emr.start_job_run(**asked)["jobRunId"] == answers[0]["jobRunId"]
    assert len(jobs.emr.list_job_runs(applicationId=jobs.application)["jobRuns"]) == 1


def test_a_token_belongs_to_its_request(jobs: Jobs) -> None:
    """Another request with a used token is refused."""
    asked = jobs.request("")
    jobs.until(jobs.emr.start_job_run(**asked)["jobRunId"])
    with refused("ConflictException"):
        jobs.emr.start_job_run(**{**asked, "name": "other"})


def test_the_request_is_what_runs(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry point and zips come from S3; arguments and driver environment are the request's."""
    monkeypatch.setenv("LAKE_HOME", "the operator's")
    zipped = jobs.upload("NAME = 'shipped'\n", "shipped.py")
    source = (
        "import json, os, sys\n"
        "print(json.dumps([sys.argv[1:], os.environ.get('LAKE_PLACE'),\n"
        "                  os.environ.get('LAKE_HOME'), os.environ['AWS_REGION']]))\n"
    )
    conf = "--conf spark.emr-serverless.driverEnv.LAKE_PLACE=aws"
    job = jobs.run(source, "silver.emt", "--full", parameters=f"--py-files {zipped} {conf}")
    assert job["state"] == "SUCCESS"
    assert jobs.log(job).strip() == '[["silver.emt", "--full"], "aws", null, "us-east-1"]'


def test_code_is_read_by_the_job_s_role(jobs: Jobs, emulator: Server) -> None:
    """The log shows the execution role fetching the code and writing the logs."""
    role = f"{ROLE}-{uuid4().hex[:8]}"
    jobs.run("", executionRoleArn=role)
    calls = {r.operation for r in emulator.requests.find(principal=role)}
    assert {"GetObject", "PutObject"} <= calls


def test_a_failed_job_says_why(jobs: Jobs) -> None:
    """State details carry exit code and exception; the whole log is where the request says."""
    job = jobs.run(FAIL)
    assert job["state"] == "FAILED"
    assert "ExitCode: 1. Last few exceptions: ValueError: no such stop" in job["stateDetails"]
    assert "ValueError: no such stop" in jobs.log(job, "stderr")


def test_code_that_is_not_there_fails_the_job(jobs: Jobs) -> None:
    """A missing entry point is no refusal: the run fails, and its details name the object."""
    asked = jobs.request("")
    asked["jobDriver"]["sparkSubmit"]["entryPoint"] = f"s3://{jobs.bucket}/absent.py"
    job = jobs.until(jobs.emr.start_job_run(**asked)["jobRunId"])
    assert job["state"] == "FAILED"
    assert "absent.py" in jobs.log(job, "stderr")


def test_logs_go_to_cloudwatch_where_asked(client: Client, jobs: Jobs) -> None:
    """CloudWatch gets the driver's streams under the run's path."""
    group = f"/lake/{uuid4().hex[:8]}"
    cloudwatch = {"enabled": True, "logGroupName": group, "logStreamNamePrefix": "p"}
    told = {"monitoringConfiguration": {"cloudWatchLoggingConfiguration": cloudwatch}}
    job = jobs.run("print('hello')\n", configurationOverrides=told)
    events = client("logs").filter_log_events(logGroupName=group)["events"]
    path = f"p/applications/{jobs.application}/jobs/{job['jobRunId']}/SPARK_DRIVER/stdout"
    assert [(e["logStreamName"], e["message"]) for e in events] == [(path, "hello")]


def test_a_retry_policy_tries_again_from_the_beginning(
    client: Client, jobs: Jobs, tmp_path: Path
) -> None:
    """All attempts count for maxAttempts; each has its number, logs of its own, and an event."""
    events = Events(client, {"detail-type": ["EMR Serverless Job Run Retry"]})
    source = (
        "import pathlib, sys\n"
        "mark = pathlib.Path(sys.argv[1])\n"
        "tried = len(mark.read_text()) if mark.exists() else 0\n"
        "mark.write_text('x' * (tried + 1))\n"
        "print('attempt', tried + 1)\n"
        "sys.exit(0 if tried == 2 else 3)\n"
    )
    job = jobs.run(source, str(tmp_path / "mark"), retryPolicy={"maxAttempts": 3})
    assert (job["state"], job["attempt"]) == ("SUCCESS", 3)
    assert jobs.log(job, attempt="/attempts/1") == "attempt 1\n"
    assert jobs.log(job, attempt="/attempts/3") == "attempt 3\n"
    named = {"applicationId": jobs.application, "jobRunId": job["jobRunId"]}
    attempts = jobs.emr.list_job_run_attempts(**named)["jobRunAttempts"]
    assert [a["state"] for a in attempts] == ["FAILED", "FAILED", "SUCCESS"]
    assert ["ExitCode: 3" in a["stateDetails"] for a in attempts] == [True, True, False]
    told = events.take(2, jobRunId=job["jobRunId"])
    assert [event["previousAttempt"] for event in told] == [1, 2]


def test_a_killed_driver_fails_its_attempt(jobs: Jobs, emulator: Server) -> None:
    """A worker killed in mid-job is a failed attempt, and a retry policy starts the next one."""
    run = jobs.start(WAIT, retryPolicy={"maxAttempts": 2})
    jobs.until(run, "RUNNING")

    def process() -> int:
        told = page(emulator, "/jobs")["jobs"]
        return next((int(job["pid"]) for job in told if job["jobRunId"] == run), 0)

    first = wait(process, bool)
    os.kill(first, signal.SIGKILL)
    second = wait(process, lambda pid: pid not in (0, first))
    os.kill(second, signal.SIGKILL)
    job = jobs.until(run)
    assert (job["state"], job["attempt"]) == ("FAILED", 2)
    assert "ExitCode: -9" in job["stateDetails"]


def test_the_emulators_end_is_its_jobs_end(jobs: Jobs, emulator: Server) -> None:
    """What is done when the emulator stops leaves no job behind that goes on without it."""
    run = jobs.start(WAIT)
    jobs.until(run, "RUNNING")
    wait(lambda: page(emulator, "/jobs")["jobs"], bool)
    for undo in emulator._undo:
        if getattr(undo, "__name__", "") == "end":
            undo()
    assert "ExitCode: -9" in jobs.until(run, seconds=20)["stateDetails"]


def test_a_running_job_is_cancelled(jobs: Jobs) -> None:
    """CancelJobRun ends the process; a run that has ended cannot be cancelled."""
    run = jobs.start(WAIT)
    jobs.until(run, "RUNNING")
    named = {"applicationId": jobs.application, "jobRunId": run}
    jobs.emr.cancel_job_run(**named)
    assert jobs.until(run)["state"] == "CANCELLED"
    with refused():
        jobs.emr.cancel_job_run(**named)


def test_a_waiting_job_is_cancelled(jobs: Jobs) -> None:
    """A run that waits for the one before it is cancelled without having run."""
    first, second = jobs.start(WAIT), jobs.start("print('ran')\n")
    jobs.until(first, "RUNNING")
    assert jobs.until(second, "SCHEDULED")["totalExecutionDurationSeconds"] == 0
    jobs.emr.cancel_job_run(applicationId=jobs.application, jobRunId=second)
    assert jobs.until(second)["state"] == "CANCELLED"
    assert "startedAt" not in jobs.get(second)
    jobs.emr.cancel_job_run(applicationId=jobs.application, jobRunId=first)
    jobs.until(first)


def test_a_job_that_takes_too_long_is_cancelled(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After executionTimeoutMinutes a run is cancelled, whatever its retry policy."""
    monkeypatch.setattr(emr_runs, "MINUTE_SECONDS", 0.1)
    job = jobs.run(WAIT, executionTimeoutMinutes=5, retryPolicy={"maxAttempts": 3})
    assert (job["state"], job["attempt"]) == ("CANCELLED", 1)
    assert "timed out after 5 minutes" in job["stateDetails"]


def test_utilisation_is_billed_by_worker_and_minute(jobs: Jobs) -> None:
    """A short run is billed one minute of every worker it asks for."""
    size = "--conf spark.driver.cores=2 --conf spark.driver.memory=6G "
    size += "--conf spark.executor.cores=2 --conf spark.executor.memory=6G "
    size += "--conf spark.dynamicAllocation.maxExecutors=2"
    job = jobs.run("", parameters=size)
    assert job["billedResourceUtilization"] == {
        "vCPUHour": 0.1,
        "memoryGBHour": 0.35,
        "storageGBHour": 0.0,
    }
    assert job["totalResourceUtilization"]["vCPUHour"] < 0.1


def test_an_application_too_small_fails_the_job(client: Client, jobs: Jobs) -> None:
    """Workers that do not fit in the maximum capacity never start."""
    small = application(client, maximumCapacity={"cpu": "4 vCPU", "memory": "16 GB"})
    job = Jobs(client, jobs.bucket, small, jobs.emr).run("")
    assert job["state"] == "FAILED"
    assert "exceeded maximumCapacity settings: [cpu: 4 vCPU" in job["stateDetails"]


@pytest.mark.usefixtures("emulator")
def test_an_ended_run_stays_as_it_ended(client: Client) -> None:
    """A cancellation that comes too late, or a late word of the process, changes nothing."""
    events = Events(client, {"source": ["aws.emr-serverless"]})
    asked = {"applicationId": "a", "executionRoleArn": ROLE}
    run = JobRun("r", f"arn:{uuid4().hex}", "us-east-1", "", asked, "emr-7.13.0")
    run.become("CANCELLING")
    run.become("FAILED", "killed")
    assert not run.cancel()
    run.running(1)
    assert run.state == "CANCELLED"
    states = [event["state"] for event in events.take(3, arn=run.arn)]
    assert states == ["SUBMITTED", "CANCELLING", "CANCELLED"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"executionTimeoutMinutes": 4}, "executionTimeoutMinutes"),
        ({"executionRoleArn": "arn:aws:iam::123456789012:user/x"}, "executionRoleArn"),
        ({"retryPolicy": {"maxAttempts": 11}}, "maxAttempts"),
        ({"mode": "STREAMING"}, "not implemented in the emulated place"),
        ({"jobDriver": {"hive": {"query": "q"}}}, "not implemented in the emulated place"),
    ],
)
def test_a_request_that_would_fail_is_refused(jobs: Jobs, changed: Any, why: str) -> None:
    """What EMR refuses is refused, and what is not emulated is said."""
    with pytest.raises(ClientError, match=why):
        jobs.emr.start_job_run(**{**jobs.request(""), **changed})
