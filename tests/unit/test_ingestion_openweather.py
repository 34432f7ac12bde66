"""OpenWeather's client, the lake's cities, the pull of all of them, and files of a city."""

from __future__ import annotations

import gzip
import json
import logging
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from ingestion_server import (
    CANARY,
    ENVIRON,
    KEY,
    CountingClock,
    Provider,
    Say,
    everything_said,
    js,
    serving,
)
from landing_files import NOW, csv_text, envelopes, json_lines

from console.simulator import Simulator
from ingestion import cities, credentials
from ingestion.bronze import Stream
from ingestion.clock import SimulatedClock
from ingestion.landing import Landed, land, stream_of, waiting, whose
from ingestion.openweather import OpenWeatherClient
from ingestion.options import PullOptions
from ingestion.pull import pull
from lakehouse import settings
from lakehouse.errors import (
    BadInputError,
    ConfigurationError,
    CredentialsError,
    LakeError,
    UpstreamError,
    UsageError,
)
from tests import airbyte

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakehouse.settings import Settings

SECRET = credentials.openweather(settings.load({}), ENVIRON)
CITIES = cities.configured(settings.Settings().openweather_cities)
REPLY = {
    "weather": [{"id": 800, "main": "Clear", "description": "cielo claro"}],
    "main": {"temp": 9.5, "humidity": 40}, "wind": {"speed": 3}, "rain": {"1h": 0.2},
    "dt": 1_772_474_400, "timezone": -10_800, "id": 0, "name": "", "cod": 200,
}  # fmt: skip
MONDAY = datetime(2026, 3, 2, 18, 0, tzinfo=timezone.utc)


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider without a word yet."""
    with serving() as found:
        yield found


@pytest.fixture
def client(provider: Provider) -> Iterator[OpenWeatherClient]:
    """The client under test."""
    found = OpenWeatherClient(provider.url, SECRET, clock=CountingClock())
    yield found
    found.close()


def refusal(cod: Any, status: int) -> Say:
    """An error of OpenWeather that repeats the key."""
    return js({"cod": cod, "message": f"the key {KEY} is not good"}, status=status)


@pytest.mark.parametrize(
    ("name", "asked", "query"),
    [
        ("riohacha", {"q": "Riohacha,CO"}, "q=Riohacha%2CCO"),
        (
            "patagonia",
            {"lat": "-41.810147", "lon": "-68.906269"},
            "lat=-41.810147&lon=-68.906269",
        ),
    ],
)
def test_a_city_as_asked(
    provider: Provider, client: OpenWeatherClient, name: str, asked: dict[str, str], query: str
) -> None:
    """The payload is the reply; the request tells the lake's own name, and never the key."""
    provider.say(js(REPLY))
    record = client.current(CITIES[name])
    assert record.payload == REPLY
    way = {"method": "GET", "url": "/data/2.5/weather", "units": "metric", "lang": "es"}
    assert record.request == {**way, "city": name, **asked}
    assert provider.asked[0].query == f"{query}&units=metric&lang=es&appid={KEY}"


@pytest.mark.parametrize(
    ("cod", "status", "kind"),
    [
        (401, 401, CredentialsError),
        ("401", 401, CredentialsError),
        (401, 200, CredentialsError),
        ("404", 404, BadInputError),
        (404, 404, BadInputError),
        ("400", 400, BadInputError),
        (429, 200, UpstreamError),
        (None, 403, UpstreamError),
        ("odd", 401, CredentialsError),
    ],
)
def test_each_error_has_its_meaning(
    provider: Provider,
    client: OpenWeatherClient,
    caplog: pytest.LogCaptureFixture,
    cod: Any,
    status: int,
    kind: type[LakeError],
) -> None:
    """`cod` decides, a number or a text, else HTTP; exactly one call; the key is nowhere."""
    caplog.set_level(logging.DEBUG)
    provider.always(refusal(cod, status))
    with pytest.raises(LakeError) as caught:
        client.current(CITIES["riohacha"])
    assert type(caught.value) is kind
    assert len(provider.asked) == 1
    assert CANARY not in everything_said(caught.value)
    assert CANARY not in caplog.text


def test_errors_say_what_to_do(provider: Provider, client: OpenWeatherClient) -> None:
    """A new key's wait, and which city is not found, asked how."""
    provider.say(refusal(401, 401), refusal("404", 404))
    with pytest.raises(CredentialsError, match="two hours"):
        client.current(CITIES["riohacha"])
    with pytest.raises(BadInputError, match=r"no city riohacha \(q=Riohacha,CO; code 404\)"):
        client.current(CITIES["riohacha"])


