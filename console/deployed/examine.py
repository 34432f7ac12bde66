"""What breaks at run time though it applies: plan, state machine and jobs, read together.

Each check says what it looked at; what a first plan does not know yet is said, not guessed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from console.deployed.planned import listed
from console.doctor import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from console.deployed.planned import Planned
    from lakehouse.table import Table

_ICEBERG = "iceberg-spark3-runtime.jar"
_FLAGS = ("--full", "--replace")
_QUOTA = 16
_TOKEN = ("$$.Execution.Name", "$$.State.Name", "$$.Execution.RedriveCount")
# Calls that know no resource. https://docs.aws.amazon.com/service-authorization/latest/reference/
_WITHOUT_RESOURCE = re.compile(
    r"logs:(\w*LogDelivery|ListLogDeliveries|\w*ResourcePolic\w+|DescribeLogGroups)"
    r"|cloudwatch:PutMetricData|lakeformation:GetDataAccess|xray:Put\w+|kms:(Decrypt|GenerateDataKey\w*)"
    r"|s3:ListAllMyBuckets|sts:GetCallerIdentity|iam:CreateServiceLinkedRole"
)
_FLAT = ("string", "boolean", "int", "bigint", "double", "date", "timestamp")
# What an application that has started refuses to change.
_FIXED = (
    "architecture",
    "release_label",
    "maximum_capacity",
    "initial_capacity",
    "image_configuration",
)


def examine(planned: Planned, groups: Sequence[str], tables: Sequence[Table]) -> list[Finding]:
    """All checks; `groups` are the jobs' names, `tables` the contracts."""
    tasks = planned.tasks()
    if not tasks:
        known = Finding("state machine", ok=True, found="not known before the first apply")
        return [known, *_without_tasks(planned, tables)]
    checks: dict[str, Callable[[], list[str]]] = {
        "arguments": lambda: _arguments(planned, groups),
        "client tokens": lambda: _tokens(planned),
        "waiting": lambda: _waiting(planned),
        "iceberg jar": lambda: _jars(planned),
        "pass role": lambda: _pass_role(planned),
        "sizes": lambda: _sizes(planned),
    }
    found = [_finding(name, check(), f"{len(tasks)} tasks") for name, check in checks.items()]
    return [*found, *_without_tasks(planned, tables)]


def _without_tasks(planned: Planned, tables: Sequence[Table]) -> list[Finding]:
    rules = len(planned.of("aws_cloudwatch_event_rule"))
    return [
        _finding("streams", _streams(planned, tables), "each has its table, of flat columns"),
        _finding("events", _events(planned), f"{rules} rules"),
        _finding("rights", _rights(planned), "no right over everything that could be narrower"),
        _finding("application", _application(planned), "nothing that a started one refuses"),
    ]


def _finding(name: str, wrong: list[str], fine: str) -> Finding:
    return Finding(name, not wrong, "; ".join(wrong) or fine, "terraform plan" if wrong else "")


def _arguments(planned: Planned, groups: Sequence[str]) -> list[str]:
    """The entry point knows every argument; one whose arguments come with the input has none."""
    wrong = []
    for task in planned.tasks():
        given = "EntryPointArguments" in task.submit or "EntryPointArguments.$" in task.submit
        if not given:
            wrong.append(f"{task.name}: no arguments, so it would run every group")
        unknown = [a for a in task.arguments if a not in (*groups, *_FLAGS)]
        wrong += [f"{task.name}: the jobs know no argument {argument}" for argument in unknown]
    return wrong


def _tokens(planned: Planned) -> list[str]:
    """The same attempt has the same token, a redrive and another state another one."""
    wrong = []
    for task in planned.tasks():
        token = str(task.request.get("ClientToken.$", ""))
        if "UUID" in token or "Random" in token:
            wrong.append(f"{task.name}: a random token starts a second run when a call is repeated")
        elif "ClientToken" in task.request:
            wrong.append(f"{task.name}: a fixed token gives every execution the first one's run")
        elif token:
            absent = [part for part in _TOKEN if part not in token]
            wrong += [f"{task.name}: the token does not depend on {part}" for part in absent]
        elif not task.waits:
            wrong.append(f"{task.name}: no token")
    return wrong


def _waiting(planned: Planned) -> list[str]:
    return [
        f"{task.name}: {task.resource} reports success while the job still runs; end it with .sync"
        for task in planned.tasks()
        if not task.waits
    ]


