"""Step Functions executes deployed definitions.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr-serverless.html
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from console.emulator import emr_process
from console.emulator.faults import Fault
from tests.emulated.jobs import Events, Jobs, application, wait

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from console.emulator.server import Server
    from tests.emulated.conftest import Client

FAIL = "raise ValueError('no such stop')\n"
WAIT = "import time\ntime.sleep(60)\n"
# Fails until it has been tried as often as its second argument says.
FLAKY = (
    "import pathlib, sys\n"
    "mark, needed = pathlib.Path(sys.argv[1]), int(sys.argv[2])\n"
    "tried = len(mark.read_text()) if mark.exists() else 0\n"
    "mark.write_text('x' * (tried + 1))\n"
    "sys.exit(0 if tried + 1 >= needed else 3)\n"
)


class Machine:
    """A deployed state machine and its executions."""

    def __init__(self, client: Client, role: str, states: dict[str, Any], **more: Any) -> None:
        definition = {"StartAt": next(iter(states)), "States": states, **more}
        self.sfn = client("stepfunctions")
        self.name = f"machine-{uuid4().hex[:8]}"
        made = self.sfn.create_state_machine(
            name=self.name, roleArn=role, definition=json.dumps(definition)
        )
        self.arn = made["stateMachineArn"]

    def start(self, given: Any = None, **more: Any) -> str:
        """Start an execution."""
        asked = {"stateMachineArn": self.arn, "input": json.dumps(given or {}), **more}
        return str(self.sfn.start_execution(**asked)["executionArn"])

    def until_ended(self, execution: str) -> dict[str, Any]:
        """The execution once it has ended."""
        return dict(
            wait(
                lambda: self.sfn.describe_execution(executionArn=execution),
                lambda told: told["status"] != "RUNNING",
            )
        )

    def run(self, given: Any = None, **more: Any) -> dict[str, Any]:
        """Start one and wait for its end."""
        return self.until_ended(self.start(given, **more))

    def history(self, execution: str) -> list[str]:
        """Types of the events so far."""
        told = self.sfn.get_execution_history(executionArn=execution)["events"]
        return [event["type"] for event in told]


@pytest.fixture
def jobs(client: Client, bucket: str, quick_submit: str, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """A fresh application whose jobs run without Spark."""
    monkeypatch.setattr(emr_process, "spark_submit", lambda: quick_submit)
    return Jobs(client, bucket, application(client), client("emr-serverless"))


@pytest.fixture
def machine(client: Client, role: str) -> Callable[..., Machine]:
    """`machine(states)`: a new state machine with a role of its own."""
    return lambda states, **more: Machine(client, role, states, **more)


def pascal(value: Any) -> Any:
    """A request as a definition writes it."""
    if isinstance(value, dict):
        return {name[0].upper() + name[1:]: pascal(inner) for name, inner in value.items()}
    return [pascal(item) for item in value] if isinstance(value, list) else value


def job_state(jobs: Jobs, source: str, *arguments: str, **more: Any) -> dict[str, Any]:
    """A task that runs a job and waits; with the client token of DESIGN."""
    asked = pascal(jobs.request(source, *arguments))
    del asked["ClientToken"]
    asked["ClientToken.$"] = (
        "States.Hash(States.Format('{}/{}/{}', $$.Execution.Name, $$.State.Name, "
        "$$.Execution.RedriveCount), 'SHA-256')"
    )
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::emr-serverless:startJobRun.sync",
        "Parameters": asked,
        "TimeoutSeconds": 60,
        "End": True,
        **more,
    }


def runs(jobs: Jobs) -> list[dict[str, Any]]:
    """Job runs of the application, oldest first."""
    found = jobs.emr.list_job_runs(applicationId=jobs.application)["jobRuns"]
    return list(reversed(found))


def test_sync_waits_for_the_job(jobs: Jobs, machine: Callable[..., Machine]) -> None:
    """The execution ends when the job has, and its output is the job run, in PascalCase."""
    made = machine({"Silver": job_state(jobs, "print('done')\n")})
    told = made.run(name="one")
    assert told["status"] == "SUCCEEDED", told
    output = json.loads(told["output"])
    assert output["State"] == "SUCCESS"
    assert output["JobDriver"]["SparkSubmit"]["EntryPoint"].endswith("/main.py")
    assert [run["id"] for run in runs(jobs)] == [output["JobRunId"]]
    assert output["CreatedBy"].startswith("arn:aws:sts::123456789012:assumed-role/")
    assert "TaskSubmitted" in made.history(told["executionArn"])


def test_the_client_token_is_the_definition_s(jobs: Jobs, machine: Callable[..., Machine]) -> None:
    """Hash, Format and the context object give the same 64 characters as here."""
    told = machine({"Silver": job_state(jobs, "")}).run(name="run-7")
    token = hashlib.sha256(b"run-7/Silver/0").hexdigest()
    asked = jobs.request("", clientToken=token)
    assert told["status"] == "SUCCEEDED"
    with pytest.raises(ClientError, match="used before with a different request"):
        jobs.emr.start_job_run(**{**asked, "name": "other"})


def test_a_failed_job_fails_the_execution_with_its_reason(
    jobs: Jobs, machine: Callable[..., Machine]
) -> None:
    """Error is States.TaskFailed, and Cause the job run as JSON, with state details."""
    told = machine({"Silver": job_state(jobs, FAIL)}).run()
    assert (told["status"], told["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(told["cause"])
    assert cause["State"] == "FAILED"
    assert "no such stop" in cause["StateDetails"]


def test_a_retried_job_runs_again_and_succeeds(
    jobs: Jobs, machine: Callable[..., Machine], tmp_path: Path
) -> None:
    """A retried .sync task waits for its second job; it does not time out at once."""
    state = job_state(jobs, FLAKY, str(tmp_path / "mark"), "3")
    del state["Parameters"]["ClientToken.$"]
    retry = {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 2}
    made = machine({"Silver": {**state, "Retry": [{**retry, "BackoffRate": 1}]}})
    told = made.run()
    assert told["status"] == "SUCCEEDED", told
    assert [run["state"] for run in runs(jobs)] == ["FAILED", "FAILED", "SUCCESS"]
    history = made.history(told["executionArn"])
    assert history.count("TaskFailed") == 2
    assert "TaskTimedOut" not in history


def test_a_throttled_start_is_retried_by_the_same_token(
    jobs: Jobs, machine: Callable[..., Machine], emulator: Server
) -> None:
    """A lost answer and a throttled call end in one job run."""
    throttled = {"ErrorEquals": ["EMRServerless.ThrottlingException"], "IntervalSeconds": 1}
    made = machine({"Silver": job_state(jobs, "", Retry=[throttled])})
    emulator.faults.add(
        Fault("emr-serverless", "StartJobRun", "after", 3, status=429, code="ThrottlingException")
    )
    assert made.run()["status"] == "SUCCEEDED"
    assert len(runs(jobs)) == 1


def test_a_caught_failure_is_published_and_fails(
    client: Client, jobs: Jobs, machine: Callable[..., Machine], emulator: Server, role: str
) -> None:
    """Catch, StringToJson, Format, SNS publish and Fail: one message that says why."""
    topic = client("sns").create_topic(Name=f"t-{uuid4().hex[:8]}")["TopicArn"]
    name = f"q-{uuid4().hex[:8]}"
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    queue = f"arn:aws:sqs:us-east-1:123456789012:{name}"
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    catch = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Parse"}
    publish = {
        "TopicArn": topic,
        "Subject.$": "States.Format('{} failed', $$.Execution.Name)",
        "Message.$": "States.Format('{}: {}', $.job.JobRunId, $.job.StateDetails)",
    }
    made = machine(
        {
            "Silver": job_state(jobs, FAIL, Catch=[catch]),
            "Parse": {
                "Type": "Pass",
                "Parameters": {"job.$": "States.StringToJson($.failure.Cause)"},
                "Next": "Tell",
            },
            "Tell": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sns:publish",
                "Parameters": publish,
                "ResultPath": None,
                "Next": "Failed",
            },
            "Failed": {
                "Type": "Fail",
                "ErrorPath": "$.job.State",
                "CausePath": "$.job.StateDetails",
            },
        }
    )
    told = made.run(name="nightly")
    assert (told["status"], told["error"]) == ("FAILED", "FAILED")
    assert "no such stop" in told["cause"]
    sent = client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=2)["Messages"]
    body = json.loads(sent[0]["Body"])
    assert body["Subject"] == "nightly failed"
    assert "no such stop" in body["Message"]
    calls = {(r.service, r.operation) for r in emulator.requests.find(principal=role)}
    assert {("emr-serverless", "StartJobRun"), ("sns", "Publish")} <= calls


def test_a_state_s_timeout_cancels_its_job(jobs: Jobs, machine: Callable[..., Machine]) -> None:
    """TimeoutSeconds fails the state as States.Timeout with no Cause, and cancels the job."""
    made = machine({"Silver": job_state(jobs, WAIT, TimeoutSeconds=2)})
    told = made.run()
    assert (told["status"], told["error"]) == ("FAILED", "States.Timeout")
    assert "cause" not in told
    assert jobs.until(runs(jobs)[0]["id"])["state"] == "CANCELLED"
    history = made.history(told["executionArn"])
    assert ("TaskTimedOut" in history, "TaskSucceeded" in history) == (True, False)


def test_a_stopped_execution_cancels_its_job(jobs: Jobs, machine: Callable[..., Machine]) -> None:
    """StopExecution aborts, whatever Retry says, and the job does not go on alone."""
    retry = {"ErrorEquals": ["States.ALL"]}
    made = machine({"Silver": job_state(jobs, WAIT, Retry=[retry])})
    execution = made.start()
    run = wait(lambda: runs(jobs), bool)[0]["id"]
    jobs.until(run, "RUNNING")
    made.sfn.stop_execution(executionArn=execution)
    assert made.until_ended(execution)["status"] == "ABORTED"
    assert jobs.until(run)["state"] == "CANCELLED"
    assert len(runs(jobs)) == 1


def test_choice_wait_and_defaults(machine: Callable[..., Machine]) -> None:
    """Choice looks at paths that may be absent, Wait waits, Succeed ends with the state's input."""
    made = machine(
        {
            "Asked": {
                "Type": "Choice",
                "Choices": [
                    {
                        "And": [
                            {"Variable": "$.gold", "IsPresent": True},
                            {"Variable": "$.gold", "BooleanEquals": True},
                        ],
                        "Next": "Pause",
                    }
                ],
                "Default": "Silver only",
            },
            "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Gold"},
            "Gold": {"Type": "Pass", "Result": "gold", "ResultPath": "$.ran", "Next": "Done"},
            "Silver only": {"Type": "Pass", "Result": {"ran": "silver"}, "Next": "Done"},
            "Done": {"Type": "Succeed"},
        }
    )
    assert json.loads(made.run({"gold": True})["output"]) == {"gold": True, "ran": "gold"}
    assert json.loads(made.run([{"messageId": "m"}])["output"]) == {"ran": "silver"}


