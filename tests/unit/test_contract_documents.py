"""What is made from the contracts: ODCS documents, the table catalogue, lineage."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import duckdb
import jsonschema
import pytest
import sqlglot
import yaml

from console import catalogue, lineage, odcs
from console.package import PROJECT
from jobs.pipeline import TABLES

if TYPE_CHECKING:
    from lakehouse.table import Table

ODCS = json.loads(
    resources.files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8")
)
GOLD = [table for table in TABLES if table.database.endswith("_gold")]


def every_table(argument: str = "table") -> Any:
    """One test a table."""
    return pytest.mark.parametrize(argument, TABLES, ids=lambda table: table.full_name)


def document(table: Table) -> dict[str, Any]:
    """The contract as a reader of the YAML has it."""
    return dict(yaml.safe_load(odcs.document(table)))


@every_table()
def test_a_contract_is_valid_odcs(table: Table) -> None:
    """Its YAML is what the standard's own JSON schema of v3.1 allows."""
    told = document(table)
    assert told["apiVersion"] == "v3.1.0"
    jsonschema.Draft201909Validator(ODCS).validate(told)
    del told["status"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft201909Validator(ODCS).validate(told)


@every_table()
def test_a_contract_tells_every_column_and_check(table: Table) -> None:
    """Nothing of the contract is left out: columns, key, sensitivity, checks as questions."""
    [schema] = document(table)["schema"]
    told = {p["name"]: p for p in schema["properties"]}
    assert list(told) == [c.name for c in table.all_columns]
    keys = [p for p in told.values() if p.get("primaryKey")]
    assert (
        tuple(p["name"] for p in sorted(keys, key=lambda p: p["primaryKeyPosition"])) == table.key
    )
    hidden = {name for name, p in told.items() if p["classification"] == "restricted"}
    assert hidden == {c.name for c in table.all_columns if c.sensitive}
    assert [q["name"] for q in schema["quality"]] == [c.name for c in table.checks]
    for quality in schema["quality"]:
        assert quality["mustBe"] == 0
        sqlglot.parse_one(quality["query"], dialect="spark")


def test_the_catalogue_is_in_step() -> None:
    """docs/tables.md is current; else: lake contracts docs --out docs/tables.md."""
    committed = (PROJECT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert committed == catalogue.page(TABLES, PROJECT / "sql" / "athena" / "questions")


@every_table()
def test_a_sample_query_answers(table: Table) -> None:
    """The first question the catalogue gives for a table can be asked of it."""
    connection = duckdb.connect()
    connection.execute(f"create schema {table.database}")
    kinds = {"array<string>": "varchar[]", "timestamp": "timestamptz"}
    columns = ", ".join(f"{c.name} {kinds.get(c.kind, c.kind)}" for c in table.all_columns)
    connection.execute(f"create table {table.full_name} ({columns})")
    assert connection.sql(catalogue.sample(table)).fetchall() == []


@every_table()
def test_every_input_is_known(table: Table) -> None:
    """A table is made from streams that are landed or from tables of the lake."""
    known = lineage.by_name()
    inputs = lineage.inputs(table)
    assert all(name in known or name.startswith("bronze/") for name in inputs)
    assert bool(inputs) == (table.database not in ("ops", "bronze"))


@pytest.mark.parametrize("table", GOLD, ids=lambda table: table.full_name)
def test_every_gold_column_comes_from_somewhere(table: Table) -> None:
    """Each but a count of rows comes from columns that its inputs really have."""
    known, found = lineage.by_name(), lineage.columns(table)
    assert set(found) == set(table.names)
    assert {name for name, fields in found.items() if not fields} <= {"total_preds"}
    for field in (field for fields in found.values() for field in fields):
        assert field.table in lineage.inputs(table)
        assert field.column in [c.name for c in known[field.table].all_columns]


def test_columns_are_followed_into_the_records() -> None:
    """A silver column names the answer's own fields, by the recorded shapes; known by hand."""
    tables = lineage.by_name()

    def paths(table: str, column: str) -> set[str]:
        found = lineage.columns(tables[table])[column]
        assert {field.table for field in found} <= {*lineage.inputs(tables[table])}
        return {field.column for field in found if not field.decides}

    reply, row = "payload.data[].Arrive[].", "payload.Arrive[]."
    bus = paths("emt_silver.arrivals_predictions", "bus")
    assert bus == {reply + "bus", row + "bus"}
    seconds = paths("emt_silver.arrivals_predictions", "estimate_arrive_sec")
    assert seconds == {reply + "estimateArrive", row + "estimateArrive"}
    asked = paths("emt_silver.arrivals_predictions", "line")
    assert asked == {"request.line", "payload.req_line", "payload.line"}
    assert paths("meteorology_silver.meteorology_current", "location") == {"request.q"}
    assert paths("openweather_silver.weather_observation", "city") == {"request.city"}
    assert paths("emt_silver.stops", "stop_id") == {"payload.data[].node", "payload.node"}


def test_columns_are_followed_through_the_select() -> None:
    """A ratio comes from what is counted, a severity from what it is judged by, no more."""
    arrivals, hours = (lineage.columns(table) for table in GOLD)
    assert hours["delay_rate"] == (("emt_gold.arrivals_weather", "delayed", False),)
    assert {f.column for f in arrivals["weather_severity"]} == {"precip_mm", "vis_km", "wind_kph"}
    assert {f.table for f in arrivals["expected_headway_min"]} >= {"emt_silver.lines_timetable"}
    assert arrivals["bus"] == (("emt_silver.arrivals_predictions", "bus", False),)