def test_too_many_calls_are_tried_again(provider: Provider) -> None:
    """429 waits and asks again; when it does not end the error says later, not the key."""
    clock = CountingClock()
    client = OpenWeatherClient(provider.url, SECRET, clock=clock)
    provider.say(refusal(429, 429), js(REPLY))
    assert client.current(CITIES["riohacha"]).payload == REPLY
    assert len(clock.slept) == 1
    provider.always(refusal(429, 429))
    with pytest.raises(UpstreamError, match=r"429.*the same command later") as caught:
        client.current(CITIES["riohacha"])
    assert CANARY not in everything_said(caught.value)
    client.close()


@pytest.mark.parametrize("payload", [[], {}, {**REPLY, "main": []}, {**REPLY, "dt": None}])
def test_what_is_no_observation(
    provider: Provider, client: OpenWeatherClient, payload: Any
) -> None:
    """A reply without time or figures is an error, not a payload."""
    provider.say(js(payload))
    with pytest.raises(UpstreamError, match="HTTP 200"):
        client.current(CITIES["riohacha"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no city"),
        ("riohacha", "neither q nor lat and lon"),
        ("Río:q=x", "no city's name"),
        ("a:q=x;a:q=y", "twice"),
        ("a:lat=1", "lat and lon go together"),
        ("a:lat=91&lon=0", "lat=91 is no number from -90 to 90"),
        ("a:lat=nan&lon=0", "lat=nan"),
        ("a:q=x&q=y", "each once"),
        ("a:query=x", "'query=x' is not one of q, lat"),
        ("a:q=", "'q=' is not one of"),
        ("a:q=x&zone=Madrid", "no time zone"),
        ("a:q=x&units=metric", "units are for dropped files"),
    ],
)
def test_a_wrong_setting_says_what_is_wrong(text: str, reason: str) -> None:
    """Each mistake has its own words, and the next command is a good setting."""
    with pytest.raises(ConfigurationError, match=reason) as caught:
        cities.configured(text)
    assert cities.EXAMPLE in caught.value.next_command


def lake_of(home: Path, url: str, **more: Any) -> Settings:
    """A lake whose OpenWeather is there."""
    return settings.load({}, home=str(home), openweather_url=url, calls_per_minute=100_000, **more)


def landed(lake: Settings) -> list[dict[str, Any]]:
    """The pulled envelopes in bronze."""
    folder = lake.root / "bronze" / "openweather" / "current"
    return [
        json.loads(line)
        for file in sorted(folder.rglob("*.jsonl.gz"))
        for line in gzip.decompress(file.read_bytes()).splitlines()
    ]


def test_all_cities_of_the_setting_over_http(tmp_path: Path) -> None:
    """Each is asked its own way; of a place that the provider has no name for ours is kept."""
    clock = SimulatedClock(MONDAY)
    with Simulator(clock=clock, key=KEY) as sim:
        lake = lake_of(tmp_path, sim.openweather_url)
        result = pull(lake, "openweather", "current", clock=clock, environ=ENVIRON)
        path = sim.calls[-1].path
    assert (result.replies, result.failed, path) == (2, (), "/data/2.5/weather")
    told = [
        (line["request"]["city"], line["payload"]["name"], line["payload"]["sys"]["country"])
        for line in landed(lake)
    ]
    assert told == [("riohacha", "Riohacha", "CO"), ("patagonia", "", "")]
    assert CANARY not in json.dumps(landed(lake))


def test_a_city_that_is_not_found_stops_no_other(tmp_path: Path) -> None:
    """The failed one is named; a refused key ends all; a name that is not set is a mistake."""
    clock = SimulatedClock(MONDAY)
    setting = "atlantis:q=Atlantis;riohacha:q=Riohacha,CO"
    with Simulator(clock=clock, key=KEY) as sim:
        lake = lake_of(tmp_path, sim.openweather_url, openweather_cities=setting)

        def ask(key: str = KEY, **options: Any) -> Any:
            chosen = PullOptions(**options)
            environ = {"OPENWEATHER_API_KEY": key}
            return pull(
                lake, "openweather", "current", clock=clock, options=chosen, environ=environ
            )

        result = ask()
        assert (result.replies, len(result.failed)) == (1, 1)
        assert "no city atlantis (q=Atlantis; code 404)" in result.failed[0]
        with pytest.raises(BadInputError, match="city not found"):
            ask(cities=("atlantis",))
        with pytest.raises(CredentialsError, match="Invalid API key"):
            ask(key="another")
        with pytest.raises(UsageError, match="no city quito in LAKE_OPENWEATHER_CITIES: atlantis"):
            ask(cities=("quito",))
        clock.set(MONDAY + timedelta(days=1))
        assert ask(cities=("riohacha",)).replies == 1


def drop(root: Path, path: str, content: bytes, told: str = "", setting: str = "") -> Landed:
    """Put a file below raw and land it as `lake land` does."""
    lake = settings.load({"LAKE_OPENWEATHER_CITIES": setting}, home=str(root))
    file = root / "raw" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    ((found, stream),) = waiting(root, settle_sec=0)
    place = whose(stream, found, told, lake)
    return land(root, found, stream, now=NOW, location=place, keep_source=False)


