"""Pulling streams into bronze, by the function and by the command."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from ingestion_server import (
    CANARY,
    ENVIRON,
    LOGIN,
    CountingClock,
    Provider,
    Say,
    emt,
    js,
    logged_in,
    serving,
)
from typer.testing import CliRunner, Result

from console import ingest
from ingestion.bronze import Stream
from ingestion.options import PullOptions, PullResult
from ingestion.pull import pull
from ingestion.streams import kind
from lakehouse import settings
from lakehouse.errors import (
    BadInputError,
    ConfigurationError,
    CredentialsError,
    LakeError,
    UpstreamError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakehouse.settings import Settings

PROJECT = Path(__file__).parents[2]
LINES = emt("00", [{"line": "361", "label": "001"}, {"line": "27", "label": "27"}])
STOPS = emt("00", [{"node": "62", "name": "A"}, {"node": "1390", "name": "B"}, {"node": "7"}])
ARRIVE = emt("00", [{"Arrive": [], "StopInfo": [], "Incident": {}}])
OF_LINE = emt("00", [{"line": "361", "timeTable": [], "stops": []}])
WEATHER = js({"location": {"name": "Madrid"}, "current": {"temp_c": 23}})
PAST = js({"location": {"name": "Madrid"}, "forecast": {"forecastday": []}})


@pytest.fixture
def provider() -> Iterator[Provider]:
    """Both providers at once, who answer everything."""
    with serving() as found:
        for on, said in (
            (LOGIN, logged_in()),
            ("/lines/info/", LINES),
            ("/stops/list/", STOPS),
            ("/arrives/", ARRIVE),
            ("/busemtmad/lines/361/stops/", OF_LINE),
            ("/busemtmad/lines/027/stops/", OF_LINE),
            ("/calendar/", emt("00", [{"date": "02/03/2026 0:00:00", "dayType": "LA"}])),
            ("/v1/current.json", WEATHER),
            ("/v1/history.json", PAST),
        ):
            found.always(said, on=on)
        yield found


@pytest.fixture
def lake(tmp_path: Path, provider: Provider) -> Settings:
    """A lake whose sources are that provider."""
    return settings.load(
        {},
        home=str(tmp_path / "lake"),
        emt_url=provider.url,
        weatherapi_url=provider.url,
        calls_per_minute=1_000,
    )


def pulled(
    lake: Settings, stream: str, options: PullOptions | None = None, clock: Any = None
) -> PullResult:
    """Pull `source/stream`."""
    source, name = stream.split("/")
    options = options or PullOptions()
    clock = clock or CountingClock()
    return pull(lake, source, name, clock=clock, options=options, environ=ENVIRON)


def landed(lake: Settings, stream: str) -> list[dict[str, Any]]:
    """The envelopes of a stream in bronze."""
    return [
        json.loads(line)
        for file in sorted((lake.root / "bronze" / stream).rglob("*.jsonl.gz"))
        for line in gzip.decompress(file.read_bytes()).splitlines()
    ]


@pytest.mark.parametrize(
    ("stream", "options", "paths"),
    [
        ("emt/lines", {}, ["/v2/transport/busemtmad/lines/info/20260302/"]),
        ("emt/stops", {}, ["/v1/transport/busemtmad/stops/list/"]),
        ("emt/calendar", {}, ["/v1/transport/busemtmad/calendar/20260101/20261231/"]),
        (
            "emt/calendar",
            {"first": date(2025, 1, 1), "last": date(2025, 2, 1)},
            ["/v1/transport/busemtmad/calendar/20250101/20250201/"],
        ),
        (
            "emt/arrivals",
            {"stops": ("62", "7"), "line": "27"},
            [f"/v2/transport/busemtmad/stops/{stop}/arrives/027/" for stop in (62, 7)],
        ),
        (
            "emt/timetables",
            {"lines": ("27",)},
            [f"/v1/transport/busemtmad/lines/027/stops/{direction}/" for direction in (1, 2)],
        ),
        ("weatherapi/current", {}, ["/v1/current.json"]),
        (
            "weatherapi/history",
            {"first": date(2025, 8, 26), "last": date(2025, 8, 28)},
            ["/v1/history.json"] * 3,
        ),
    ],
)
def test_each_stream(
    lake: Settings, provider: Provider, stream: str, options: dict[str, Any], paths: list[str]
) -> None:
    """Each stream asks its calls, and what is answered is what such a stream is made of."""
    done = pulled(lake, stream, PullOptions(**options))
    assert [path for path in provider.paths() if path != LOGIN] == paths
    found = landed(lake, stream)
    assert done.replies == len(found) == len(paths)
    assert all(kind(Stream.parse(stream)).problem(line["payload"]) == "" for line in found)
    assert {(line["source"], line["stream"]) for line in found} == {tuple(stream.split("/"))}
    assert all(line["origin"]["uri"].startswith(f"bronze/{stream}/") for line in found)


def test_the_login_counts_for_all_calls(lake: Settings, provider: Provider) -> None:
    """One pull logs in once, whatever the number of its calls."""
    pulled(lake, "emt/arrivals", PullOptions(stops=("62", "7", "1390")))
    assert provider.paths().count(LOGIN) == 1


def test_all_stops(lake: Settings, provider: Provider) -> None:
    """`all` is every stop that EMT lists; the list is landed too, and asked for once a week."""
    clock = CountingClock()
    for _ in range(2):
        assert pulled(lake, "emt/arrivals", PullOptions(stops=("all",)), clock).replies == 3
    asked = [line["request"]["stop"] for line in landed(lake, "emt/arrivals")[:3]]
    assert asked == ["7", "62", "1390"]
    assert provider.paths().count("/v1/transport/busemtmad/stops/list/") == 1
    assert len(landed(lake, "emt/stops")) == 1
    clock.sleep(9 * 86_400)
    pulled(lake, "emt/arrivals", PullOptions(stops=("all",)), clock)
    assert provider.paths().count("/v1/transport/busemtmad/stops/list/") == 2


def test_an_empty_list_of_stops(lake: Settings, provider: Provider) -> None:
    """If EMT lists no stops, that is an error, not a plan of nothing."""
    provider.always(emt("00", []), on="/stops/list/")
    with pytest.raises(UpstreamError, match="lists no stops"):
        pulled(lake, "emt/arrivals", PullOptions(stops=("all",)))


def test_timetables_of_every_line(lake: Settings) -> None:
    """Without lines named, both directions of every listed line are asked, by 3-digit codes."""
    assert pulled(lake, "emt/timetables").replies == 4
    asked = {
        (r["line"], r["direction"]) for r in (x["request"] for x in landed(lake, "emt/timetables"))
    }
    assert asked == {("361", 1), ("361", 2), ("027", 1), ("027", 2)}


def test_the_place_of_the_weather(lake: Settings, provider: Provider) -> None:
    """The place is the setting's unless one is named; the request keeps it for silver."""
    pulled(lake, "weatherapi/current")
    pulled(lake, "weatherapi/current", PullOptions(location="soria"))
    assert [line["request"]["q"] for line in landed(lake, "weatherapi/current")] in (
        ["madrid", "soria"],
        ["soria", "madrid"],
    )
    assert len(provider.asked) == 2


