"""The producer: one question, one record, put again until it is taken, with the same event id."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from ingestion_server import CANARY, KEY, CountingClock, Provider, Say, js, serving

from ingestion.bronze import instant
from lakehouse import log
from lakehouse.errors import (
    ConfigurationError,
    CredentialsError,
    LakeError,
    StorageError,
    UpstreamError,
    UsageError,
)
from streaming import functions, producer, sender
from tests.stream import NOON, answer, record, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

LEFT_MS = 60_000
TAKEN = {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "r"}]}
REFUSED = {
    "FailedPutCount": 1,
    "RequestResponses": [{"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "slow"}],
}


class World:
    """WeatherAPI and AWS, scripted."""

    def __init__(self, weather: Provider, aws: Provider) -> None:
        self.weather, self.aws, self.clock = weather, aws, CountingClock(NOON)

    def environ(self, **changes: str) -> dict[str, str]:
        """The function's environment."""
        return {
            "LAKE_WEATHERAPI_URL": self.weather.url,
            "LAKE_ENDPOINT": self.aws.url,
            "AWS_REGION": "eu-south-2",
            "LAKE_STREAM": "lake-dev-weather",
            "LAKE_STREAM_SOURCE": "direct",
            "WEATHERAPI_KEY": KEY,
            **changes,
        }

    def observe(self, location: str = "", **changes: str) -> dict[str, Any]:
        """Run the producer."""
        return producer.observe(
            location=location, left_ms=LEFT_MS, clock=self.clock, environ=self.environ(**changes)
        )

    def put(self) -> list[dict[str, Any]]:
        """What AWS was asked, call by call."""
        return [asked.body for asked in self.aws.asked]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Both servers, without a word yet but for the weather."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "TEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with serving() as weather, serving() as aws:
        weather.always(js(answer()))
        yield World(weather, aws)


def test_the_answer_is_put_as_one_record(world: World) -> None:
    """As answered, with what was asked and when, without the key; the transformation takes it."""
    world.aws.say(js(TAKEN))
    said = world.observe()
    (call,) = world.put()
    assert call["DeliveryStreamName"] == "lake-dev-weather"
    (put,) = call["Records"]
    data = base64.b64decode(put["Data"])
    found = json.loads(data)
    assert found == {
        "event_id": said["event_id"],
        "source": "weatherapi",
        "stream": "current",
        "fetched_at": instant(NOON),
        "request": {"method": "GET", "url": "/v1/current.json", "q": "madrid"},
        "payload": answer(),
    }
    assert CANARY not in data.decode()
    (row,) = rows([data])
    assert (row["event_id"], row["temp_c"], row["unfit"]) == (said["event_id"], 26.1, None)
    assert (said["tries"], world.clock.slept) == (1, [])


def test_another_place(world: World) -> None:
    """The event may name it; the setting is for the others."""
    world.aws.always(js(TAKEN))
    world.observe("Getafe")
    world.observe(LAKE_WEATHER_LOCATION="Alcalá")
    assert "q=Getafe" in world.weather.asked[0].query
    assert "q=Alcal%C3%A1" in world.weather.asked[1].query


def test_what_was_refused_is_put_again(world: World) -> None:
    """After a pause, the same record with the same event id: the same answer, asked once."""
    world.aws.say(js(REFUSED), Say(status=500), Say(drop=True), js(TAKEN))
    said = world.observe()
    calls = world.put()
    assert len(calls) == said["tries"] == 4
    assert all(call == calls[0] for call in calls)
    assert len(world.weather.asked) == 1
    first, second, third = world.clock.slept
    assert 0 < first < 0.5 < second + third < 4


def test_an_end_to_trying(world: World) -> None:
    """A stream that never takes it is an error that names it, with the code."""
    world.aws.always(js(REFUSED))
    with pytest.raises(StorageError, match=r"lake-dev-weather.*ServiceUnavailableException"):
        world.observe()
    assert len(world.put()) == sender.MAX_TRIES


def test_kinesis_gets_the_place_as_key(world: World) -> None:
    """PutRecords, with its own answer's words; the records of a place stay in order."""
    refused = {"FailedRecordCount": 1, "Records": [{"ErrorCode": "InternalFailure"}]}
    taken = {"FailedRecordCount": 0, "Records": [{"SequenceNumber": "1", "ShardId": "s"}]}
    world.aws.say(js(refused), js(taken))
    said = world.observe(LAKE_STREAM_SOURCE="kinesis")
    first, second = world.put()
    assert first == second
    assert first["StreamName"] == "lake-dev-weather"
    assert [r["PartitionKey"] for r in first["Records"]] == ["madrid"]
    assert said["tries"] == 2
    assert world.aws.asked[0].headers["X-Amz-Target"] == "Kinesis_20131202.PutRecords"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDeniedException", CredentialsError),
        ("ResourceNotFoundException", ConfigurationError),
        ("InvalidArgumentException", ConfigurationError),
    ],
)
def test_what_trying_cannot_mend(world: World, code: str, kind: type[LakeError]) -> None:
    """A stream that is not there, or not for us, is said at once."""
    world.aws.always(js({"__type": code, "message": "no"}, status=400))
    with pytest.raises(LakeError, match="lake-dev-weather") as caught:
        world.observe()
    assert type(caught.value) is kind
    assert len(world.put()) == 1


