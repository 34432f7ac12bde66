"""The configuration as Terraform itself sees it: format, validity, promises, order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Terraform

TABLES = "aws_lambda_invocation.tables"


def test_it_is_formatted(terraform: Terraform) -> None:
    """Every file stands as `terraform fmt` writes it."""
    done = terraform("fmt", "-check", "-recursive", "-diff")
    assert done.returncode == 0, done.stdout


def test_it_is_valid(terraform: Terraform) -> None:
    """The configuration is valid for the provider, with no warning of what will end."""
    done = terraform("validate", "-no-color")
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stdout, done.stdout


def test_it_keeps_its_promises(terraform: Terraform) -> None:
    """Each promise of terraform/tests holds in the plan, and each validation refuses."""
    done = terraform("test", "-no-color")
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    passed = re.search(r"(\d+) passed, 0 failed", told)
    assert passed is not None, told
    assert int(passed[1]) == len(re.findall(r'run "\w+"\.\.\. pass', told)) > 0, told


@pytest.fixture(scope="module")
def needs(terraform: Terraform) -> dict[str, set[str]]:
    """What each resource waits for, directly."""
    done = terraform("graph")
    assert done.returncode == 0, done.stderr
    edges: dict[str, set[str]] = {}
    for later, earlier in re.findall(r'"([^"]+)" -> "([^"]+)"', done.stdout):
        edges.setdefault(later, set()).add(earlier)
    return edges


def earlier(needs: dict[str, set[str]], resource: str) -> set[str]:
    """All that is there before a resource is."""
    found: set[str] = set()
    waiting = [resource]
    while waiting:
        fresh = needs.get(waiting.pop(), set()) - found
        found |= fresh
        waiting += fresh
    return found


@pytest.mark.parametrize(
    "resource",
    [
        "aws_kinesis_firehose_delivery_stream.this",
        "aws_cloudwatch_event_rule.raw",
        "aws_cloudwatch_event_rule.bronze",
        "aws_lambda_event_source_mapping.raw",
        "aws_pipes_pipe.bronze",
        "aws_scheduler_schedule.run",
        "aws_scheduler_schedule.ingest",
        "aws_scheduler_schedule.observe",
        "aws_lakeformation_permissions.whole",
        "aws_lakeformation_permissions.open",
        "aws_lakeformation_data_cells_filter.analyst",
    ],
)
def test_the_tables_come_first(needs: dict[str, set[str]], resource: str) -> None:
    """Nothing that needs a table is made before the tables function was called."""
    assert TABLES in earlier(needs, resource)


def test_the_tables_find_what_they_need(needs: dict[str, set[str]]) -> None:
    """The tables function is called when databases, bucket, code and its rights are there."""
    assert earlier(needs, TABLES) >= {
        "aws_glue_catalog_database.this",
        "aws_s3_bucket_policy.this",
        "aws_s3_object.code",
        "module.tables.aws_lambda_function.this",
        "module.tables.module.role.aws_iam_role_policy.this",
        "module.tables.module.role.aws_iam_role_policy.keys",
    }


def test_services_find_their_roles_allowed(needs: dict[str, set[str]]) -> None:
    """Firehose, the pipe and the state machine try their roles when they are made."""
    for resource, role in (
        ("aws_kinesis_firehose_delivery_stream.this", "firehose_role"),
        ("aws_pipes_pipe.bronze", "pipe_role"),
        ("aws_sfn_state_machine.pipeline", "pipeline_role"),
        ("aws_sfn_state_machine.pipeline", "job_role"),
    ):
        assert f"module.{role}.aws_iam_role_policy.this" in earlier(needs, resource), resource
