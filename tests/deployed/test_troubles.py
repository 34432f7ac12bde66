"""What goes wrong in a deployed lake, and that nothing is lost and nothing doubled by it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import pytest
from pyiceberg.types import StringType

from tests.deployed.chain import WEATHER, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from console.deployed.runs import Execution
    from tests.deployed.chain import Books, Chain
    from tests.deployed.conftest import Console, Published

# An hour of a winter that nobody has recorded, one for each test.
WINTER = 1_769_900_400


@pytest.fixture
def weather(published: Published, chain: Chain, tmp_path: Path) -> Callable[[int], int]:
    """Drops the weather of an hour into raw/, and gives the instant it is of."""
    assert published

    def drop(hour: int) -> int:
        epoch = WINTER + 3600 * hour
        reply = {
            "location": {"name": "Madrid", "localtime_epoch": epoch + 60},
            "current": {"last_updated_epoch": epoch, "temp_c": 4.5, "humidity": 80},
        }
        file = tmp_path / f"winter-{hour}.jsonl"
        file.write_text(json.dumps(reply) + "\n", "utf-8")
        chain.drop("weatherapi/current", file)
        return epoch

    return drop


@contextlib.contextmanager
def stray_column(chain: Chain) -> Iterator[None]:
    """A column in the weather's table that its contract does not know, as of a careless hand."""
    with chain.tables() as lake, lake.table(WEATHER).update_schema() as change:
        change.add_column("stray", StringType())
    yield
    with chain.tables() as lake, lake.table(WEATHER).update_schema() as change:
        change.delete_column("stray")


def new_runs(before: Books, after: Books) -> list[str]:
    """The runs that committed to the weather's table since."""
    return after.runs[: len(after.runs) - len(before.runs)]


def taken_once(before: Books, after: Books, chain: Chain, epoch: int) -> bool:
    """One row, of one commit of one run, whose file is noted once."""
    runs, files = new_runs(before, after), len(after.files) - len(before.files)
    return (chain.observations(epoch), len(runs), len(set(runs)), files) == (1, 1, 1, 1)


def since(chain: Chain, before: dict[str, Execution]) -> list[Execution]:
    """The executions begun since, oldest first."""
    new = [one for arn, one in chain.executions().items() if arn not in before]
    return sorted(new, key=lambda one: one.began)


def test_a_failed_run_is_told_once_and_its_rows_come_when_it_is_mended(
    lake: Console,
    chain: Chain,
    weather: Callable[[int], int],
    alerts: Callable[[], list[dict[str, Any]]],
) -> None:
    """The execution fails, one message says why and where, and the next run takes what it left."""
    before, known = chain.books(), chain.executions()
    with stray_column(chain):
        epoch = weather(1)
        chain.settle()
    (failed,) = since(chain, known)
    assert failed.state == "FAILED"
    (run,) = chain.job_runs(failed)
    (message,) = alerts()
    assert (message["lakehouse"], message["job"], message["run"]) == (
        chain.deployed.name, "silver", run.id,
    )  # fmt: skip
    assert "ConfigurationError: meteorology_silver.meteorology_current differs" in message["why"]
    assert message["execution"] == failed.arn
    place = urlparse(message["log"])
    logs = chain.client("s3").list_objects_v2(Bucket=place.netloc, Prefix=place.path[1:])
    assert any(one["Key"].endswith("SPARK_DRIVER/stderr.gz") for one in logs["Contents"])
    assert "stray" in lake("logs", failed.name).stdout
    told = [e for e in lake.told("status")["executions"] if e["name"] == failed.name]
    assert [(one["state"], one["why"]) for one in told] == [("FAILED", message["why"])]
    assert chain.observations(epoch) == 0
    again = chain.start()
    chain.settle()
    assert chain.executions()[again].state == "SUCCEEDED"
    assert taken_once(before, chain.books(), chain, epoch)
    assert alerts() == []


def test_an_event_delivered_five_times_is_one_run_s_work(
    published: Published, chain: Chain, weather: Callable[[int], int]
) -> None:
    """At once, late and out of order: one run commits, the others commit nothing and succeed."""
    before, known, bronze = chain.books(), chain.executions(), chain.keys("bronze/")
    old = chain.events_of(published.executions[0])
    epoch = weather(2)
    (key,) = until(lambda: chain.keys("bronze/") - bronze, "the file in bronze")
    event = about(old[0], key)
    chain.deliver("bronze", [event] * 5)
    chain.settle()
    first = chain.books()
    assert taken_once(before, first, chain, epoch)
    chain.deliver("bronze", [event, *reversed(old)] * 5)
    chain.deliver("raw", [about(event, "raw/weatherapi/current/winter-2.jsonl")] * 5)
    chain.settle()
    assert {one.state for one in since(chain, known)} == {"SUCCEEDED"}
    assert chain.books() == first
    assert chain.keys("bronze/") == bronze | {key}
    assert not any(chain.queued(name)[0] for name in ("raw-dlq", "bronze-dlq"))


def about(event: dict[str, Any], key: str) -> dict[str, Any]:
    """The event of another object."""
    told = {**event["detail"]["object"], "key": key}
    return {**event, "detail": {**event["detail"], "object": told}}


def test_answers_to_commits_that_are_lost_double_nothing(
    chain: Chain, weather: Callable[[int], int]
) -> None:
    """Every commit of a run takes effect, and every answer is a 500: rows once, receipts right."""
    before, known = chain.books(), chain.executions()
    epoch = weather(3)
    lost = {"service": "glue", "operation": "UpdateTable", "when": "after", "times": 1000}
    chain.page("faults", lost)
    try:
        chain.settle()
        (told,) = chain.page("faults")["faults"]
    finally:
        chain.page("faults", method="DELETE")
    assert told["struck"] > 10
    (execution,) = since(chain, known)
    assert execution.state == "SUCCEEDED", execution.why
    assert taken_once(before, chain.books(), chain, epoch)


def test_a_run_whose_worker_is_killed_is_tried_again(
    chain: Chain,
    weather: Callable[[int], int],
    alerts: Callable[[], list[dict[str, Any]]],
) -> None:
    """Killed after its commit and before its ledger: EMR's next attempt completes it, once."""
    before, known = chain.books(), chain.executions()
    version = table_version(chain)
    epoch = weather(4)
    chain.gather()
    (job,) = until(lambda: chain.page("jobs")["jobs"], "a worker")
    until(lambda: table_version(chain) != version, "the commit")
    with contextlib.suppress(ProcessLookupError):
        os.killpg(int(job["pid"]), signal.SIGKILL)
    chain.settle()
    (execution,) = since(chain, known)
    assert execution.state == "SUCCEEDED", execution.why
    (run,) = chain.job_runs(execution)
    attempts = chain.client("emr-serverless").list_job_run_attempts(
        applicationId=chain.deployed.outputs["application_id"], jobRunId=run.id
    )["jobRunAttempts"]
    assert [one["state"] for one in attempts] == ["FAILED", "SUCCESS"]
    assert "ExitCode: -9" in attempts[0]["stateDetails"]
    assert taken_once(before, chain.books(), chain, epoch)
    assert alerts() == []


def table_version(chain: Chain) -> str:
    """Where the metadata of the weather's table is now."""
    database, name = WEATHER.split(".")
    named = chain.deployed.outputs["databases"][database]
    table = chain.client("glue").get_table(DatabaseName=named, Name=name)["Table"]
    return str(table["Parameters"]["metadata_location"])
