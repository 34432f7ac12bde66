"""From a dropped workbook to gold, by events and the schedule alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.judge import model
from tests.recorded.conftest import content_columns

if TYPE_CHECKING:
    from tests.deployed.chain import Chain
    from tests.deployed.conftest import Console, Published
    from tests.recorded.conftest import Made


def test_workbooks_become_gold_by_events_and_schedule_alone(
    published: Published, local: Made
) -> None:
    """The same rows in every table as the local place makes of the same workbooks."""
    assert {one.state for one in published.executions} == {"SUCCEEDED"}
    assert len(published.rows["emt_gold.delay_weather_hourly"]) > 0
    for name, there in published.rows.items():
        here = local.rows(name)
        columns = content_columns(here)
        assert len(there) == len(here), name
        assert model.content(there, columns) == model.content(here, columns), name


def test_one_silver_run_takes_all_and_one_gold_run_publishes(
    published: Published, chain: Chain
) -> None:
    """What came at once is gathered into one execution; the schedule makes silver, then gold."""
    names = [[run.name for run in reversed(chain.job_runs(e))] for e in published.executions]
    first, daily = (one.name for one in published.executions)
    assert names == [[f"silver {first}"], [f"silver {daily}", f"gold {daily}"]]


def test_a_run_leaves_its_log(lake: Console, published: Published) -> None:
    """An execution runs the uploaded code with the built settings; its driver's log is found."""
    name = published.executions[0].name
    told = lake.told("logs", name)
    assert [one["name"] for one in told] == [f"silver {name}"]
    assert "Running Spark version" in told[0]["stderr"]
    assert "Running Spark version" not in lake("logs", name).stdout
