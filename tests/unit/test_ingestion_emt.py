"""EMT's client: its codes, its token, and what is remembered of each call."""

from __future__ import annotations

import logging
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from ingestion_server import (
    CANARY,
    EMAIL,
    ENVIRON,
    LOGIN,
    PASSWORD,
    TOKEN,
    CountingClock,
    Provider,
    Say,
    emt,
    everything_said,
    js,
    logged_in,
    serving,
)

from ingestion import credentials
from ingestion.emt import Counter, EmtClient
from lakehouse import settings
from lakehouse.errors import ConfigurationError, CredentialsError, LakeError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = credentials.emt(settings.load({}), ENVIRON)
ARRIVE = [{"Arrive": [{"line": "45", "stop": "62"}], "StopInfo": [], "Incident": {}}]
DISABLED = [{"Arrive": [], "StopInfo": [], "ExtraInfo": [], "Incident": {}}]
SPANISH = [{"ES": "Parada deshabilitada o inexistente"}, {"EN": "Bus Stop disabled"}]
DEAD = emt("80", [], f"token {TOKEN} not found in cache")
ARRIVES = "/v2/transport/busemtmad/stops/62/arrives/"


@pytest.fixture
def provider() -> Iterator[Provider]:
    """An EMT that lets everybody in."""
    with serving() as found:
        found.always(logged_in(), on=LOGIN)
        yield found


@pytest.fixture
def clock() -> CountingClock:
    """A clock that takes no time."""
    return CountingClock()


@pytest.fixture
def client(provider: Provider, clock: CountingClock) -> Iterator[EmtClient]:
    """The client under test."""
    found = EmtClient(provider.url, ACCOUNT, clock=clock, zone="Europe/Madrid")
    yield found
    found.close()


def logins(provider: Provider) -> int:
    """How often was EMT asked to let us in."""
    return provider.paths().count(LOGIN)


def test_arrivals_as_answered(provider: Provider, client: EmtClient) -> None:
    """The payload is the reply, field by field; the request tells stop and line."""
    reply = {"code": "00", "description": "ok", "datetime": "2026-03-02T08:00:00", "data": ARRIVE}
    provider.say(js(reply))
    record = client.arrivals("62")
    assert record.payload == reply
    assert record.request == {"method": "POST", "url": ARRIVES, "stop": "62", "line": None}


def test_what_arrivals_asks(provider: Provider, client: EmtClient, clock: CountingClock) -> None:
    """Stop, estimates and incidents of the local day are asked for, with the token."""
    clock.set(datetime(2026, 3, 2, 23, 30, tzinfo=timezone.utc))
    provider.say(emt("00", ARRIVE))
    assert client.arrivals("62", "361").request["line"] == "361"
    asked = provider.asked[-1]
    assert asked.path == ARRIVES + "361/"
    assert asked.headers["accessToken"] == TOKEN
    assert asked.body["Text_EstimationsRequired_YN"] == "Y"
    assert asked.body["DateTime_Referenced_Incidencies_YYYYMMDD"] == "20260303"


@pytest.mark.parametrize(
    ("call", "method", "path", "asked"),
    [
        (
            lambda c: c.lines(date(2026, 3, 2)),
            "GET",
            "/v2/transport/busemtmad/lines/info/20260302/",
            {"day": "2026-03-02"},
        ),
        (
            lambda c: c.line_detail("361", date(2026, 3, 2)),
            "GET",
            "/v1/transport/busemtmad/lines/361/info/20260302/",
            {"line": "361", "day": "2026-03-02"},
        ),
        (
            lambda c: c.stops_of_line("361", 2),
            "GET",
            "/v1/transport/busemtmad/lines/361/stops/2/",
            {"line": "361", "direction": 2},
        ),
        (lambda c: c.stops_list(), "POST", "/v1/transport/busemtmad/stops/list/", {}),
        (
            lambda c: c.calendar(date(2026, 1, 1), date(2026, 12, 31)),
            "GET",
            "/v1/transport/busemtmad/calendar/20260101/20261231/",
            {"from": "2026-01-01", "to": "2026-12-31"},
        ),
    ],
    ids=["lines", "detail", "stops of line", "stops", "calendar"],
)
def test_the_other_calls(
    provider: Provider, client: EmtClient, call: Any, method: str, path: str, asked: dict[str, Any]
) -> None:
    """Each call has its method, its path, and remembers what was asked."""
    provider.say(emt("00", [{"a": 1}]))
    record = call(client)
    assert record.request == {"method": method, "url": path, **asked}
    assert record.payload["data"] == [{"a": 1}]
    assert (provider.asked[-1].method, provider.asked[-1].path) == (method, path)