def test_nothing_secret_is_written(lake: Settings, provider: Provider) -> None:
    """No file of the lake holds e-mail, password, key or token, after failures too."""
    pulled(lake, "emt/arrivals", PullOptions(stops=("62",)))
    pulled(lake, "weatherapi/current")
    provider.say(Say(f"<p>{CANARY}</p>".encode(), 403), on="/arrives/")
    provider.say(emt("98", [], CANARY), on="/arrives/")
    with pytest.raises(LakeError):
        pulled(lake, "emt/arrivals", PullOptions(stops=("62", "7")))
    files = [path for path in lake.root.rglob("*") if path.is_file()]
    texts = [
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in files
    ]
    assert len(files) > 3
    assert not [path for path, text in zip(files, texts, strict=True) if CANARY.encode() in text]


def test_the_quota_ends_a_plan_at_once(lake: Settings, provider: Provider) -> None:
    """98 in the middle: no further call, what was answered is kept, the next run goes on."""
    provider.say(ARRIVE, emt("98", []), on="/arrives/")
    options = PullOptions(stops=("62", "7", "1390"))
    with pytest.raises(CredentialsError, match="used up"):
        pulled(lake, "emt/arrivals", options)
    assert len(provider.paths()) == 3
    assert pulled(lake, "emt/arrivals", options).replies == 2
    assert [path.split("/")[5] for path in provider.paths()[4:]] == ["7", "1390"]


