"""`lake doctor --plan`: what applies and breaks later is found, and what is right is left alone."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from console.deployed.examine import examine
from console.deployed.planned import Planned
from lakehouse.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    Change = Callable[[dict[str, Any]], None]

PROJECT = Path(__file__).parents[2]
GROUPS = ("silver.emt", "gold.emt")
ROLE = "arn:aws:iam::123456789012:role/lake-job"
STREAM = Table(
    database="bronze",
    name="weather",
    doc="Weather.",
    columns=(Column("at", "timestamp", "When."), Column("temp_c", "double", "°C.")),
    key=(),
    owner="data",
    audited=False,
)
NESTED = Table(
    database="bronze",
    name="nested",
    doc="Nested.",
    columns=(Column("codes", "array<string>", "Codes."),),
    key=(),
    owner="data",
    audited=False,
)
ONCE = (
    "States.Hash(States.Format('{}/{}/{}', $$.Execution.Name, $$.State.Name, "
    "$$.Execution.RedriveCount), 'SHA-256')"
)
JARS = "spark.jars=/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar"
CONF = (
    f"--conf {JARS} --conf spark.driver.cores=2 --conf spark.executor.cores=2 "
    "--conf spark.dynamicAllocation.maxExecutors=3"
)


def sound() -> dict[str, Any]:
    """A plan in which nothing is wrong, its JSON parts still as values."""
    return {
        "aws_sfn_state_machine": {
            "definition": {
                "States": {
                    "Run": {
                        "Resource": "arn:aws:states:::emr-serverless:startJobRun.sync",
                        "Parameters": {
                            "ClientToken.$": ONCE,
                            "ExecutionRoleArn": ROLE,
                            "JobDriver": {
                                "SparkSubmit": {
                                    "EntryPointArguments": ["silver.emt", "--full"],
                                    "SparkSubmitParameters": CONF,
                                }
                            },
                        },
                    }
                }
            }
        },
        "aws_iam_role": {"permissions_boundary": "arn:aws:iam::123456789012:policy/boundary"},
        "aws_iam_role_policy": {
            "policy": {
                "Statement": [
                    {"Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE},
                    {"Effect": "Allow", "Action": ["logs:CreateLogDelivery"], "Resource": "*"},
                ]
            }
        },
        "aws_iam_policy": {
            "name": "boundary",
            "policy": {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}},
        },
        "aws_emrserverless_application": {"maximum_capacity": [{"cpu": "16 vCPU"}]},
        "aws_kinesis_firehose_delivery_stream": {
            "iceberg_configuration": [
                {
                    "destination_table_configuration": [
                        {"database_name": "lake_dev_bronze", "table_name": "weather"}
                    ]
                }
            ]
        },
        "aws_cloudwatch_event_rule": {
            "event_pattern": {"source": ["aws.s3"], "detail": {"bucket": {"name": ["b"]}}}
        },
        "aws_s3_bucket_notification": {"eventbridge": True},
        "variables": {"vcpu_quota": {"value": 16}},
        "resource_changes": [],
    }


def told(values: dict[str, Any]) -> dict[str, Any]:
    """The same as `terraform show -json` tells it, half of it in a module."""
    rest = {name: values.pop(name) for name in ("variables", "resource_changes")}
    resources = []
    for kind, attributes in values.items():
        texts = {
            name: json.dumps(value) if name in ("definition", "policy", "event_pattern") else value
            for name, value in attributes.items()
        }
        address = f"{kind}.this"
        resources.append({"address": address, "mode": "managed", "type": kind, "values": texts})
    module = {"resources": resources[:2], "child_modules": [{"resources": resources[2:]}]}
    return {"planned_values": {"root_module": module}, **rest}


def faults(values: dict[str, Any]) -> dict[str, str]:
    """What is wrong, by check."""
    found = examine(Planned(told(copy.deepcopy(values))), GROUPS, (STREAM, NESTED))
    return {finding.check: finding.found for finding in found if not finding.ok}


def task(values: dict[str, Any]) -> dict[str, Any]:
    """The state that starts the job."""
    return dict(values)["aws_sfn_state_machine"]["definition"]["States"]["Run"]


def submit(values: dict[str, Any]) -> dict[str, Any]:
    """Its spark-submit part."""
    return dict(task(values)["Parameters"]["JobDriver"]["SparkSubmit"])


def set_submit(**parts: Any) -> Change:
    """A change of the spark-submit part; None removes."""

    def change(values: dict[str, Any]) -> None:
        found = {**submit(values), **parts}
        driver = task(values)["Parameters"]["JobDriver"]
        driver["SparkSubmit"] = {n: v for n, v in found.items() if v is not None}

    return change


def set_parameters(**parts: Any) -> Change:
    """A change of the request; `_once` stands for ClientToken.$."""

    def change(values: dict[str, Any]) -> None:
        request = task(values)["Parameters"]
        request |= {name.replace("_once", "ClientToken.$"): v for name, v in parts.items()}

    return change


def set_values(kind: str, **parts: Any) -> Change:
    """A change of a resource's values."""
    return lambda values: values[kind].update(parts)


def allow(**statement: Any) -> Change:
    """One more statement of the role's policy."""

    def change(values: dict[str, Any]) -> None:
        policy = values["aws_iam_role_policy"]["policy"]
        policy["Statement"].append({"Effect": "Allow", **statement})

    return change


