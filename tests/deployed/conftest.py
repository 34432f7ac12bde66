"""The whole lake, deployed once a session by a real `terraform apply` into the emulated place."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from console import build, talk
from console.demo import WORKBOOKS
from console.deployed import deploy
from console.deployed.place import Place
from console.deployed.terraform import mirror
from console.reading import Moment
from tests import short_project
from tests.deployed.chain import Chain, until
from tests.recorded.conftest import GOLD, SILVER, Made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from console.deployed.lake import Deployed
    from console.deployed.runs import Execution

PROJECT = Path(__file__).parents[2]
# Of the sources only the one that needs no account is pulled, before the daily run, so that a tick
# over a day does not call the others a hundred times.
VARIABLES = (
    "stream_buffer_seconds=10",
    'ingest_schedules={derived={source="calendar",stream="derived",schedule="cron(40 9 * * ? *)"}}',
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
def day(tmp_path_factory: pytest.TempPathFactory, recorded: Path) -> Path:
    """One recorded day and the catalogue: tests/recorded has them all."""
    folder = tmp_path_factory.mktemp("day")
    for pattern, _ in WORKBOOKS:
        newest = max(recorded.glob(pattern))
        (folder / newest.name).symlink_to(newest)
    return folder


@pytest.fixture(scope="session")
def begun(
    tmp_path_factory: pytest.TempPathFactory, day: Path
) -> Iterator[tuple[Made, subprocess.Popen[str]]]:
    """The local place's lake, begun beside the apply, which mostly waits."""
    made = Made(tmp_path_factory.mktemp("local"))
    process = made.start("demo", "--recorded", str(day), "--form", "xlsx")
    yield made, process
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def local(begun: tuple[Made, subprocess.Popen[str]]) -> Made:
    """The local place's lake, made from the same workbooks."""
    made, process = begun
    assert process.wait() == 0
    return made


@pytest.fixture(scope="session")
def deployed(place: Place, project: Path) -> Deployed:
    """The deployed lake: one apply for all tests of a session; the last test removes it."""
    found, _ = deploy.deploy(place, talk.say, lambda _: None, variables=VARIABLES, project=project)
    return found


@pytest.fixture(scope="session")
def chain(deployed: Deployed) -> Chain:
    """The same, to put something into it and to see what comes of it."""
    return Chain(deployed)


@dataclass(frozen=True)
class Published:
    """What came of the day's workbooks: executions, oldest first, and the rows of all tables."""

    executions: list[Execution]
    rows: dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="session")
def published(begun: object, chain: Chain, day: Path) -> Published:
    """From a workbook in raw/ to gold, by events and the schedules alone: no call of ours between.

    Tests that add rows of their own ask for it, so that it is read before.
    """
    assert begun
    if chain.next_time("daily") < chain.next_time("derived"):
        chain.let_pass_until("daily")
        chain.settle()
    before = set(chain.executions())
    for pattern, stream in WORKBOOKS:
        chain.drop(stream, *day.glob(pattern))
    chain.let_pass_until("derived")
    until(lambda: chain.keys("bronze/calendar/derived/"), "the day's calendar")
    chain.settle()
    chain.let_pass_until("daily")
    chain.settle()
    with chain.tables() as lake:
        rows = {name: lake.ask(f"select * from {name}", Moment()) for name in (*SILVER, *GOLD)}
    new = [one for arn, one in chain.executions().items() if arn not in before]
    return Published(sorted(new, key=lambda one: one.began), rows)


@pytest.fixture
def alerts(chain: Chain) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Messages that a subscriber of the alerts has got since it was asked last."""
    queue = chain.client("sqs").create_queue(QueueName="subscriber")["QueueUrl"]
    subscribed = chain.client("sns").subscribe(
        TopicArn=chain.deployed.outputs["alert_topic_arn"],
        Protocol="sqs",
        Endpoint=chain.client("sqs").get_queue_attributes(
            QueueUrl=queue, AttributeNames=["QueueArn"]
        )["Attributes"]["QueueArn"],
    )

    def got() -> list[dict[str, Any]]:
        found = []
        told = chain.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        for message in told.get("Messages", ()):
            found.append(json.loads(json.loads(message["Body"])["Message"]))
            chain.client("sqs").delete_message(
                QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"]
            )
        return found

    yield got
    chain.client("sns").unsubscribe(SubscriptionArn=subscribed["SubscriptionArn"])
    chain.client("sqs").delete_queue(QueueUrl=queue)