def test_identifiers_stay_one_segment(provider: Provider, client: EmtClient) -> None:
    """A stop that looks like a path does not lead to another call."""
    provider.say(emt("00", ARRIVE))
    client.arrivals("../login")
    assert provider.asked[-1].path == "/v2/transport/busemtmad/stops/..%2Flogin/arrives/"


@pytest.mark.parametrize("code", ["00", "01"])
def test_login_codes_that_let_in(provider: Provider, client: EmtClient, code: str) -> None:
    """At login 01 means the session was extended: as good as 00."""
    provider.say(logged_in(code=code), on=LOGIN)
    provider.say(emt("00", ARRIVE))
    client.arrivals("62")
    assert provider.paths() == [LOGIN, ARRIVES]
    assert {k.lower(): v for k, v in provider.asked[0].headers.items()}["email"] == EMAIL


@pytest.mark.parametrize("code", ["84", "89", "91", "92", "99"])
def test_login_codes_that_refuse(provider: Provider, client: EmtClient, code: str) -> None:
    """A refused login is a matter of credentials, and not tried again."""
    provider.say(emt(code), on=LOGIN)
    with pytest.raises(CredentialsError, match="EMT refuses the login"):
        client.arrivals("62")
    assert provider.paths() == [LOGIN]


def test_a_login_that_says_401(provider: Provider, client: EmtClient) -> None:
    """HTTP's own refusal counts like EMT's."""
    provider.say(js({}, status=401), on=LOGIN)
    with pytest.raises(CredentialsError, match="HTTP 401"):
        client.arrivals("62")


@pytest.mark.parametrize("said", [emt("00", []), emt("00", [{"accessToken": ""}]), emt("77")])
def test_a_login_without_a_token(provider: Provider, client: EmtClient, said: Say) -> None:
    """A login that succeeds without a token, or with an unknown code, is EMT's fault."""
    provider.say(said, on=LOGIN)
    with pytest.raises(UpstreamError):
        client.arrivals("62")


def test_a_busy_login(provider: Provider, client: EmtClient) -> None:
    """A login that fails inside EMT is tried again, three times in all."""
    provider.say(emt("90"), on=LOGIN)
    provider.always(emt("00", ARRIVE))
    client.arrivals("62")
    provider.always(emt("90"), on=LOGIN)
    assert logins(provider) == 2


def test_the_token_is_reused_until_it_ends(
    provider: Provider, client: EmtClient, clock: CountingClock
) -> None:
    """One login serves until tokenSecExpiration less a margin; then one more."""
    provider.always(logged_in(lasts=1000), on=LOGIN)
    provider.always(emt("00", ARRIVE))
    for _ in range(3):
        client.arrivals("62")
    assert logins(provider) == 1
    clock.sleep(940)
    client.arrivals("62")
    assert logins(provider) == 1
    clock.sleep(20)
    client.arrivals("62")
    assert logins(provider) == 2


def test_the_counter_is_heard(provider: Provider, client: EmtClient) -> None:
    """The login's apiCounter is passed on."""
    provider.always(logged_in(used=96), on=LOGIN)
    provider.always(emt("00", ARRIVE))
    client.arrivals("62")
    assert client.counter == Counter(current=96, daily=20_000)


def test_a_dead_token_is_renewed_once(provider: Provider, client: EmtClient) -> None:
    """The call that met a dead token is asked again with a new one."""
    provider.say(logged_in(), logged_in("second"), on=LOGIN)
    provider.say(DEAD, emt("00", ARRIVE), on=ARRIVES)
    assert client.arrivals("62").payload["code"] == "00"
    assert provider.paths() == [LOGIN, ARRIVES, LOGIN, ARRIVES]
    assert provider.asked[-1].headers["accessToken"] == "second"


@pytest.mark.parametrize("said", [DEAD, js({}, status=401), emt("80", []), emt("85", None)])
def test_a_token_that_is_dead_again(provider: Provider, client: EmtClient, said: Say) -> None:
    """At most one new login a call: a fresh token that is refused too ends it."""
    provider.always(said, on=ARRIVES)
    with pytest.raises(CredentialsError, match="refuses a fresh token"):
        client.arrivals("62")
    assert provider.paths() == [LOGIN, ARRIVES, LOGIN, ARRIVES]