def stream_to(name: str) -> Change:
    """A stream into another table."""
    destination = {"database_name": "lake_dev_bronze", "table_name": name}
    return set_values(
        "aws_kinesis_firehose_delivery_stream",
        iceberg_configuration=[{"destination_table_configuration": [destination]}],
    )


def not_waiting(values: dict[str, Any]) -> None:
    """The SDK's own call, which returns at once."""
    task(values)["Resource"] = "arn:aws:states:::aws-sdk:emrserverless:startJobRun"


def updated(values: dict[str, Any]) -> None:
    """A new release of a started application."""
    before, after = {"release_label": "emr-7.12.0"}, {"release_label": "emr-7.13.0"}
    change = {"actions": ["update"], "before": before, "after": after}
    kind = "aws_emrserverless_application"
    values["resource_changes"] = [{"address": f"{kind}.this", "type": kind, "change": change}]


WRONG: dict[str, tuple[Change, str, str]] = {
    "unknown argument": (
        set_submit(EntryPointArguments=["silver.metro"]), "arguments", "silver.metro",
    ),
    "no arguments": (set_submit(EntryPointArguments=None), "arguments", "every group"),
    "random token": (set_parameters(_once="States.UUID()"), "client tokens", "random"),
    "fixed token": (
        lambda v: task(v)["Parameters"].update(
            {"ClientToken": "x", **dict.fromkeys(["ClientToken.$"], "")}
        ),
        "client tokens", "fixed",
    ),
    "token of the execution only": (
        set_parameters(_once="States.Hash($$.Execution.Name, 'SHA-256')"),
        "client tokens", "$$.Execution.RedriveCount",
    ),
    "no waiting": (not_waiting, "waiting", "still runs"),
    "no jar": (
        set_submit(SparkSubmitParameters=CONF.replace(JARS, "spark.jars=s3://b/x.jar")),
        "iceberg jar", "not among the jars",
    ),
    "jars twice": (
        set_submit(SparkSubmitParameters=CONF + " --jars s3://b/x.jar"),
        "iceberg jar", "2 times",
    ),
    "no PassRole": (
        set_parameters(ExecutionRoleArn=ROLE + "-other"), "pass role", "lake-job-other",
    ),
    "a run too large": (
        set_submit(SparkSubmitParameters=CONF.replace("maxExecutors=3", "maxExecutors=8")),
        "sizes", "up to 18 vCPU, where 16",
    ),
    "sizes left to EMR": (
        set_submit(SparkSubmitParameters=f"--conf {JARS}"), "sizes", "up to inf vCPU",
    ),
    "an application too large": (
        set_values("aws_emrserverless_application", maximum_capacity=[{"cpu": "32 vCPU"}]),
        "sizes", "may take 32 vCPU of 16",
    ),
    "an application too small": (
        set_values("aws_emrserverless_application", maximum_capacity=[{"cpu": "4 vCPU"}]),
        "sizes", "where 4 are",
    ),
    "a stream without a table": (stream_to("rain"), "streams", "lake_dev_bronze.rain"),
    "a nested field": (stream_to("nested"), "streams", "codes: Firehose writes no array<string>"),
    "only Put events": (
        set_values(
            "aws_cloudwatch_event_rule", event_pattern={"detail": {"reason": ["PutObject"]}}
        ),
        "events", "no multipart upload",
    ),
    "only Put notifications": (
        set_values("aws_s3_bucket_notification", queue=[{"events": ["s3:ObjectCreated:Put"]}]),
        "events", "only Put",
    ),
    "a whole service": (allow(Action="s3:*", Resource="arn:aws:s3:::b"), "rights", "s3:*"),
    "every resource": (
        allow(Action=["s3:GetObject"], Resource="*"), "rights", "s3:GetObject on every resource",
    ),
    "a started application": (updated, "application", "release_label cannot change"),
}  # fmt: skip


def test_a_sound_plan_has_no_fault() -> None:
    """Nothing is made up: boundaries and calls that know no resource are no wild rights."""
    assert faults(sound()) == {}


@pytest.mark.parametrize("case", WRONG)
def test_a_fault_is_found(case: str) -> None:
    """Each thing that breaks at run time is found by its own check, and by no other."""
    change, check, words = WRONG[case]
    values = sound()
    change(values)
    found = faults(values)
    assert set(found) == {check}, found
    assert words in found[check]


def test_a_first_plan_says_what_it_does_not_know() -> None:
    """Before the first apply there is no application and so no definition to read."""
    values = sound()
    values["aws_sfn_state_machine"] = {}
    planned = Planned(told(values))
    found = {finding.check: finding for finding in examine(planned, GROUPS, (STREAM,))}
    assert found["state machine"].ok
    assert "not known before" in found["state machine"].found
    assert "streams" in found
    assert "sizes" not in found


def test_the_command_reads_a_file(tmp_path: Path) -> None:
    """A fault ends with 78 and its sentence; a file that is no plan says how to make one."""
    values = sound()
    stream_to("rain")(values)
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(told(values)))

    def run(path: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "console.main", "doctor", "--plan", str(path), "--json"],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            check=False,
        )

    done = run(plan)
    assert done.returncode == 78
    assert any("lake_dev_bronze.rain" in one["found"] for one in json.loads(done.stdout))
    done = run(tmp_path / "none.json")
    assert done.returncode == 2
    assert "terraform show -json" in done.stderr
