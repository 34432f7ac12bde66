"""A change of a contract that no table can follow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from console import talk
from console.deployed import deploy
from jobs.pipeline import TABLES
from lakehouse.errors import ConfigurationError
from tests.deployed.conftest import VARIABLES

if TYPE_CHECKING:
    from pathlib import Path

    from console.deployed.lake import Deployed
    from console.deployed.place import Place
    from lakehouse.table import Table


def narrowed(table: Table) -> Table:
    """The contract with the weather's temperature as a whole number."""
    return replace(
        table,
        columns=tuple(replace(c, kind="int") if c.name == "temp_c" else c for c in table.columns),
    )


def heads(deployed: Deployed) -> dict[str, str]:
    """Each table's metadata file: it is another one after any change."""
    glue = deployed.client("glue")
    return {
        f"{database}.{table['Name']}": table["Parameters"]["metadata_location"]
        for database in deployed.outputs["databases"].values()
        for table in glue.get_tables(DatabaseName=database)["TableList"]
        if table["TableType"] != "VIRTUAL_VIEW"
    }


def test_an_impossible_change_fails_the_apply(
    deployed: Deployed, place: Place, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says why, no table moves, and the next apply of what fits goes on from there."""
    before = heads(deployed)
    assert len(before) == len(TABLES)
    with monkeypatch.context() as changed:
        changed.setattr("jobs.pipeline.TABLES", tuple(map(narrowed, TABLES)))
        with pytest.raises(ConfigurationError) as failed:
            deploy.deploy(place, talk.say, lambda _: None, variables=VARIABLES, project=project)
    told = failed.value.message
    assert told.startswith("terraform apply: aws_lambda_invocation.tables: ")
    assert "bronze.weatherapi_current: change type temp_c double→int: only widening" in told
    assert "stackTrace" not in told
    assert heads(deployed) == before
    _, changes = deploy.deploy(
        place, talk.say, lambda _: None, variables=VARIABLES, project=project
    )
    assert changes.total
    assert heads(deployed) == before
    told = str(deployed.client("lambda").get_function(FunctionName=f"{deployed.name}-tables"))
    assert any(key in told for key in deployed.outputs["code_keys"] if key.endswith("tables.zip"))
