"""Real processes on the recorded days: the `lake` command, and what it left in a lake."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from console.reading import Lake, Moment
from lakehouse import settings
from lakehouse.table import AUDIT_NAMES
from tests.judge import model

PROJECT = Path(__file__).parents[2]
GOLD = ("emt_gold.arrivals_weather", "emt_gold.delay_weather_hourly")
SILVER = (
    "emt_silver.arrivals_predictions",
    "emt_silver.incidents",
    "emt_silver.lines",
    "emt_silver.lines_stops",
    "emt_silver.lines_timetable",
    "emt_silver.service_calendar",
    "emt_silver.stops",
    "meteorology_silver.meteorology_current",
)


@dataclass(frozen=True)
class Made:
    """A lake in a folder, and how to run `lake` on it."""

    home: Path

    def command(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        """The command line and its environment: no other lake's that a test before acted on."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("AWS_", "LAKE_"))}
        environment = {**kept, "LAKE_HOME": str(self.home), "LAKE_LEASE_WAIT_SEC": "300"}
        return [sys.executable, "-W", "ignore", "-m", "console.main", *arguments], environment

    def lake(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run `lake` to its end; fails the test for another exit code."""
        line, environment = self.command(*arguments)
        done = subprocess.run(
            line, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout[-2000:] + done.stderr[-4000:]
        return done

    def start(self, *arguments: str, said: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start `lake` in a process group of its own, so that it can be killed whole.

        What it says goes to `said`: nowhere, or a pipe that the caller empties.
        """
        line, environment = self.command(*arguments)
        return subprocess.Popen(
            line,
            env=environment,
            cwd=PROJECT,
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def reader(self) -> Lake:
        """A fresh reader: nothing cached."""
        return Lake(settings.load({}, home=str(self.home)))

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table as an analyst would read them."""
        return self.reader().ask(f"select * from {table}", Moment())

    def heads(self) -> dict[str, int | None]:
        """Main's head of every table."""
        reader = self.reader()
        return {name: reader.history(name).head() for name in reader.tables()}

    def checksums(self, tables: tuple[str, ...] = (*SILVER, *GOLD)) -> dict[str, str]:
        """Order-independent content checksums, the four audit columns left out.

        Files that say no time are as new as their landing, which differs between two lakes.
        """
        found = {}
        for table in tables:
            rows = self.rows(table)
            found[table] = model.content(rows, content_columns(rows))
        return found


def content_columns(rows: list[dict[str, Any]]) -> list[str]:
    """The columns that two lakes made of the same files have alike: no audit, no landing time."""
    outside = (*AUDIT_NAMES, "updated_ts")
    return [name for name in (rows[0] if rows else {}) if name not in outside]


def demo(home: Path, recorded: Path, form: str) -> tuple[Made, list[dict[str, Any]]]:
    """`lake demo` on the recorded folder; the lake and what the run said of each table."""
    made = Made(home)
    done = made.lake("demo", "--recorded", str(recorded), "--form", form, "--json")
    return made, json.loads(done.stdout or "[]")


@pytest.fixture(scope="session")
def workbooks(
    tmp_path_factory: pytest.TempPathFactory, recorded: Path
) -> tuple[Made, list[dict[str, Any]]]:
    """The recorded days, landed from the workbooks; whichever worker asks first makes them."""
    own = tmp_path_factory.getbasetemp()
    root = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    home, told = root / "workbooks", root / "workbooks.json"
    with (root / "workbooks.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            _, said = demo(home, recorded, "xlsx")
            told.write_text(json.dumps(said))
    return Made(home), json.loads(told.read_text())


@pytest.fixture(scope="session")
def json_lines(
    tmp_path_factory: pytest.TempPathFactory, recorded: Path
) -> tuple[Made, list[dict[str, Any]]]:
    """The recorded days, landed from the JSON lines."""
    return demo(tmp_path_factory.mktemp("json_lines"), recorded, "jsonl")