def _jars(planned: Planned) -> list[str]:
    """`--jars` and spark.jars are one setting: the last one wins, the other list is lost."""
    wrong = []
    for task in planned.tasks():
        words = task.parameters
        times = sum(w.startswith("spark.jars=") for w in words) + words.count("--jars")
        jars = task.conf.get("spark.jars", "") + "".join(
            words[n + 1] for n, w in enumerate(words[:-1]) if w == "--jars"
        )
        if times > 1:
            wrong.append(f"{task.name}: jars are given {times} times, one list is lost")
        if _ICEBERG not in jars:
            wrong.append(f"{task.name}: {_ICEBERG} is not among the jars")
    return wrong


def _pass_role(planned: Planned) -> list[str]:
    """Whoever starts a job run passes its role on."""
    passed = [
        str(role)
        for _, statement in planned.statements()
        if "iam:PassRole" in listed(statement.get("Action", []))
        for role in listed(statement.get("Resource", []))
    ]
    return [
        f"{task.name}: nobody may pass {role.rpartition('/')[2]} on"
        for task in planned.tasks()
        for role in [str(task.request.get("ExecutionRoleArn", ""))]
        if role not in passed
    ]


def _sizes(planned: Planned) -> list[str]:
    """A run fits the application, and the application the account."""
    quota = float(planned.variables.get("vcpu_quota") or _QUOTA)
    capacities = [
        float(str(capacity.get("cpu", "0")).split()[0])
        for application in planned.of("aws_emrserverless_application")
        for capacity in application.values.get("maximum_capacity") or [{"cpu": "inf"}]
    ]
    wrong = [f"the application may take {c:g} vCPU of {quota:g}" for c in capacities if c > quota]
    for task in planned.tasks():
        conf = task.conf
        needed = float(conf.get("spark.driver.cores", 4)) + float(
            conf.get("spark.executor.cores", 4)
        ) * float(conf.get("spark.dynamicAllocation.maxExecutors", "inf"))
        least = min([*capacities, quota])
        if needed > least:
            wrong.append(f"{task.name}: up to {needed:g} vCPU, where {least:g} are to be had")
    return wrong


def _streams(planned: Planned, tables: Sequence[Table]) -> list[str]:
    """The table of a stream is there before it, and has only what Firehose can write."""
    wrong = []
    for stream, database, name in _destinations(planned):
        known = [t for t in tables if t.name == name and database.endswith(f"_{t.database}")]
        if not known:
            wrong.append(f"{stream}: no contract makes {database}.{name}")
        wrong += [
            f"{database}.{name}.{column.name}: Firehose writes no {column.kind}"
            for table in known
            for column in table.all_columns
            if column.kind not in _FLAT
        ]
    return wrong


def _destinations(planned: Planned) -> list[tuple[str, str, str]]:
    """(stream, database, table) of every stream that delivers into Iceberg."""
    return [
        (stream.address, str(told["database_name"]), str(told["table_name"]))
        for stream in planned.of("aws_kinesis_firehose_delivery_stream")
        for destination in stream.values.get("iceberg_configuration") or []
        for told in destination.get("destination_table_configuration") or []
    ]


def _events(planned: Planned) -> list[str]:
    """A large file comes by a multipart upload, which is no Put."""
    wrong = []
    for rule in planned.of("aws_cloudwatch_event_rule"):
        detail = json.loads(rule.values.get("event_pattern") or "{}").get("detail", {})
        reasons = listed(detail.get("reason", []))
        if reasons and "CompleteMultipartUpload" not in reasons:
            wrong.append(
                f"{rule.address}: only {', '.join(map(str, reasons))}, no multipart upload"
            )
    wrong += [
        f"{notification.address}: only Put, no multipart upload"
        for notification in planned.of("aws_s3_bucket_notification")
        for kind in ("lambda_function", "queue", "topic")
        for target in notification.values.get(kind) or []
        if set(target.get("events", [])) == {"s3:ObjectCreated:Put"}
    ]
    return wrong


def _rights(planned: Planned) -> list[str]:
    """No whole service, and no resource `*` but for calls that know none."""
    wrong = []
    for address, statement in planned.statements():
        actions = [str(action) for action in listed(statement.get("Action", []))]
        wide = [a for a in actions if a == "*" or a.endswith(":*")]
        wrong += [f"{address}: {action}" for action in wide]
        if "*" in listed(statement.get("Resource", [])) and not statement.get("Condition"):
            narrow = [a for a in actions if not _WITHOUT_RESOURCE.fullmatch(a) and a not in wide]
            wrong += [f"{address}: {action} on every resource" for action in narrow]
    return wrong


def _application(planned: Planned) -> list[str]:
    wrong = []
    for address, changed in planned.updated("aws_emrserverless_application"):
        fixed = [name for name in changed if name in _FIXED]
        if fixed:
            told = ", ".join(fixed)
            wrong.append(f"{address}: {told} cannot change while it is started; stop it first")
    return wrong