@pytest.mark.parametrize(
    "said", [emt("80", DISABLED, SPANISH), emt("80", DISABLED), emt("80", [], SPANISH)]
)
def test_a_disabled_stop_is_an_answer(provider: Provider, client: EmtClient, said: Say) -> None:
    """Of arrivals, 80 with a list of words or an empty Arrive is an answer, not a dead token."""
    provider.say(said, on=ARRIVES)
    assert client.arrivals("62").payload["code"] == "80"
    assert logins(provider) == 1


def test_eighty_elsewhere_is_a_dead_token(provider: Provider, client: EmtClient) -> None:
    """No stop can be disabled in a list of lines."""
    provider.say(emt("80", []), emt("00", []), on="/lines/info/")
    client.lines(date(2026, 3, 2))
    assert logins(provider) == 2


def test_no_records_of_a_line_are_an_answer(provider: Provider, client: EmtClient) -> None:
    """81 says that EMT knows nothing of the line."""
    provider.say(emt("81", [{}]))
    assert client.stops_of_line("093", 1).payload["data"] == [{}]
    assert logins(provider) == 1


def test_the_quota_stops_at_once(provider: Provider, client: EmtClient) -> None:
    """98 is exactly one call, and exit code 77."""
    provider.always(emt("98", [], "Limit use API reached"), on=ARRIVES)
    with pytest.raises(CredentialsError, match="quota is used up") as caught:
        client.arrivals("62")
    assert provider.paths() == [LOGIN, ARRIVES]
    assert caught.value.exit_code == 77


def test_the_quota_at_login_stops_at_once(provider: Provider, client: EmtClient) -> None:
    """98 at login is one call too."""
    provider.say(emt("98", []), on=LOGIN)
    with pytest.raises(CredentialsError, match="quota is used up"):
        client.arrivals("62")
    assert provider.paths() == [LOGIN]


@pytest.mark.parametrize("code", ["90", "01"])
def test_a_busy_emt_is_asked_again(
    provider: Provider, client: EmtClient, clock: CountingClock, code: str
) -> None:
    """90, and 01 anywhere but at login, may pass: asked three times in all, with pauses."""
    provider.say(emt(code, []), emt("00", ARRIVE), on=ARRIVES)
    client.arrivals("62")
    provider.always(emt(code, []), on=ARRIVES)
    with pytest.raises(UpstreamError, match=f"code {code}"):
        client.arrivals("62")
    assert provider.paths().count(ARRIVES) == 2 + 3
    assert sum(clock.slept) >= 2 + 2 + 4


@pytest.mark.parametrize("said", [emt("55"), js([]), js({"data": []}), js({"code": None})])
def test_codes_nobody_knows(provider: Provider, client: EmtClient, said: Say) -> None:
    """A reply without a known code is an error with a sample, never a payload."""
    provider.say(said, on=ARRIVES)
    with pytest.raises(UpstreamError, match=r"EMT answers .*arrives/ with HTTP 200"):
        client.arrivals("62")


def test_a_whole_number_is_a_code_too(provider: Provider, client: EmtClient) -> None:
    """98 as a number is the quota as well: text or number is not to decide."""
    provider.say(js({"code": 98, "data": []}), on=ARRIVES)
    with pytest.raises(CredentialsError):
        client.arrivals("62")


@pytest.mark.parametrize(
    "said",
    [
        DEAD,
        emt("98", [], f"{EMAIL} is over the limit"),
        emt("55", [], f"token {TOKEN} of {EMAIL}, {PASSWORD}"),
        Say(f"<p>{TOKEN} {PASSWORD}</p>".encode()),
        Say(TOKEN.encode(), status=404),
    ],
)
def test_nothing_secret_is_said(
    provider: Provider, client: EmtClient, caplog: pytest.LogCaptureFixture, said: Say
) -> None:
    """E-mail, password and token are in no error and no log, even if EMT repeats them."""
    caplog.set_level(logging.DEBUG)
    provider.always(said, on=ARRIVES)
    with pytest.raises(LakeError) as caught:
        client.arrivals("62")
    assert CANARY not in everything_said(caught.value)
    assert CANARY not in caplog.text
    assert CANARY not in repr(ACCOUNT)


def test_a_password_is_not_sent_in_clear() -> None:
    """A base URL without https is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match="only https"):
        EmtClient(
            "http://openapi.emtmadrid.es", ACCOUNT, clock=CountingClock(), zone="Europe/Madrid"
        )