@pytest.mark.parametrize("form", [airbyte.before_1_0, airbyte.since_1_0])
def test_airbyte_in_both_forms(tmp_path: Path, form: Any) -> None:
    """The city is that of the path, the reply's fields are at the root, times are texts."""
    path = "airbyte/openweather/city-Riohacha/year=2026/month=03/day=02/2026_03_02_1_0.parquet"
    done = drop(tmp_path, path, form(REPLY, {**REPLY, "dt": 1_772_478_000}, at=MONDAY))
    assert (done.status, done.rows, str(done.stream)) == ("landed", 2, "openweather/airbyte")
    lines = envelopes(done)
    asked = {"units": "metric", "city": "riohacha", "q": "Riohacha,CO"}
    assert [line["request"] for line in lines] == [asked, asked]
    payload = lines[0]["payload"]
    assert payload["main"]["temp"] == 9.5
    assert payload["weather"][0]["main"] == "Clear"
    assert payload["rain"].get("1h", payload["rain"].get("_1h")) == 0.2
    when = payload.get("_airbyte_emitted_at") or payload["_airbyte_extracted_at"]
    assert datetime.fromisoformat(when) == MONDAY


def test_files_by_hand(tmp_path: Path) -> None:
    """A file's city and day are those of its path; a setting's coordinates go with the name."""
    path = "manual/city-valencia/ingest_date=2026-03-03/a.json"
    setting = "valencia:lat=39.47&lon=-0.38&zone=Europe/Madrid"
    done = drop(tmp_path, path, json_lines(REPLY), setting=setting)
    assert str(done.stream) == "openweather/manual"
    assert [line["request"] for line in envelopes(done)] == [
        {
            "units": "metric", "city": "valencia", "lat": "39.47", "lon": "-0.38",
            "zone": "Europe/Madrid", "ingest_date": "2026-03-03",
        }
    ]  # fmt: skip
    later = "manual/city-valencia/ingest_date=2026-03-04/a.json"
    assert drop(tmp_path, later, json_lines(REPLY), setting=setting).reason == ""
    other = drop(tmp_path, later, json_lines(REPLY), told="oslo")
    assert (other.status, "city=valencia" in other.reason) == ("known", True)


def test_history_is_in_kelvin_if_not_told_otherwise(tmp_path: Path) -> None:
    """A bulk file's unit is the stream's; the option tells another, and the place."""
    rows = csv_text(
        ["time", "temp", "humidity", "weather_id"], ["2016-01-01 00:00:00+01:00", "3", "4", "800"]
    )
    path = "openweather/history/city-oslo/a.csv"
    assert envelopes(drop(tmp_path, path, rows))[0]["request"] == {
        "units": "standard",
        "city": "oslo",
    }
    told = "oslo:lat=59.9&lon=10.7&units=metric"
    line = envelopes(drop(tmp_path, path, rows + b"\n", told=told))[0]["request"]
    assert line == {"units": "metric", "city": "oslo", "lat": "59.9", "lon": "10.7"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (json_lines({"cod": "404", "message": "city not found"}), "missing dt, main"),
        (json_lines({"temp_c": 3, "dt": 1}), "missing main; unknown temp_c"),
    ],
)
def test_what_is_no_reply_is_quarantined(tmp_path: Path, content: bytes, reason: str) -> None:
    """An error page of the service, or another's fields, with what is missing."""
    done = drop(tmp_path, "manual/city-oslo/a.json", content)
    assert (done.status, reason in done.reason) == ("quarantined", True), done.reason


def test_a_file_without_a_city_is_told(tmp_path: Path) -> None:
    """Neither the path nor the call names one: the setting of another source never does."""
    with pytest.raises(UsageError, match=r"of which city is 'a\.json'"):
        drop(tmp_path, "manual/a.json", json_lines(REPLY))
    with pytest.raises(UsageError, match="no city's name"):
        drop(tmp_path, "manual/a.json", json_lines(REPLY), told="Ñ")


def test_whose_folder_it_is(tmp_path: Path) -> None:
    """The drop zone's folders: a stream's own, and the one that Airbyte or a person writes to."""
    raw = tmp_path / "raw"
    expected = {
        "openweather/airbyte/city-a/x": Stream("openweather", "airbyte"),
        "airbyte/openweather/city-a/x": Stream("openweather", "airbyte"),
        "airbyte/x": None,
        "manual/x": Stream("openweather", "manual"),
        "manual": None,
        "openweather/history/x": Stream("openweather", "history"),
    }
    for path in expected:
        if path != "manual":
            (raw / path).parent.mkdir(parents=True, exist_ok=True)
            (raw / path).touch()
    assert {path: stream_of(raw / path, raw) for path in expected} == expected