def test_no_answer_no_record(world: World) -> None:
    """What WeatherAPI refuses is not put, and the error shows no key."""
    world.weather.say(js({"error": {"code": 9999, "message": KEY}}, status=400))
    with pytest.raises(UpstreamError) as caught:
        world.observe()
    assert CANARY not in str(caught.value)
    assert world.put() == []


def test_asking_leaves_time_for_putting(world: World) -> None:
    """A provider that keeps failing is given up before the function's time is over."""
    world.weather.always(Say(status=503, headers={"Retry-After": "20"}))
    with pytest.raises(UpstreamError):
        world.observe()
    assert sum(world.clock.slept) < LEFT_MS / 1000 - 35


@pytest.mark.parametrize("changes", [{"LAKE_STREAM": ""}, {"LAKE_STREAM_SOURCE": "kafka"}])
def test_a_stream_that_is_not_configured(world: World, changes: dict[str, str]) -> None:
    """It is said before anybody is asked."""
    with pytest.raises(ConfigurationError, match="LAKE_STREAM"):
        world.observe(**changes)
    assert world.weather.asked == []


def test_the_function_gives_its_event_and_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handler's environment is the process's, its place the event's."""

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return LEFT_MS

    monkeypatch.setattr(log, "configure", lambda: None)
    for name, value in world.environ().items():
        monkeypatch.setenv(name, value)
    world.aws.always(js(TAKEN))
    said = functions.observe({"location": "Getafe"}, Context())
    assert (said["stream"], said["tries"]) == ("lake-dev-weather", 1)
    assert "q=Getafe" in world.weather.asked[0].query


class Scripted:
    """A stream that refuses what it is told to, by event id and times."""

    name = "scripted"

    def __init__(self, refuse: dict[str, int]) -> None:
        self.refuse, self.calls = dict(refuse), list[list[str]]()

    def put(self, messages: list[sender.Message]) -> list[str]:
        """Why each was not taken."""
        self.calls.append([m.event_id for m in messages])
        whys = []
        for message in messages:
            left = self.refuse.get(message.event_id, 0)
            self.refuse[message.event_id] = left - 1
            whys.append("Throttled" if left > 0 else "")
        return whys


def messages(*sizes: int) -> list[sender.Message]:
    """Messages of so many bytes, called a, b, c and so on."""
    return [sender.Message(chr(97 + n % 26), "", b"x" * size) for n, size in enumerate(sizes)]


def test_only_what_failed_is_put_again() -> None:
    """The others are not doubled."""
    stream = Scripted({"b": 2, "d": 1})
    assert sender.send(stream, messages(1, 1, 1, 1), clock=CountingClock()) == 3
    assert stream.calls == [["a", "b", "c", "d"], ["b", "d"], ["b"]]


def test_calls_stay_within_the_limits() -> None:
    """At most 500 records and 4 MB a call; each record in exactly one."""
    stream = Scripted({})
    sender.send(stream, messages(*[1] * 501), clock=CountingClock())
    assert [len(call) for call in stream.calls] == [500, 1]
    large = Scripted({})
    sender.send(large, messages(*[1_000_000] * 6), clock=CountingClock())
    assert [len(call) for call in large.calls] == [4, 2]


def test_a_record_too_large_is_refused() -> None:
    """No service takes it, however often it is put."""
    with pytest.raises(UsageError, match="over 1024000"):
        sender.send(Scripted({}), messages(1_024_001), clock=CountingClock())


def test_an_answer_that_contradicts_itself() -> None:
    """Counts that do not agree are no success."""

    class Client:
        def put_record_batch(self, **_: Any) -> dict[str, Any]:
            return {"FailedPutCount": 1, "RequestResponses": [{"RecordId": "r"}]}

    stream = sender.FirehoseStream(Client(), "odd")
    with pytest.raises(StorageError, match="1 failed"):
        sender.send(stream, messages(1), clock=CountingClock())


def test_event_ids_tell_answers_apart() -> None:
    """The same answer at the same time is the same event; any difference makes another."""
    events = [record(answer()), record(answer()), record(answer(1)), record(answer(), place="x")]
    ids = [json.loads(one)["event_id"] for one in events]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