def test_our_own_quota(lake: Settings, provider: Provider) -> None:
    """The setting's quota is kept, over commands too, and without asking EMT."""
    small = settings.load(
        {}, home=lake.home, emt_url=lake.emt_url, emt_daily_quota=12, calls_per_minute=1_000
    )
    with pytest.raises(CredentialsError, match="12 EMT calls"):
        pulled(small, "emt/arrivals", PullOptions(stops=("1", "2", "3", "4")))
    asked = len(provider.paths())
    assert 1 <= asked - 1 <= 3
    with pytest.raises(CredentialsError, match="12 EMT calls"):
        pulled(small, "emt/lines")
    assert len(provider.paths()) == asked


def test_the_pace_of_the_setting(lake: Settings) -> None:
    """Calls are spread by calls_per_minute."""
    clock = CountingClock()
    slow = settings.load({}, home=lake.home, emt_url=lake.emt_url, calls_per_minute=60)
    pulled(slow, "emt/arrivals", PullOptions(stops=("1", "2", "3")), clock)
    assert sum(clock.slept) == pytest.approx(2)


def test_a_missing_secret_is_named_before_any_call(lake: Settings, provider: Provider) -> None:
    """Without credentials nothing is asked."""
    with pytest.raises(CredentialsError, match="EMT_EMAIL"):
        pull(lake, "emt", "lines", clock=CountingClock(), environ={})
    assert provider.asked == []


def test_a_place_nobody_knows(lake: Settings, provider: Provider) -> None:
    """A wrong place is bad input, not a reply."""
    error = {"error": {"code": 1006, "message": "No matching location found."}}
    provider.always(js(error, status=400), on="/v1/current.json")
    with pytest.raises(BadInputError, match="knows no place 'atlantis'"):
        pulled(lake, "weatherapi/current", PullOptions(location="atlantis"))
    assert landed(lake, "weatherapi/current") == []


def test_a_provider_that_is_away(lake: Settings) -> None:
    """A source that doesn't answer is exit code 69, and nothing is landed."""
    away = settings.load({}, home=lake.home, emt_url="http://127.0.0.1:9")
    with pytest.raises(UpstreamError) as caught:
        pulled(away, "emt/lines")
    assert caught.value.exit_code == 69
    assert landed(lake, "emt/lines") == []


def test_a_base_url_in_clear(lake: Settings) -> None:
    """Passwords are not sent over http to another machine."""
    clear = settings.load({}, home=lake.home, emt_url="http://openapi.emtmadrid.es")
    with pytest.raises(ConfigurationError, match="only https"):
        pulled(clear, "emt/lines")


@pytest.mark.parametrize(
    "wrong",
    [
        {"stops": ("../login",)},
        {"line": "C1"},
        {"lines": ("068", "SE1")},
        {"first": date(2026, 1, 2), "last": date(2026, 1, 1)},
        {"first": date(2020, 1, 1), "last": date(2026, 1, 1)},
    ],
)
def test_options_that_are_refused(wrong: dict[str, Any]) -> None:
    """Labels for codes, paths for stops and days in the wrong order are refused at once."""
    with pytest.raises(UsageError):
        PullOptions(**wrong)


@pytest.mark.parametrize("stream", ["emt/arrivals", "emt/cranes", "weatherapi/history"])
def test_calls_that_lack_something(lake: Settings, provider: Provider, stream: str) -> None:
    """An unknown stream, and a known one without what it needs, are a matter of usage."""
    with pytest.raises(UsageError):
        pulled(lake, stream)
    assert provider.asked == []


