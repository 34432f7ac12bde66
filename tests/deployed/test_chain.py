"""From a dropped workbook to gold, by events and the schedule alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from console import reading
from console.demo import WORKBOOKS
from lakehouse import settings
from tests.judge import model
from tests.recorded.conftest import GOLD, SILVER, content_columns

from .test_deployed import until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from console.deployed.lake import Deployed
    from tests.deployed.conftest import Console
    from tests.recorded.conftest import Made


@dataclass(frozen=True)
class Chain:
    """The deployed lake: what is put into it from outside, and what is seen of it."""

    lake: Console
    deployed: Deployed

    def drop(self, recorded: Path) -> None:
        """Put the workbooks into raw/, as a person would."""
        client = self.deployed.client("s3")
        bucket = self.deployed.outputs["environment"]["LAKE_HOME"].removeprefix("s3://")
        for pattern, stream in WORKBOOKS:
            for file in sorted(recorded.glob(pattern)):
                client.upload_file(str(file), bucket, f"raw/{stream}/{file.name}")

    def tick(self, hours: int) -> None:
        """Let time pass."""
        now = datetime.fromisoformat(self.lake.told("tick")["now"])
        later = (now + timedelta(hours=hours)).astimezone(timezone.utc)
        done = self.lake("tick", "--until", later.strftime("%Y-%m-%dT%H:%M:%SZ"))
        assert done.returncode == 0, done.stderr

    def counts(self) -> dict[str, int]:
        """Rows by table."""
        return {t["table"]: t["rows"] for t in self.lake.told("status")["tables"]}

    def quiet(self) -> bool:
        """Whether nothing waits and nothing runs."""
        told = self.lake.told("status")
        waiting = any(q["waiting"] or q["under_way"] for q in told["queues"])
        return not waiting and all(e["state"] != "RUNNING" for e in told["executions"])


def test_workbooks_become_gold_by_events_and_schedule_alone(
    lake: Console,
    deployed: Deployed,
    local: Made,
    recorded: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same gold as the local place makes of the same workbooks, no call of ours in between."""
    chain = Chain(lake, deployed)
    chain.drop(recorded)
    until(
        lambda: chain.counts()["meteorology_silver.meteorology_current"] and chain.quiet(),
        "silver made by events",
    )
    chain.tick(hours=24)  # the night's calendar, then the daily run at ten
    until(
        lambda: chain.counts()["emt_gold.delay_weather_hourly"] and chain.quiet(),
        "gold made by the schedule",
    )
    assert chain.counts()["emt_silver.arrivals_predictions"] == 43_307
    expected = {name: local.rows(name) for name in (*SILVER, *GOLD)}
    for variable, value in deployed.variables().items():
        monkeypatch.setenv(variable, value)
    emulated = reading.Lake(settings.load())
    for name, here in expected.items():
        columns = content_columns(here)
        there = emulated.ask(f"select * from {name}", reading.Moment())
        assert model.content(there, columns) == model.content(here, columns), name
