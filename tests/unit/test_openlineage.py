"""Runs told as OpenLineage events, from a ledger made by hand."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from console import tables
from console.main import app
from jobs.pipeline import TABLES
from lakehouse import settings
from lakehouse.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOURS, WEATHER = "emt_gold.delay_weather_hourly", "emt_gold.arrivals_weather"
ARRIVALS = "emt_silver.arrivals_predictions"
BEGAN = datetime(2026, 3, 3, 12, 0, tzinfo=timezone.utc)
# The spec's own words (OpenLineage.json 2-0-2): what an event and a facet must have.
EVENT = {"eventTime", "producer", "schemaURL", "run", "job"}
FACET = {"_producer", "_schemaURL"}


def step(table: str, hours: int, **facts: Any) -> dict[str, Any]:
    """A row of ops.run: a step that began so many hours later and took a minute."""
    began = BEGAN + timedelta(hours=hours)
    group = "silver.emt" if table == ARRIVALS else "gold.emt"
    return {
        "table_name": table,
        "job_group": group,
        "status": "ok",
        "started_at": began,
        "ended_at": began + timedelta(minutes=1),
        **facts,
    }


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lake whose ledger knows three steps, one of them failed, and one kind of refused row."""
    for name in ("LAKE_PLACE", "LAKE_PREFIX", "OPENLINEAGE_URL", "OPENLINEAGE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAKE_HOME", str(tmp_path))
    loaded = settings.load()
    tables.apply(loaded, TABLES)
    catalog = tables.open_catalog(loaded)
    runs = [
        step(ARRIVALS, 0, run_id="aa", inserted=7, updated=2),
        step(HOURS, 1, run_id="bb", inserted=3, updated=0),
        step(WEATHER, 2, run_id="", status="failed", reason="every ratio is positive: 3 rows"),
    ]
    refused = {
        "table_name": ARRIVALS, "run_id": "aa", "reason": "a negative estimate", "source_uri": "f",
        "source_row": 1, "item": 0,
    }  # fmt: skip
    for name, rows in (("run", runs), ("rejected_row", [refused])):
        table = catalog.load_table(tables.identifier(loaded, f"ops.{name}"))
        schema = table.schema().as_arrow()
        table.append(
            pa.Table.from_pylist([{**dict.fromkeys(schema.names), **r} for r in rows], schema)
        )
    return tmp_path


def told(*words: str) -> list[dict[str, Any]]:
    """The events on stdout."""
    done = CliRunner().invoke(app, ["lineage", *words])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def checks(event: dict[str, Any]) -> dict[str, str]:
    """Checks of a step and how they went."""
    return {test["name"]: test["status"] for test in event["run"]["facets"]["test"]["tests"]}


def facets(value: Any) -> Iterator[dict[str, Any]]:
    """Every facet of an event, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("facets", "inputFacets", "outputFacets"):
                yield from inner.values()
            yield from facets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from facets(inner)


@pytest.mark.usefixtures("home")
def test_each_step_starts_and_ends() -> None:
    """START and COMPLETE or FAIL of one run each, in time's order, with all the spec asks for."""
    events = told()
    assert [(e["eventType"], e["job"]["name"]) for e in events] == [
        ("START", "silver.emt.arrivals_predictions"),
        ("COMPLETE", "silver.emt.arrivals_predictions"),
        ("START", "gold.emt.delay_weather_hourly"),
        ("COMPLETE", "gold.emt.delay_weather_hourly"),
        ("START", "gold.emt.arrivals_weather"),
        ("FAIL", "gold.emt.arrivals_weather"),
    ]
    ids = [UUID(event["run"]["runId"]) for event in events]
    assert ids[0::2] == ids[1::2]
    assert len(set(ids)) == 3
    for event in events:
        assert event.keys() >= EVENT
        assert datetime.fromisoformat(event["eventTime"]).tzinfo
        assert all(facet.keys() >= FACET for facet in facets(event))


@pytest.mark.usefixtures("home")
def test_an_output_says_what_it_is_made_of() -> None:
    """Schema, rows written, and where each column comes from: columns, or paths into records."""
    complete = [event for event in told() if event["eventType"] == "COMPLETE"]
    arrivals, hours = (event["outputs"][0] for event in complete)
    assert arrivals["outputFacets"]["outputStatistics"]["rowCount"] == 9
    assert [f["name"] for f in arrivals["facets"]["schema"]["fields"]][:2] == ["id", "event_ts"]
    label = arrivals["facets"]["columnLineage"]["fields"]["label"]["inputFields"]
    assert {one["name"].rsplit("/bronze/")[-1] for one in label} == {"emt/arrivals"}
    ways = {one["field"]: one["transformations"][0]["type"] for one in label}
    assert ways["payload.data[].Arrive[].line"] == ways["payload.Arrive[].line"] == "DIRECT"
    assert ways["payload.data[].Arrive"] == "INDIRECT"
    [origin] = hours["facets"]["columnLineage"]["fields"]["delay_rate"]["inputFields"]
    assert origin["field"] == "delayed"
    assert (origin["namespace"], origin["name"]) == (
        complete[1]["inputs"][0]["namespace"],
        complete[1]["inputs"][0]["name"],
    )
    assert "delayed_preds" in complete[1]["job"]["facets"]["sql"]["query"]


@pytest.mark.usefixtures("home")
def test_a_failure_says_why() -> None:
    """The reason is the error, only the check it names failed, and nothing was put out."""
    failed = told()[-1]
    assert failed["run"]["facets"]["errorMessage"]["message"].startswith("every ratio")
    assert failed["outputs"] == []
    assert checks(failed) == {"every ratio is positive": "fail"}


@pytest.mark.usefixtures("home")
def test_checks_say_how_they_went() -> None:
    """A row's check fails with the rows it refused; one that refused none passes."""
    arrivals = told()[1]
    assert checks(arrivals) == {"a time before 2010": "pass", "a negative estimate": "fail"}
    [refused] = [t for t in arrivals["run"]["facets"]["test"]["tests"] if t["status"] == "fail"]
    assert (refused["actual"], refused["severity"]) == ("1", "warn")


@pytest.mark.usefixtures("home")
def test_telling_again_says_the_same() -> None:
    """A catalogue that hears a run twice knows it once; `since` leaves out what ended before."""
    assert told() == told()
    assert len(told("--since", "2026-03-03T13:01:00")) == 4


class _Hears(BaseHTTPRequestHandler):
    answer = 201

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.path, self.headers["Authorization"], json.loads(body)))  # type: ignore[attr-defined]
        self.send_response(self.server.answer)  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def catalogue_server() -> Iterator[Any]:
    """A server that keeps what it is told."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hears)
    server.heard, server.answer = [], 201  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("home")
def test_events_are_sent(catalogue_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server gets the very events, one a request, with the key of the environment."""
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "k")
    url = f"http://127.0.0.1:{catalogue_server.server_port}"
    assert told("--url", url) == []
    assert [body for _, _, body in catalogue_server.heard] == told()
    assert {path for path, _, _ in catalogue_server.heard} == {"/api/v1/lineage"}
    assert {key for _, key, _ in catalogue_server.heard} == {"Bearer k"}


@pytest.mark.usefixtures("home")
def test_a_refusal_is_said(catalogue_server: Any) -> None:
    """What the server refuses is an error with its name, not silence."""
    catalogue_server.answer = 400
    url = f"http://127.0.0.1:{catalogue_server.server_port}"
    done = CliRunner().invoke(app, ["lineage", "--url", url])
    assert isinstance(done.exception, UpstreamError)
    assert "took 0 events" in str(done.exception)