def test_the_derived_calendar(lake: Settings) -> None:
    """Every day from January of the first year to December of the next one, generated."""
    (file,) = pulled(lake, "calendar/derived", PullOptions(first_year=2026)).files
    rows = landed(lake, "calendar/derived")
    assert [row["payload"]["day"] for row in rows[:1] + rows[-1:]] == ["2026-01-01", "2027-12-31"]
    assert len(rows) == 730
    assert rows[0]["payload"]["day_type"] == "FE"
    assert rows[0]["origin"] == {
        "uri": "generated/calendar/derived",
        "sha256": file.name.removesuffix(".jsonl.gz"),
        "row": 1,
        "sheet": None,
    }


def test_the_same_calendar_lands_once(lake: Settings) -> None:
    """The calendar is named by its content alone, so another day's pull adds nothing."""
    clock = CountingClock()
    first = pulled(lake, "calendar/derived", clock=clock).files
    clock.sleep(30 * 86_400)
    assert pulled(lake, "calendar/derived", clock=clock).files == first
    clock.sleep(365 * 86_400)
    assert pulled(lake, "calendar/derived", clock=clock).files != first


@pytest.fixture
def command(lake: Settings, provider: Provider) -> Callable[..., Result]:
    """Call `lake ingest` with these words."""
    app = typer.Typer()
    ingest.register(app)
    app.command("other")(lambda: None)
    env = {
        "LAKE_HOME": lake.home,
        "LAKE_EMT_URL": provider.url,
        "LAKE_WEATHERAPI_URL": provider.url,
        "LAKE_CALLS_PER_MINUTE": "100000",
        **ENVIRON,
    }
    return lambda *words: CliRunner().invoke(app, ["ingest", *words], env=env)


def test_the_command_in_json(command: Callable[..., Result], lake: Settings) -> None:
    """Stdout is the summary as JSON and nothing else; progress is on stderr."""
    result = command("emt", "arrivals", "--stops", "62, 7", "--line", "361", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (said["stream"], said["replies"], said["failed"]) == ("emt/arrivals", 2, [])
    assert [Path(file).is_file() for file in said["files"]] == [True]
    assert "emt/arrivals" in result.stderr
    assert [line["request"]["line"] for line in landed(lake, "emt/arrivals")] == ["361", "361"]


def test_the_command_for_people(command: Callable[..., Result]) -> None:
    """Without --json it prints a table."""
    result = command("weatherapi", "current")
    assert result.exit_code == 0, result.output
    assert "weatherapi/current" in result.stdout


def test_the_command_tells_of_failed_calls(
    command: Callable[..., Result], provider: Provider
) -> None:
    """A call without an answer is named, and the exit code says that not all is there."""
    provider.say(ARRIVE, emt("55", []), ARRIVE, on="/arrives/")
    result = command("emt", "arrivals", "--stops", "62,7,1390", "--json")
    said = json.loads(result.stdout)
    assert (said["replies"], len(said["failed"])) == (2, 1)
    assert isinstance(result.exception, UpstreamError)
    assert "1 of 3 calls" in result.exception.message


def test_the_command_refuses_a_day(command: Callable[..., Result], provider: Provider) -> None:
    """A day that is none is named with its option."""
    result = command("weatherapi", "history", "--from", "yesterday")
    assert isinstance(result.exception, UsageError)
    assert "--from" in result.exception.message
    assert provider.asked == []


def test_help_loads_nothing_heavy() -> None:
    """The command line as such loads neither the HTTP library nor AWS's nor the holidays."""
    script = (
        "import sys, typer; from console import ingest; ingest.register(typer.Typer());"
        "sys.exit(any(name in sys.modules for name in ('requests', 'boto3', 'holidays')))"
    )
    done = subprocess.run([sys.executable, "-B", "-c", script], cwd=PROJECT, check=False)
    assert done.returncode == 0