def test_names_are_unique(machine: Callable[..., Machine]) -> None:
    """A name is used once; without one, an execution is named by a UUID."""
    made = machine({"Only": {"Type": "Pass", "End": True}})
    made.run(name="one")
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        made.start(name="one")
    first, second = made.run(), made.run()
    assert first["name"] != second["name"]
    assert len(first["name"]) == 36
    with pytest.raises(ClientError, match="InvalidName"):
        made.start(name="no blanks")


def test_the_same_running_execution_is_started_once(machine: Callable[..., Machine]) -> None:
    """StartExecution is idempotent for a running execution's name and input."""
    made = machine({"Only": {"Type": "Wait", "Seconds": 2, "End": True}})
    first = made.start({"a": 1}, name="one")
    assert made.start({"a": 1}, name="one") == first
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        made.start({"a": 2}, name="one")
    made.until_ended(first)


def test_a_redriven_execution_goes_on_where_it_failed(
    jobs: Jobs, machine: Callable[..., Machine], tmp_path: Path
) -> None:
    """Redrive runs the failed state again with its input, under a new token, and no other."""
    made = machine(
        {
            "Silver": _then(job_state(jobs, "", ResultPath="$.silver"), "Gold"),
            "Gold": job_state(jobs, FLAKY, str(tmp_path / "mark"), "2", ResultPath="$.gold"),
        }
    )
    told = made.run({"day": "2026-03-01"}, name="one")
    execution = told["executionArn"]
    assert (told["status"], told["redriveStatus"]) == ("FAILED", "REDRIVABLE")
    made.sfn.redrive_execution(executionArn=execution)
    told = made.until_ended(execution)
    assert (told["status"], told["redriveCount"]) == ("SUCCEEDED", 1)
    output = json.loads(told["output"])
    states = output["silver"]["State"], output["gold"]["State"]
    assert (output["day"], *states) == ("2026-03-01", "SUCCESS", "SUCCESS")
    assert [run["state"] for run in runs(jobs)] == ["SUCCESS", "FAILED", "SUCCESS"]
    history = made.history(execution)
    assert history.count("ExecutionRedriven") == 1
    assert history.index("ExecutionFailed") < history.index("ExecutionRedriven")
    with pytest.raises(ClientError, match="ExecutionNotRedrivable"):
        made.sfn.redrive_execution(executionArn=execution)


