"""The HTTP client: bounded in time, size and tries; strict; silent about secrets."""

from __future__ import annotations

import gzip
import logging
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from ingestion_server import KEY, CountingClock, Provider, Say, everything_said, js, serving

from ingestion.addresses import checked
from ingestion.http import Client, Limits
from lakehouse.errors import ConfigurationError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Iterator

HTML = Say(b"<html><body>gateway</body></html>", headers={"Content-Type": "text/html"})


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider without a word yet."""
    with serving() as found:
        yield found


@pytest.fixture
def clock() -> CountingClock:
    """A clock that takes no time."""
    return CountingClock()


def client(provider: Provider, clock: CountingClock, **limits: float) -> Client:
    """A client of the provider."""
    return Client(provider.url, clock=clock, secrets=(KEY,), limits=Limits(**limits))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_passing_failures_are_asked_again(
    provider: Provider, clock: CountingClock, status: int
) -> None:
    """Too many requests and server errors are asked again, POST included."""
    provider.say(Say(status=status), Say(status=status), js({"fine": 1}))
    assert client(provider, clock).call("POST", "/a", body=[]).payload == {"fine": 1}
    assert len(provider.asked) == 3


def test_a_lost_connection_is_asked_again(provider: Provider, clock: CountingClock) -> None:
    """A connection closed without an answer is tried again."""
    provider.say(Say(drop=True), js({"fine": 1}))
    assert client(provider, clock).call("GET", "/a").payload == {"fine": 1}


def test_a_body_cut_short_is_asked_again(provider: Provider, clock: CountingClock) -> None:
    """A body shorter than its Content-Length is no answer, even where it parses."""
    provider.say(Say(b"[1]", said_bytes=900), js([1, 2]))
    assert client(provider, clock).call("GET", "/a").payload == [1, 2]


def test_tries_are_bounded(provider: Provider, clock: CountingClock) -> None:
    """After the last try the error names the call, the status and the number of tries."""
    provider.always(Say(status=503))
    with pytest.raises(UpstreamError, match=r"GET http://127.0.0.1:\d+/a: HTTP 503 \(3 tries\)"):
        client(provider, clock, tries=3).call("GET", "/a")
    assert len(provider.asked) == 3


def test_waits_grow(provider: Provider, clock: CountingClock) -> None:
    """The waits between tries at least double, with a jitter of at most one step."""
    provider.always(Say(status=500))
    with pytest.raises(UpstreamError):
        client(provider, clock, backoff_sec=1).call("GET", "/a")
    floors = [0, 2, 4, 8]
    assert len(clock.slept) == len(floors)
    assert all(f < waited <= f + 1 for f, waited in zip(floors, clock.slept, strict=True))


def test_retry_after_in_seconds(provider: Provider, clock: CountingClock) -> None:
    """The provider isn't asked again before the time it named."""
    provider.say(Say(status=429, headers={"Retry-After": "7"}), js(1))
    client(provider, clock).call("GET", "/a")
    assert 7 <= sum(clock.slept) <= 7.5


def test_retry_after_as_a_date(provider: Provider, clock: CountingClock) -> None:
    """Retry-After may be an HTTP date."""
    date = datetime.now(timezone.utc) + timedelta(seconds=30)
    header = {"Retry-After": format_datetime(date, usegmt=True)}
    provider.say(Say(status=503, headers=header), js(1))
    client(provider, clock).call("GET", "/a")
    assert 27 <= sum(clock.slept) <= 30.5


