"""Every role's policy, as it is deployed, covers what its program was seen to ask for.

It runs late, on what the other tests have made the programs do; what did not run yet it wakes.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from tests.deployed import actions, iam
from tests.stream import answer, record

if TYPE_CHECKING:
    from console.deployed.lake import Deployed
    from tests.deployed.conftest import Console

pytestmark = pytest.mark.late

# Programs that may not have run here, and why.
NOT_RUN = {
    "observe": "it asks WeatherAPI on the internet, by a key that a person puts in its secret",
    "notify": "it is deployed with a Slack webhook only, and tells Slack on the internet",
    "governor": "it is Lake Formation's, deployed behind a switch; nothing emulated acts as it",
    "analyst": "it is a person's, deployed behind a switch",
    "auditor": "it is a person's, deployed once somebody is named for it",
    "deploy-plan": "it is GitHub's, deployed with a repository's name only",
    "deploy-apply": "it is GitHub's, deployed with a repository's name only",
}
# Who else may ask: people and Terraform, services in their own name, and whoever signs nothing.
OPERATOR = "LAKEOPERATOR"
ATHENA = "athena.amazonaws.com"
SERVICES = ("events.amazonaws.com", "lambda.amazonaws.com", ATHENA)
_PATIENCE_SECONDS = 600.0
_STARTED = ("emr-serverless", "StartJobRun")


@dataclass(frozen=True)
class Seen:
    """The emulator's log against the roles of this lake."""

    prefix: str
    account: actions.Account
    roles: dict[str, iam.Role]
    calls: list[dict[str, Any]]

    def asked(self, arn: str) -> list[iam.Ask]:
        """All rights that the calls of a role need, each once."""
        mine = [call for call in self.calls if call["principal"] == arn]
        mine += self._by_athena(mine)
        asks = [ask for call in mine for ask in actions.needed(self.account, call)]
        started = any((call["service"], call["operation"]) == _STARTED for call in mine)
        if started and "states.amazonaws.com" in self.roles[arn].services:
            asks += actions.waiting(self.account)
        return list(
            {(a.action, a.resource, tuple(sorted(a.context.items()))): a for a in asks}.values()
        )

    def _by_athena(self, mine: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What Athena read and wrote between a role's first question and its last answer.

        On AWS it asks Glue and S3 with the rights of who asked it; here in its own name.
        """
        times = [call["at"] for call in mine if call["service"] == "athena"]
        if not times:
            return []
        first, last = min(times), max(times)
        return [
            call
            for call in self.calls
            if call["principal"] == ATHENA and first <= call["at"] <= last
        ]

    def program(self, arn: str) -> str:
        """A role's name without the lake's."""
        return self.roles[arn].name.removeprefix(self.prefix)

    def unused(self) -> dict[str, list[str]]:
        """By program that ran: rights that no call of it needed."""
        ran = {call["principal"] for call in self.calls} & set(self.roles)
        return {self.program(arn): self.roles[arn].unused(self.asked(arn)) for arn in sorted(ran)}


def requests(deployed: Deployed) -> list[dict[str, Any]]:
    """The whole log of the emulator."""
    with urlopen(f"{deployed.endpoint}/_lake/requests") as reply:
        told = json.loads(reply.read())
    assert told["lost"] == 0, "the log is longer than the emulator keeps"
    return list(told["requests"])


def account(deployed: Deployed, number: str) -> actions.Account:
    """What of the account decides about rights: keys and the full names of secrets."""
    region = deployed.variables()["LAKE_REGION"]
    found = actions.Account(number, region)
    keys: dict[str, str] = {}
    for name in (b["Name"] for b in deployed.client("s3").list_buckets()["Buckets"]):
        told = deployed.client("s3").get_bucket_encryption(Bucket=name)
        [rule] = told["ServerSideEncryptionConfiguration"]["Rules"]
        key = rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID", "")
        keys[f"arn:aws:s3:::{name}"] = key
    for url in deployed.client("sqs").list_queues().get("QueueUrls", ()):
        told = deployed.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        attributes = told["Attributes"]
        keys[attributes["QueueArn"]] = attributes.get("KmsMasterKeyId", "")
    for topic in deployed.client("sns").list_topics()["Topics"]:
        told = deployed.client("sns").get_topic_attributes(TopicArn=topic["TopicArn"])
        keys[topic["TopicArn"]] = told["Attributes"].get("KmsMasterKeyId", "")
    secrets = {s["Name"]: s for s in deployed.client("secretsmanager").list_secrets()["SecretList"]}
    keys |= {secret["ARN"]: secret.get("KmsKeyId", "") for secret in secrets.values()}
    whole = {
        of: key if key.startswith("arn:") else found.arn("kms", f"key/{key}")
        for of, key in keys.items()
        if key
    }
    named = {name: secret["ARN"] for name, secret in secrets.items()}
    return actions.Account(number, region, whole, named, workgroups(deployed))


def workgroups(deployed: Deployed) -> dict[str, str]:
    """In which workgroup each query of the lake's ran."""
    athena, name = deployed.client("athena"), deployed.outputs["workgroup"]
    pages = athena.get_paginator("list_query_executions").paginate(WorkGroup=name)
    return {query: name for page in pages for query in page["QueryExecutionIds"]}


def look(deployed: Deployed) -> Seen:
    """What is there now."""
    prefix = f"{deployed.name}-"
    roles = iam.roles(deployed.client("iam"), prefix)
    number = next(iter(roles)).split(":")[4]
    return Seen(prefix, account(deployed, number), roles, requests(deployed))


# What each program does last; those that wait for nobody are woken first.
LAST_STEPS = {
    "tables": "UpdateTable",
    "land": "DeleteMessageBatch",
    "transform": "PutLogEvents",
    "firehose": "UpdateTable",
    "scheduler": "StartExecution",
    "ingest": "PutLogEvents",
    "pipe": "DeleteMessageBatch",
    "pipeline": "GetJobRun",
    "job": "UpdateTable",
}


def waits_for(deployed: Deployed, *programs: str) -> set[str]:
    """Those of the programs that have not done their last step yet."""
    done = {(c["principal"].rpartition("/")[2], c["operation"]) for c in requests(deployed)}
    return {p for p in programs if (f"{deployed.name}-{p}", LAST_STEPS[p]) not in done}


@pytest.fixture(scope="module")
def seen(lake: Console, deployed: Deployed) -> Seen:
    """The log once each program that can run here has."""
    if waits_for(deployed, "land"):
        bucket = deployed.outputs["environment"]["LAKE_HOME"].removeprefix("s3://")
        deployed.client("s3").put_object(
            Bucket=bucket, Key="raw/emt/lines/no-workbook.xlsx", Body=b"no workbook"
        )
    if waits_for(deployed, "transform", "firehose"):
        deployed.client("firehose").put_record(
            DeliveryStreamName=f"{deployed.name}-weather", Record={"Data": record(answer())}
        )
    if waits_for(deployed, "scheduler", "ingest", "pipe", "pipeline", "job"):
        later = datetime.fromisoformat(lake.told("tick")["now"]) + timedelta(hours=24)
        assert lake("tick", "--until", later.isoformat()).returncode == 0
    end = time.monotonic() + _PATIENCE_SECONDS
    while waiting := waits_for(deployed, *LAST_STEPS):
        assert time.monotonic() < end, f"never done: {waiting}"
        time.sleep(1)
    return look(deployed)


def test_every_program_was_seen(seen: Seen) -> None:
    """Each deployed role's program ran, or stands with its reason among those that cannot."""
    asking = {call["principal"] for call in seen.calls}
    silent = {seen.program(arn) for arn in set(seen.roles) - asking}
    assert silent <= set(NOT_RUN)


def test_every_call_is_attributed(seen: Seen) -> None:
    """No call of a program is signed by anybody but its role, so none escapes the check."""
    others = Counter(
        (call["principal"], call["service"], call["operation"])
        for call in seen.calls
        if call["principal"] not in (*seen.roles, OPERATOR, *SERVICES)
    )
    assert not others


def test_every_role_may_do_what_its_program_did(seen: Seen) -> None:
    """Policy and boundary allow each right that a logged call needs, the keys' among them."""
    refused = [
        why
        for arn, role in seen.roles.items()
        for ask in seen.asked(arn)
        if (why := role.refusal(ask))
    ]
    assert not refused, "\n".join(refused)


def test_a_right_taken_away_is_missed(seen: Seen) -> None:
    """The check sees a gap: without one of these statements a call would be refused."""
    missed = {
        (seen.program(arn), one.sid)
        for arn, role in seen.roles.items()
        for one in role.policy
        for less in (replace(role, policy=tuple(o for o in role.policy if o is not one)),)
        if any(less.refusal(ask) for ask in seen.asked(arn))
    }
    assert missed >= {
        ("job", "Bronze"),
        ("job", "Catalog"),
        ("job", "Code"),
        ("job", "Tables"),
        ("land", "List"),
        ("land", "Queue"),
        ("land", "Take"),
        ("pipe", "Start"),
        ("pipeline", "Pass"),
        ("pipeline", "Run"),
        ("pipeline", "Wait"),
        ("scheduler", "Call"),
        ("scheduler", "Start"),
        ("tables", "Ask"),
        ("tables", "Metadata"),
        ("tables", "Results"),
        ("tables", "Tables"),
        ("tables", "Views"),
        ("firehose", "Table"),
    }


def test_rights_that_were_not_used_are_told(seen: Seen) -> None:
    """What was granted and not needed is printed: AWS may need it where the emulator does not."""
    told = seen.unused()
    assert set(told) >= {"job", "land", "pipeline"}
    json.dump(told, sys.stdout, indent=2)