def _then(state: dict[str, Any], following: str) -> dict[str, Any]:
    """The state with another one after it."""
    return {name: value for name, value in state.items() if name != "End"} | {"Next": following}


def test_executions_tell_the_event_bus(client: Client, machine: Callable[..., Machine]) -> None:
    """Start and end are events of the default bus."""
    events = Events(client, {"source": ["aws.states"]})
    made = machine({"Only": {"Type": "Fail", "Error": "E", "Cause": "why"}})
    made.run(name="one")
    told = {(d["status"], d["cause"]) for d in events.take(2, stateMachineArn=made.arn)}
    assert told == {("RUNNING", None), ("FAILED", "why")}


PASS = {"Type": "Pass", "End": True}
SYNC = "arn:aws:states:::emr-serverless:startJobRun.sync"
JOB = {"ApplicationId": "a", "ExecutionRoleArn": "r", "JobDriver": {}}


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ({"StartAt": "A", "States": {"A": PASS}, "QueryLanguage": "JSONata"}, "JSONata"),
        ({"StartAt": "A", "States": {"A": {**PASS, "Assign": {"x": 1}}}}, "Assign"),
        ({"StartAt": "A", "States": {"A": {"Type": "Map", "End": True}}}, "'Map'"),
        ({"StartAt": "B", "States": {"A": PASS}}, "StartAt names 'B'"),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}, "'B' does not exist"),
        (
            {
                "StartAt": "A",
                "States": {
                    "A": {
                        "Type": "Task",
                        "Resource": "arn:aws:states:::aws-sdk:emrserverless:startJobRun",
                        "End": True,
                    }
                },
            },
            "aws-sdk:emrserverless:startJobRun is not implemented",
        ),
        (
            {
                "StartAt": "A",
                "States": {
                    "A": {
                        "Type": "Task",
                        "Resource": SYNC,
                        "Parameters": {**JOB, "JobDriver": {"SparkSubmit": {"Entrypoint": "x"}}},
                        "End": True,
                    }
                },
            },
            "'JobDriver.SparkSubmit.Entrypoint' is not supported",
        ),
        (
            {
                "StartAt": "A",
                "States": {
                    "A": {
                        "Type": "Task",
                        "Resource": SYNC,
                        "Parameters": {"ApplicationId": "a"},
                        "End": True,
                    }
                },
            },
            "'ExecutionRoleArn' is required",
        ),
    ],
)
def test_what_would_not_run_is_refused_at_creation(
    client: Client, role: str, definition: Any, why: str
) -> None:
    """Validation says it at plan, and creating the machine fails with the same sentence."""
    sfn, text = client("stepfunctions"), json.dumps(definition)
    told = sfn.validate_state_machine_definition(definition=text)
    assert told["result"] == "FAIL"
    assert any(why in d["message"] for d in told["diagnostics"]), told["diagnostics"]
    with pytest.raises(ClientError, match="InvalidDefinition"):
        sfn.create_state_machine(name=f"m-{uuid4().hex[:8]}", roleArn=role, definition=text)


def test_what_terraform_asks_is_answered(client: Client, machine: Callable[..., Machine]) -> None:
    """A sound definition validates, and a machine without versions lists none."""
    sfn = client("stepfunctions")
    text = json.dumps({"StartAt": "A", "States": {"A": PASS}})
    assert sfn.validate_state_machine_definition(definition=text)["result"] == "OK"
    made = machine({"A": PASS})
    asked = {"stateMachineArn": made.arn}
    assert sfn.list_state_machine_versions(**asked)["stateMachineVersions"] == []
    sfn.update_state_machine(definition=text, publish=True, **asked)
    versions = sfn.list_state_machine_versions(**asked)["stateMachineVersions"]
    assert [v["stateMachineVersionArn"] for v in versions] == [f"{made.arn}:1"]