def test_retry_after_that_is_too_long(provider: Provider, clock: CountingClock) -> None:
    """A wait above the cap ends the call at once: neither waited for nor ignored."""
    provider.say(Say(status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(UpstreamError, match="asks to wait 3600 s"):
        client(provider, clock, total_sec=9_999).call("GET", "/a")
    assert (len(provider.asked), clock.slept) == (1, [])


def test_retry_after_that_is_nonsense(provider: Provider, clock: CountingClock) -> None:
    """A Retry-After nobody can read counts as none."""
    provider.always(Say(status=429, headers={"Retry-After": "soon"}))
    with pytest.raises(UpstreamError, match=r"HTTP 429 \(2 tries\)"):
        client(provider, clock, tries=2).call("GET", "/a")


def test_total_deadline_over_tries(provider: Provider, clock: CountingClock) -> None:
    """All tries and waits together stay within the deadline."""
    provider.always(Say(status=503, headers={"Retry-After": "40"}))
    with pytest.raises(UpstreamError):
        client(provider, clock, total_sec=100).call("GET", "/a")
    assert len(provider.asked) == 3
    assert sum(clock.slept) <= 100


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_reply_that_drips(provider: Provider, clock: CountingClock, where: str) -> None:
    """A reply that comes byte by byte is cut when its time is over, and then asked for again."""
    whole = b'{"fine": 1}'
    provider.say(Say(whole + b" " * 500, drip_sec=0.02, drip_from=where), Say(whole))
    began = time.monotonic()
    assert client(provider, clock, read_sec=0.1).call("GET", "/a").payload == {"fine": 1}
    assert time.monotonic() - began < 1


def test_dripping_ends_with_the_deadline(provider: Provider, clock: CountingClock) -> None:
    """A provider that always drips can't outlast the deadline of the call."""
    provider.always(Say(b" " * 500, drip_sec=0.02))
    began = time.monotonic()
    with pytest.raises(UpstreamError, match="timed out"):
        client(provider, clock, total_sec=0.15).call("GET", "/a")
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "said",
    [
        HTML,
        Say(b'{"code": "00", "data": ['),
        Say(b'{"value": NaN}'),
        Say(b'{"value": 1e999}'),
        Say('{"name": "Núñez"}'.encode("latin-1")),
        Say(b'{"name": "\\ud800"}'),
        Say(b""),
        Say(b"[" * 100_000),
        Say(b"not gzip", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["html", "cut", "nan", "infinite", "latin-1", "surrogate", "empty", "deep", "gzip-lie"],
)
def test_what_is_no_json(provider: Provider, clock: CountingClock, said: Say) -> None:
    """What isn't strict JSON in UTF-8 never becomes a payload, whatever its status says."""
    provider.always(said)
    with pytest.raises(UpstreamError, match=r"no JSON|DecodeError"):
        client(provider, clock, tries=2).call("GET", "/a")


def test_the_sample_is_short_and_redacted(provider: Provider, clock: CountingClock) -> None:
    """The sample of a bad body shows neither the secret nor the whole page."""
    provider.always(Say(f"<p>{KEY} password=other-word</p>{'x' * 9_000}".encode()))
    with pytest.raises(UpstreamError, match=r"<p>\*\*\*") as caught:
        client(provider, clock, tries=1).call("GET", "/a")
    said = everything_said(caught.value)
    assert KEY not in said
    assert "other-word" not in said
    assert len(caught.value.message) < 300


def test_size_is_capped(provider: Provider, clock: CountingClock) -> None:
    """A reply larger than the cap is not read on, and not asked for again."""
    provider.always(Say(b" " * 5_000))
    with pytest.raises(UpstreamError, match="more than 1,000 bytes"):
        client(provider, clock, body_bytes=1_000).call("GET", "/a")
    assert len(provider.asked) == 1


def test_size_is_capped_after_unpacking(provider: Provider, clock: CountingClock) -> None:
    """A small gzip body that becomes a large one is stopped too."""
    packed = gzip.compress(b" " * 5_000_000)
    provider.always(Say(packed, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(UpstreamError, match="more than 100,000 bytes"):
        client(provider, clock, body_bytes=100_000).call("GET", "/a")


def test_redirects_are_not_followed(provider: Provider, clock: CountingClock) -> None:
    """A redirect could carry the password elsewhere, so it is an error."""
    provider.always(Say(status=302, headers={"Location": f"{provider.url}/b"}))
    with pytest.raises(UpstreamError, match="not followed"):
        client(provider, clock).call("GET", "/a")
    assert provider.paths() == ["/a"]


def test_refusals_are_answers(provider: Provider, clock: CountingClock) -> None:
    """A 4xx is the provider's word: returned after one try, JSON or not."""
    provider.say(js({"error": 1}, status=403), Say(b"<p>no</p>", status=404))
    calls = client(provider, clock)
    first, second = calls.call("GET", "/a"), calls.call("GET", "/a")
    assert (first.status, first.payload) == (403, {"error": 1})
    assert (second.status, second.payload, second.sample) == (404, None, "<p>no</p>")


def test_connections_are_kept(provider: Provider, clock: CountingClock) -> None:
    """Many calls share one connection."""
    provider.always(js({"fine": 1}))
    calls = client(provider, clock)
    for _ in range(10):
        calls.call("GET", "/a")
    calls.close()
    assert provider.connections == 1


def test_secrets_stay_out_of_errors(clock: CountingClock) -> None:
    """An error with nobody at the port hides the key, in its causes too."""
    calls = Client("http://127.0.0.1:9", clock=clock, limits=Limits(tries=2))
    with pytest.raises(UpstreamError, match="2 tries") as caught:
        calls.call("GET", "/current.json", params={"key": KEY, "q": "madrid"})
    assert KEY not in everything_said(caught.value)


def test_secrets_stay_out_of_logs(
    provider: Provider, clock: CountingClock, caplog: pytest.LogCaptureFixture
) -> None:
    """No log line shows the key, the HTTP library's own debug lines included."""
    caplog.set_level(logging.DEBUG)
    provider.say(Say(status=503), js(1))
    client(provider, clock).call("GET", "/a", params={"key": KEY, "q": "madrid"})
    assert "/a?key=***&q=madrid" in caplog.text
    assert KEY not in caplog.text
    assert KEY in provider.asked[0].query


@pytest.mark.parametrize(
    "url",
    [
        "http://openapi.emtmadrid.es",
        "http://169.254.169.254",
        "https://169.254.169.254",
        "https://10.0.0.8",
        "http://localhost.example.org",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "https://user:word@example.org",
        "https://",
        "https://[::1",
        "https://example.org:port",
        "",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    """Secrets go by https to public hosts, or to this machine: a setting can't say otherwise."""
    with pytest.raises(ConfigurationError) as caught:
        checked(url)
    assert "word" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "https://openapi.emtmadrid.es/",
        "http://127.0.0.1:8000",
        "http://localhost",
        "http://[::1]:1",
    ],
)
def test_addresses_that_are_allowed(url: str) -> None:
    """Https anywhere public, and http to loopback, lose no more than the last slash."""
    assert checked(url) == url.rstrip("/")


def test_a_proxy_is_not_asked_for_this_machine(
    provider: Provider, clock: CountingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment's proxy is passed by for loopback."""
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    provider.say(js(1))
    assert client(provider, clock, tries=1).call("GET", "/a").payload == 1
