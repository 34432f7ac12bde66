"""The function that pulls a stream on schedule, with the events that Terraform's schedules send."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from ingestion import functions
from ingestion.bronze import Stream
from ingestion.journal import Journal
from lakehouse.errors import BusyError, CredentialsError, LakeError, UsageError
from tests.emulated.handlers import Context, deploy, said
from tests.emulated.lakes import bucket_of, landed, tree
from tests.unit.ingestion_server import (
    CANARY,
    ENVIRON,
    LOGIN,
    Provider,
    emt,
    js,
    logged_in,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudpathlib import S3Path

    from lakehouse.settings import Settings
    from tests.emulated.conftest import Client

ARRIVALS = {"source": "emt", "stream": "arrivals", "options": {"stops": ["62", "5710", "7"]}}


@pytest.fixture
def provider() -> Iterator[Provider]:
    """Both sources at once."""
    with serving() as found:
        arrive = emt("00", [{"Arrive": [], "StopInfo": [], "Incident": {}}])
        for on, answer in (
            (LOGIN, logged_in(used=0)),
            ("/arrives/", arrive),
            ("/stops/list/", emt("00", [{"node": "62", "name": "A"}, {"node": "7"}])),
            ("/v1/history.json", js({"location": {"name": "x"}, "forecast": {"forecastday": []}})),
        ):
            found.always(answer, on=on)
        yield found


@pytest.fixture
def root(
    lake: Settings, client: Client, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> S3Path:
    """The bucket of a lake whose function is deployed, with its secret."""
    name = f"lakehouse-dev/sources-{uuid4().hex[:6]}"
    client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(ENVIRON))
    deploy(
        lake, monkeypatch, LAKE_SECRET_ID=name, LAKE_EMT_URL=provider.url,
        LAKE_WEATHERAPI_URL=provider.url, LAKE_CALLS_PER_MINUTE="6000",
    )  # fmt: skip
    return bucket_of(lake)


def stops(root: S3Path) -> Counter[str]:
    """How often each stop was landed."""
    return Counter(line["request"]["stop"] for line in landed(root))


def test_a_scheduled_pull_is_landed(root: S3Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The stops that the schedule names are asked with the secret's account, which is not told."""
    answer = functions.ingest(ARRIVALS, Context())
    assert stops(root) == {"62": 1, "5710": 1, "7": 1}
    (file,) = tree(root, "bronze/")
    assert answer == {
        "stream": "emt/arrivals", "finished": True, "replies": 3,
        "files": [f"s3://{root.bucket}/{file}"], "failed": [],
    }  # fmt: skip
    assert json.loads(json.dumps(answer)) == answer
    assert json.loads(tree(root, "state/emt-calls.json").popitem()[1])["calls"] == 3
    log = capsys.readouterr().err
    assert said(log)[-1]["event"] == "ingested"
    assert CANARY not in log


def test_all_stops_are_those_of_the_catalogue(root: S3Path) -> None:
    """`all` asks for the list where the bucket has none."""
    functions.ingest({**ARRIVALS, "options": {"stops": ["all"]}}, Context())
    assert [key.split("/")[2] for key in tree(root, "bronze/")] == ["arrivals", "stops"]


def test_a_pull_stops_in_time_and_goes_on(
    root: S3Path, provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    """With little time left what was answered is written; the next call asks only for the rest."""
    answer = functions.ingest(ARRIVALS, Context([900_000, 500_000, 179_000]))
    assert answer == {"stream": "emt/arrivals", "finished": False, "done": 2, "total": 3}
    assert said(capsys.readouterr().err)[-1]["event"] == "ingest_stopped_in_time"
    assert stops(root) == {"62": 1, "5710": 1}
    assert functions.ingest(ARRIVALS, Context())["replies"] == 1
    assert stops(root) == {"62": 1, "5710": 1, "7": 1}
    assert sum("/arrives/" in path for path in provider.paths()) == 3


def test_a_short_time_out_makes_progress_too(root: S3Path) -> None:
    """A function with less than the usual margin uses half of what it has."""
    assert functions.ingest(ARRIVALS, Context([60_000, 40_000]))["finished"] is True
    assert len(stops(root)) == 3


def test_calls_that_fail_alone_are_told_and_not_tried_again(
    root: S3Path, provider: Provider
) -> None:
    """A whole plan is not carried out anew for one stop."""
    provider.always(emt("66", []), on="/stops/5710/arrives/")
    answer = functions.ingest(ARRIVALS, Context())
    assert answer["replies"] == 2
    assert "5710" in answer["failed"][0]
    assert stops(root) == {"62": 1, "7": 1}


def failing(error: type[LakeError], event: dict[str, Any], log: pytest.CaptureFixture[str]) -> str:
    """The reason of an error that is logged and raised."""
    with pytest.raises(error) as caught:
        functions.ingest(event, Context())
    text = log.readouterr().err
    line = next(one for one in said(text) if one["event"] == "ingest_failed")
    assert line["error"] == error.__name__
    assert line["reason"] == str(caught.value)
    assert CANARY not in text + str(caught.value)
    return caught.value.message


def test_a_refusal_is_logged_and_raised(
    root: S3Path, provider: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lambda counts the failure, and the call ends as a dead letter."""
    provider.always(emt("89", [], f"wrong: {CANARY}-password"), on=LOGIN)
    assert "password" in failing(CredentialsError, ARRIVALS, capsys)
    assert not tree(root, "bronze/")


def test_a_transient_error_is_raised_too(root: S3Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another call at the same plan: Lambda's own retry comes later."""
    plan = [[stop, None] for stop in ARRIVALS["options"]["stops"]]  # type: ignore[index]
    with Journal(root, Stream("emt", "arrivals"), plan).open():
        assert "held by" in failing(BusyError, ARRIVALS, capsys)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({}, "unknown stream"),
        ({"source": "emt", "stream": "nothing"}, "unknown stream"),
        ({**ARRIVALS, "options": {"stop": ["62"]}}, "unknown options: stop"),
        ({**ARRIVALS, "options": {"restart": ["true"]}}, "unknown options: restart"),
        ({**ARRIVALS, "options": {"stops": 62}}, "no list of texts"),
        ({**ARRIVALS, "options": {"stops": [62]}}, "no list of texts"),
        ({**ARRIVALS, "options": ["62"]}, "no object"),
        ({**ARRIVALS, "options": {"stops": ["../x"]}}, "no stop's number"),
        ({**ARRIVALS, "options": {"line": ["001", "002"]}}, "one value, not 2"),
        ({**ARRIVALS, "options": {"first": ["1.1.2025"]}}, "option first"),
        ({**ARRIVALS, "options": {"first_year": ["x"]}}, "option first_year"),
    ],
)
def test_a_mistyped_schedule_says_so(
    root: S3Path, event: dict[str, Any], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason is in the log of the first call; nothing is asked."""
    assert reason in failing(UsageError, event, capsys)
    assert not tree(root)


def test_every_option_is_a_list_of_texts(root: S3Path, provider: Provider) -> None:
    """As Terraform's type says; days and places come out of them."""
    options = {"first": ["2025-08-26"], "last": ["2025-08-27"], "location": ["valencia"]}
    functions.ingest({"source": "weatherapi", "stream": "history", "options": options}, Context())
    days = [line["request"] for line in landed(root)]
    assert [(day["q"], day["day"]) for day in days] == [
        ("valencia", "2025-08-26"), ("valencia", "2025-08-27"),
    ]  # fmt: skip
    assert all("valencia" in asked.query for asked in provider.asked)
