"""Who may see what, read back from what was applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.pipeline import TABLES

if TYPE_CHECKING:
    from console.deployed.lake import Deployed

GOLD = {"arrivals_weather", "delay_weather_hourly"}


@pytest.fixture(scope="module")
def grants(deployed: Deployed) -> list[dict[str, Any]]:
    """All grants, as Lake Formation lists them."""
    listed = deployed.client("lakeformation").list_permissions()["PrincipalResourcePermissions"]
    return [dict(grant) for grant in listed]


def of(grants: list[dict[str, Any]], reader: str, kind: str) -> list[dict[str, Any]]:
    """What is granted to a reader on resources of a kind."""
    return [
        grant["Resource"][kind]
        for grant in grants
        if grant["Principal"]["DataLakePrincipalIdentifier"].endswith(f"-{reader}")
        and kind in grant["Resource"]
    ]


def test_analysts_see_gold_through_filters(
    deployed: Deployed, grants: list[dict[str, Any]]
) -> None:
    """Of gold no sensitive column and only rows of their lines; nothing of the ledger at all."""
    client, prefix = deployed.client("lakeformation"), deployed.outputs["database_prefix"]
    contracts = {f"{prefix}_{table.database}.{table.name}": table for table in TABLES}
    found = {}
    for granted in of(grants, "analyst", "DataCellsFilter"):
        kept = client.get_data_cells_filter(**granted)["DataCellsFilter"]
        name = f"{granted['DatabaseName']}.{granted['TableName']}"
        hidden = {column.name for column in contracts[name].all_columns if column.sensitive}
        assert set(kept["ColumnWildcard"]["ExcludedColumnNames"]) == hidden != set(), name
        found[granted["TableName"]] = kept["RowFilter"].get("FilterExpression")
    assert found.keys() >= GOLD
    assert {found[name] for name in GOLD} == {"label in ('27', 'C1')"}
    assert found["meteorology_current"] == "location in ('madrid')"
    assert found["stops"] is None
    assert not [t for t in of(grants, "analyst", "Table") if "ops" in t["DatabaseName"]]


def test_auditors_see_every_table(deployed: Deployed, grants: list[dict[str, Any]]) -> None:
    """Every database's tables whole, because a filter would deny their history."""
    tables = of(grants, "auditor", "Table")
    assert {table["DatabaseName"] for table in tables} == set(
        deployed.outputs["databases"].values()
    )
    assert all("TableWildcard" in table for table in tables)
    assert of(grants, "auditor", "DataCellsFilter") == []


def test_nobody_who_reads_writes(deployed: Deployed) -> None:
    """Neither reader may put, delete or change anything but the answers to its own questions."""
    roles = deployed.client("iam")
    for reader, arn in deployed.outputs["reader_role_arns"].items():
        name = arn.rsplit("/", 1)[1]
        policy = roles.get_role_policy(RoleName=name, PolicyName="program")["PolicyDocument"]
        for statement in policy["Statement"]:
            words = {action.split(":")[1] for action in _listed(statement["Action"])}
            writes = {w for w in words if w.startswith(("Put", "Delete", "Create", "Update"))}
            if writes:
                assert all("-results-" in arn for arn in _listed(statement["Resource"])), reader


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
