"""What `lake deploy` leaves in the emulated place, and how it is operated there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from console import talk
from console.deployed import deploy
from console.deployed.terraform import Changes
from console.questions import files
from jobs.pipeline import TABLES
from tests.deployed.chain import until
from tests.deployed.conftest import VARIABLES

if TYPE_CHECKING:
    from pathlib import Path

    from console.deployed.lake import Deployed
    from console.deployed.place import Place
    from tests.deployed.chain import Chain
    from tests.deployed.conftest import Console

NAMES = sorted(table.full_name for table in TABLES)


def test_one_apply_leaves_every_table(lake: Console, deployed: Deployed) -> None:
    """The apply called the tables function: every table is there, empty, and as its contract."""
    assert sorted(json.loads(deployed.outputs["tables_result"])["tables"]) == NAMES
    tables = lake.told("status")["tables"]
    assert [table["table"] for table in tables] == NAMES
    variables = lake.told("env")
    assert lake.told("tables", "plan", **variables) == []


def test_one_apply_leaves_every_view(lake: Console, deployed: Deployed) -> None:
    """The apply had Athena make the analysts' views: each answers, of empty tables too."""
    wanted = {query.name for query in files.of_kind(files.VIEWS)}
    assert {*deployed.outputs["views"]} == wanted
    database = deployed.outputs["databases"]["views"]
    pages = deployed.client("glue").get_paginator("get_tables").paginate(DatabaseName=database)
    there = [table for page in pages for table in page["TableList"]]
    assert {table["Name"] for table in there} == wanted
    assert {table["TableType"] for table in there} == {"VIRTUAL_VIEW"}
    variables = lake.told("env")
    assert isinstance(lake.told("questions", "run", "stale_tables", **variables), list)


def test_a_second_plan_changes_nothing(place: Place, deployed: Deployed, project: Path) -> None:
    """What was applied is what is planned: nothing drifts, nothing is uploaded again."""
    assert deployed
    terraform, planned = deploy.plan(place, talk.say, variables=VARIABLES, project=project)
    assert planned == Changes(), terraform.show(deploy.PLAN)


def test_status_tells_what_is_there(lake: Console, deployed: Deployed) -> None:
    """Which code runs where, and what waits in which queue."""
    told = lake.told("status")
    assert told["lake"]["name"] == deployed.name == "lakehouse-dev"
    assert told["lake"]["endpoint"] == deployed.endpoint
    assert any(told["lake"]["code"] in key for key in deployed.outputs["code_keys"])
    queues = {queue["queue"]: queue["waiting"] for queue in told["queues"]}
    assert set(queues) == {"raw", "bronze", "raw-dlq", "bronze-dlq", "calls-dlq"}


def test_the_schedules_are_known(lake: Console, deployed: Deployed) -> None:
    """Without a time `lake tick` says what comes, the daily gold among it."""
    upcoming = lake.told("tick")["upcoming"]
    assert any(one["schedule"].endswith(f"/{deployed.name}-daily") for one in upcoming)


def test_the_doctor_finds_nothing_to_mend(lake: Console, deployed: Deployed) -> None:
    """State machine, job arguments, rights, sizes and stream fit together as deployed."""
    assert deployed
    findings = json.loads(lake("doctor", "--deployed", "--json").stdout)
    assert len(findings) == 10
    # A stream whose contract is not among the tables is just what the doctor is for.
    expected = [] if "bronze.weatherapi_current" in NAMES else ["streams"]
    assert [one["check"] for one in findings if not one["ok"]] == expected, findings


def test_the_tables_function_fails_its_caller(deployed: Deployed) -> None:
    """What it refuses is an error of the invocation, with the reason, and so of the apply."""
    answer = deployed.client("lambda").invoke(
        FunctionName=deployed.outputs["functions"]["tables"],
        Payload=json.dumps({"action": "apply", "digest": "0" * 64}),
    )
    assert answer["FunctionError"] == "Unhandled"
    assert "are wanted" in json.loads(answer["Payload"].read())["errorMessage"]


def test_a_run_is_cancelled(lake: Console, chain: Chain) -> None:
    """Cancelling an execution stops its job run too, and twice is refused with what to do."""
    arn = chain.start()
    execution = chain.executions()[arn]
    until(lambda: chain.job_runs(execution), "a job run")
    assert execution.name in lake.told("cancel", execution.name)["stopped"]
    until(lambda: all(run.is_over for run in chain.job_runs(execution)), "the job run is over")
    assert [run.state for run in chain.job_runs(execution)] == ["CANCELLED"]
    again = lake("cancel", execution.name)
    assert again.returncode == 2
    assert f"next:  lake logs {execution.name}" in again.stderr


@pytest.mark.last
def test_destroy_leaves_nothing(lake: Console, deployed: Deployed) -> None:
    """Without a yes nothing is touched; with it only what docs/aws.md names stays."""
    asked = lake("destroy")
    assert asked.returncode == 2
    assert "files of data" in asked.stderr
    assert lake.told("destroy", "--yes")["removed"] > 100
    assert left(deployed) == {}
    assert lake("status").returncode == 78
    keys = deployed.client("kms")
    states = {
        keys.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"]
        for key in keys.list_keys()["Keys"]
    }
    assert states <= {"PendingDeletion"}


def left(deployed: Deployed) -> dict[str, list[str]]:
    """Names of what is still there, by kind, without AWS's own and without what may stay."""
    calls: tuple[tuple[str, str, str, str], ...] = (
        ("s3", "list_buckets", "Buckets", "Name"),
        ("glue", "get_databases", "DatabaseList", "Name"),
        ("lambda", "list_functions", "Functions", "FunctionName"),
        ("sqs", "list_queues", "QueueUrls", ""),
        ("sns", "list_topics", "Topics", "TopicArn"),
        ("iam", "list_roles", "Roles", "RoleName"),
        ("firehose", "list_delivery_streams", "DeliveryStreamNames", ""),
        ("stepfunctions", "list_state_machines", "stateMachines", "name"),
        ("scheduler", "list_schedules", "Schedules", "Name"),
        ("pipes", "list_pipes", "Pipes", "Name"),
        ("events", "list_rules", "Rules", "Name"),
        ("secretsmanager", "list_secrets", "SecretList", "Name"),
        ("logs", "describe_log_groups", "logGroups", "logGroupName"),
        ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    )
    found = {}
    for service, call, part, name in calls:
        told = getattr(deployed.client(service), call)().get(part, [])
        names = [str(one[name] if name else one) for one in told]
        mine = [n for n in names if deployed.name in n or deployed.name.replace("-", "_") in n]
        if mine:
            found[service] = mine
    return found
