"""The whole lake, deployed once a session by a real `terraform apply` into the emulated place."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from console import build, talk
from console.deployed import deploy
from console.deployed.place import Place
from console.deployed.terraform import mirror
from tests import short_project
from tests.recorded.conftest import Made, demo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.deployed.lake import Deployed

PROJECT = Path(__file__).parents[2]
# Events are gathered for seconds, not minutes; of the sources only the one that needs no account
# is pulled, each night, so that a tick over a day does not call the others a hundred times.
VARIABLES = (
    "batch_seconds=5",
    "stream_buffer_seconds=10",
    'ingest_schedules={derived={source="calendar",stream="derived",schedule="cron(40 2 * * ? *)"}}',
    "weather_schedule=cron(0 0 1 1 ? 2099)",
    "lake_formation_enabled=true",
    'analyst_principals=["arn:aws:iam::123456789012:role/people"]',
    'auditor_principals=["arn:aws:iam::123456789012:role/auditors"]',
    'analyst_lines=["27","C1"]',
    'analyst_cities=["madrid"]',
)


class Console:
    """The `lake` command with its own folder, as a shell would run it."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run it; nobody sits at its terminal."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("AWS_", "LAKE_"))}
        return subprocess.run(
            [sys.executable, "-m", "console.main", *words],
            cwd=PROJECT,
            env={**kept, "LAKE_HOME": str(self.home), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def told(self, *words: str, **variables: str) -> Any:
        """What it tells in JSON."""
        done = self(*words, "--json", **variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """The command, with an emulated AWS up."""
    if shutil.which("terraform") is None:
        pytest.skip("no terraform on the PATH")
    if mirror() is None:
        pytest.skip("no mirror with the AWS provider: name its folder by TF_PLUGIN_DIR")
    console = Console(tmp_path_factory.mktemp("deployed"))
    assert console.told("up")["state"] == "memory"
    yield console
    console.told("down")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, with placeholders for functions that are not written yet."""
    if all((PROJECT / source).exists() for f in build.FUNCTIONS for source in f.sources):
        return PROJECT
    root = tmp_path_factory.mktemp("project")
    for whole in ("terraform", "sql", "requirements"):
        (root / whole).symlink_to(PROJECT / whole)
    rooms = {path.name for path in PROJECT.iterdir() if path.is_dir()} - {"ingestion"}
    return short_project.make(root, keep=frozenset(rooms))


@pytest.fixture(scope="session")
def place(lake: Console) -> Place:
    """Where it is deployed to."""
    return Place("emulated", "dev", lake.home)


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory, recorded: Path) -> Made:
    """The local place's lake, made from the same workbooks."""
    return demo(tmp_path_factory.mktemp("local"), recorded, "xlsx")[0]


@pytest.fixture(scope="session")
def deployed(place: Place, project: Path) -> Deployed:
    """The deployed lake: one apply for all tests of a session; the last test removes it."""
    found, _ = deploy.deploy(place, talk.say, lambda _: None, variables=VARIABLES, project=project)
    return found
