"""The made-up city: its shapes, its oddities, its faults, and that it never says two things."""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from console.simulator import Simulator, network, scenario, weather
from console.simulator.answers import ZONE
from console.simulator.emt_city import EmtCity
from console.simulator.traffic import Traffic
from ingestion.clock import SimulatedClock
from ingestion.options import PullOptions
from ingestion.pull import pull
from lakehouse.errors import CredentialsError, UsageError
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Polls = list[tuple[datetime, str, list[dict[str, Any]]]]

SEED = 7
MORNING = datetime(2026, 3, 2, 8, 20, tzinfo=ZONE)
TOKEN_SEC = 86_399
PASSWORD, KEY = "made-up-word", "made-up-key"
ENVIRON = {"EMT_EMAIL": "a@example.org", "EMT_PASSWORD": PASSWORD, "WEATHERAPI_KEY": KEY}
V1, V2 = "/v1/transport/busemtmad", "/v2/transport/busemtmad"
ARRIVES = "/arrives/"


class Door:
    """A client as simple as can be: one connection, one token."""

    def __init__(self, sim: Simulator, session: requests.Session) -> None:
        self.sim, self.session = sim, session
        self.token = ""

    def login(self, email: str = "a@example.org", password: str = PASSWORD) -> dict[str, Any]:
        """Keep the token, if one is given."""
        headers = {"email": email, "password": password}
        reply = self.get("/v1/mobilitylabs/user/login/", headers=headers)
        if reply["data"]:
            self.token = reply["data"][0]["accessToken"]
        return reply

    def get(self, path: str, *, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """What EMT answers to a GET."""
        words = headers or {"accessToken": self.token}
        return self.session.get(self.sim.emt_url + path, headers=words, timeout=5).json()

    def post(self, path: str) -> dict[str, Any]:
        """What EMT answers to a POST."""
        words, url = {"accessToken": self.token}, self.sim.emt_url + path
        return self.session.post(url, headers=words, json={}, timeout=5).json()

    def arrivals(self, stop: str, line: str = "") -> dict[str, Any]:
        """The buses of a stop."""
        return self.post(f"{V2}/stops/{stop}{ARRIVES}" + (f"{line}/" if line else ""))

    def weather(self, path: str = "current.json", **query: str) -> requests.Response:
        """What WeatherAPI answers."""
        return self.session.get(f"{self.sim.weatherapi_url}/v1/{path}", params=query, timeout=5)


@pytest.fixture
def clock() -> SimulatedClock:
    """A rush hour of the first day."""
    return SimulatedClock(MORNING)


@pytest.fixture
def sim(clock: SimulatedClock) -> Iterator[Simulator]:
    """Both sources, as that clock has it."""
    with Simulator(seed=SEED, clock=clock, password=PASSWORD, key=KEY) as simulator:
        yield simulator


@pytest.fixture
def door(sim: Simulator) -> Iterator[Door]:
    """A client that has logged in."""
    with requests.Session() as session:
        session.trust_env = False
        door = Door(sim, session)
        door.login()
        yield door


@pytest.fixture(scope="module")
def polled() -> Polls:
    """Every open stop at every poll of the scenario, with what is announced; once for all."""
    city, found = display(), []
    for day in range(scenario.DAYS):
        for text in scenario.INSTANTS:
            start = MORNING.replace(hour=int(text[:2]), minute=int(text[3:])) + day * ONE_DAY
            for number, stop in enumerate(open_stops()):
                reply = city.arrivals(start + timedelta(seconds=0.6 * number), stop, None)
                if "data" in reply:
                    found.append((start, stop, reply["data"][0]["Arrive"]))
    return found


ONE_DAY = timedelta(days=1)


def display(seed: int = SEED) -> EmtCity:
    """The city without the server."""
    city = network.build(seed)
    return EmtCity(city, Traffic(city, seed, ZONE), seed, ZONE)


def open_stops() -> list[str]:
    """Every stop that is not closed."""
    return [stop.stop_id for stop in network.build(SEED).stops.values() if not stop.disabled]


def stop_of(code: str, direction: int, position: int) -> str:
    """A stop of a line."""
    return network.build(SEED).lines[code].routes[direction - 1][position].stop_id


def severity(moment: datetime) -> str:
    """In the issue's words, so that a storm of the simulator is one in gold."""
    sky = weather.sky(moment.timestamp(), ZONE, SEED)
    if sky.precip_mm >= 2 or sky.wind_kph >= 45 or sky.vis_km < 3:
        return "severe"
    if sky.precip_mm >= 0.5 or sky.wind_kph >= 30 or sky.vis_km < 6:
        return "bad"
    return "moderate" if sky.precip_mm >= 0.1 or sky.wind_kph >= 20 else "good"


def eventually(ask: Callable[[], dict[str, Any]], clock: SimulatedClock) -> dict[str, Any]:
    """One reply in 500 has no data, as recorded ones; a second later the next has."""
    for _ in range(3):
        reply = ask()
        if "data" in reply:
            return reply
        clock.sleep(1)
    raise AssertionError("three replies without data")


def test_a_bus_comes_nearer_second_by_second() -> None:
    """The same bus, seen later, has less time, less way and another place, by the same clock."""
    city, stop = display(), stop_of("034", 1, 4)
    earlier = city.arrivals(MORNING, stop, None)["data"][0]["Arrive"]
    later = city.arrivals(MORNING + timedelta(seconds=60), stop, None)["data"][0]["Arrive"]
    moved = {(a["line"], a["bus"]): a for a in later}
    seen = [(a, moved[key]) for a in earlier if (key := (a["line"], a["bus"])) in moved]
    on_the_way = [
        (a, b)
        for a, b in seen
        if a["DistanceBus"] > b["DistanceBus"] > 0 and a["estimateArrive"] != 999_999
    ]
    assert on_the_way
    for before, after in on_the_way:
        assert before["estimateArrive"] - after["estimateArrive"] in (59, 60, 61)
        assert before["geometry"] != after["geometry"]


def test_the_seed_and_the_instant_decide_everything() -> None:
    """Two cities of one seed answer alike, whatever was asked before; another seed does not."""
    stop, one, two, other = stop_of("034", 1, 4), display(), display(), display(SEED + 1)
    two.arrivals(MORNING + timedelta(hours=9), stop, None)
    assert one.arrivals(MORNING, stop, None) == two.arrivals(MORNING, stop, None)
    assert one.arrivals(MORNING, stop, None) != other.arrivals(MORNING, stop, None)
    city, epoch = network.build(SEED), MORNING.timestamp()
    due = [
        Traffic(city, seed, ZONE).coming(city.lines["034"], 1, stop, epoch) for seed in (SEED, 8)
    ]
    assert [coming.arrives for coming in due[0]] != [coming.arrives for coming in due[1]]


def test_a_storm_slows_buses_and_makes_trips_fall_out() -> None:
    """The day after, at the same hours, more trips run and each takes less time."""
    city = network.build(SEED)
    traffic, days = Traffic(city, SEED, ZONE), [MORNING.date() + n * ONE_DAY for n in (1, 2)]
    trips = [
        [
            trip.times[-1] - trip.times[0]
            for code in ("001", "014", "034")
            for trip in traffic._trips(code, 1, day)
            if datetime.fromtimestamp(trip.times[0], ZONE).hour in (17, 18, 19)
        ]
        for day in days
    ]
    assert len(trips[0]) < 0.9 * len(trips[1])
    assert sum(trips[0]) / len(trips[0]) > 1.3 * sum(trips[1]) / len(trips[1])


def test_the_only_bus_of_a_line_stands_twice_in_a_reply(polled: Polls) -> None:
    """Now, and after its next lap: one place, and a lap more to go."""
    circular = [[a for a in x if a["line"] == "C1"] for _, _, x in polled]
    pairs = [x for x in circular if len(x) == 2 and x[0]["bus"] == x[1]["bus"] and x[0] != x[1]]
    assert pairs
    for now, later in pairs:
        assert now["geometry"] == later["geometry"] or [0.0, 0.0] in (
            now["geometry"]["coordinates"],
            later["geometry"]["coordinates"],
        )
        assert later["DistanceBus"] > now["DistanceBus"] + 1000


def test_the_oddities_of_recorded_replies_occur(polled: Polls) -> None:
    """999999, exact copies, a bus twice, no coordinates, a bus just past, and empty replies."""
    arrivals = [arrival for _, _, answered in polled for arrival in answered]
    copies = [max(Counter(map(json.dumps, a)).values(), default=0) for _, _, a in polled]
    twice = [max(Counter((a["line"], a["bus"]) for a in x).values(), default=0) for *_, x in polled]
    known = [a["estimateArrive"] for a in arrivals if a["estimateArrive"] != 999_999]
    assert 100 < len(arrivals) - len(known) < len(arrivals) / 5
    assert 2700 < max(known) <= 5400
    assert sum(copy > 1 for copy in copies) > 20
    assert sum(bus > 1 for bus in twice) > 2 * sum(copy > 1 for copy in copies)
    assert any(a["geometry"]["coordinates"] == [0.0, 0.0] for a in arrivals)
    assert any(a["DistanceBus"] < 0 and a["estimateArrive"] == 0 for a in arrivals)
    assert {a["positionTypeBus"] for a in arrivals} == {"0", "2"}
    assert {a["isHead"] for a in arrivals} <= {"True", "False"}
    assert any(not answered for _, _, answered in polled)


def test_delays_follow_rush_hours_and_storms(polled: Polls) -> None:
    """Most first buses can be rated; 8 to 20 % are late, more in a rush, most in a storm."""
    lines = {line.label: line.plan for line in network.build(SEED).lines.values()}
    firsts, late = Counter[str](), Counter[str]()
    for at, _, answered in polled:
        for label, arrival in {a["line"]: a for a in reversed(answered)}.items():
            firsts["all"] += 1
            if lines[label].shape == "none" or arrival["estimateArrive"] == 999_999:
                continue
            marks = ["rated", severity(at)]
            if at.day == 2:
                marks += ["rush"] * (at.hour in (8, 18)) + ["calm"] * (at.hour in (11, 13, 16))
            headway = min(window.min_freq for window in lines[label].workday)
            firsts.update(marks)
            late.update(marks if arrival["estimateArrive"] / 60 > 1.3 * headway else [])
    rate = {mark: late[mark] / firsts[mark] for mark in firsts}
    assert firsts["rated"] / firsts["all"] > 0.6
    assert 0.08 < rate["rated"] < 0.20
    assert rate["rush"] > rate["calm"]
    assert rate["severe"] > 1.5 * rate["bad"] > 2 * rate["good"]


def test_every_severity_of_weather_occurs() -> None:
    """Three days hold good, moderate, bad and severe weather, the storm on the second."""
    moments = [MORNING.replace(hour=0, minute=0) + timedelta(minutes=30 * n) for n in range(144)]
    assert {severity(at) for at in moments} == {"good", "moderate", "bad", "severe"}
    assert {at.day for at in moments if weather.storm(at.timestamp(), ZONE)} == {3}
    skies = [weather.sky(at.timestamp(), ZONE, SEED) for at in moments]
    worst = max(skies, key=lambda sky: sky.storm)
    assert (worst.precip_mm > 2, worst.wind_kph > 45, worst.vis_km < 3) == (True, True, True)
    assert "rain" in worst.condition[0]


def test_the_network_is_as_a_city_s() -> None:
    """3-digit codes, labels that differ from them, 5 to 10 stops a direction, shared stops."""
    city = network.build(SEED)
    labels = {code: line.label for code, line in city.lines.items()}
    assert all(len(code) == 3 and code.isdigit() for code in labels)
    assert (labels["361"], labels["068"], labels["501"]) == ("001", "C1", "N1")
    assert len(set(labels.values())) == len(labels)
    lengths = {len(route) for line in city.lines.values() for route in line.routes}
    assert lengths <= set(range(5, 11))
    assert 65 <= len(city.stops) <= 75
    assert sum(len(city.serving(stop)) > 1 for stop in city.stops) > 20
    assert all(-3.76 < s.lon < -3.64 and 40.37 < s.lat < 40.47 for s in city.stops.values())


def test_the_night_line_runs_past_midnight(door: Door, clock: SimulatedClock) -> None:
    """Its way back starts after midnight and runs till dawn, under its label; by day it rests."""
    back = stop_of("501", 2, 3)
    clock.set(MORNING.replace(hour=2))
    night = eventually(lambda: door.arrivals(back, "501"), clock)["data"][0]
    assert {a["line"] for a in night["Arrive"]} == {"N1"}
    clock.set(MORNING.replace(hour=12))
    assert eventually(lambda: door.arrivals(back, "501"), clock)["data"][0]["Arrive"] == []


def test_the_small_hours_belong_to_the_evening_before() -> None:
    """The night line's way back of a Saturday's service runs on Sunday."""
    city, saturday = network.build(SEED), datetime(2026, 3, 7, tzinfo=ZONE)
    trips = Traffic(city, SEED, ZONE)._trips("501", 2, saturday.date())
    assert {datetime.fromtimestamp(trip.times[0], ZONE).day for trip in trips} == {8}


def test_arrivals_name_labels_and_the_stop_names_codes(door: Door, clock: SimulatedClock) -> None:
    """A reply's line is the public label; its StopInfo has the codes; the asked line narrows it."""
    stop = stop_of("361", 1, 3)
    whole = eventually(lambda: door.arrivals(stop), clock)["data"][0]
    one = eventually(lambda: door.arrivals(stop, "361"), clock)["data"][0]
    assert {a["line"] for a in one["Arrive"]} == {"001"}
    assert {a["line"] for a in whole["Arrive"]} > {"001"}
    assert "361" in {line["line"] for line in one["StopInfo"][0]["lines"]}
    assert whole["StopInfo"][0]["Direction"].endswith("  ")


def test_a_storm_is_announced_to_the_lines_it_floods(door: Door, clock: SimulatedClock) -> None:
    """Incidents name their lines by label; hours are not padded."""
    clock.set(MORNING + timedelta(days=1, hours=10))
    door.login()
    reply = eventually(lambda: door.arrivals(stop_of("034", 1, 4)), clock)
    found = reply["data"][0]["Incident"]["ListaIncident"]["data"]
    flood = next(i for i in found if "tormenta" in i["title"])
    assert " 34, " in flood["description"]
    assert any(incident["rssFrom"].endswith(" 5:00:00") for incident in found) or len(found) == 1


def test_a_stop_out_of_use_is_code_80_with_an_empty_arrive(door: Door) -> None:
    """It is listed among the stops, and its description is a list: no dead token."""
    listed = {stop["node"] for stop in door.post(f"{V1}/stops/list/")["data"]}
    (closed,) = listed - set(open_stops())
    for stop in (closed, "12345"):
        reply = door.arrivals(stop)
        assert reply["code"] == "80"
        assert isinstance(reply["description"], list)
        assert reply["data"][0]["Arrive"] == []


def entries(door: Door, line: str) -> dict[str, dict[str, Any]]:
    """The timetables that a line's reply lists, by line."""
    (reply,) = door.get(f"{V1}/lines/{line}/stops/1/")["data"]
    return {entry["IdLine"]: entry for entry in reply["timeTable"]}


def day_types(entry: dict[str, Any]) -> set[str]:
    """The day types of a listed timetable."""
    return {day["DayType"] for day in entry["typeOfDays"]}


def test_timetables_list_every_line_that_shares_a_stop(door: Door) -> None:
    """With short day types, Fridays for some lines, no days or no directions for others."""
    listed = entries(door, "034")
    assert len(listed) > 1
    assert day_types(listed["034"]) == {"LA", "SA", "FE"}
    assert day_types(entries(door, "027")["027"]) == {"LA", "VI", "SA", "FE"}
    assert "typeOfDays" not in entries(door, "721")["721"]
    rest = [d for d in entries(door, "172")["172"]["typeOfDays"] if d["DayType"] in ("SA", "FE")]
    assert rest == [{"DayType": "SA"}, {"DayType": "FE"}]


def test_an_odd_line_answers_one_object_with_long_day_types(door: Door) -> None:
    """The shape of lines such as 897."""
    odd = door.get(f"{V1}/lines/897/stops/2/")["data"][0]["timeTable"]
    assert (odd["IdLine"], odd["Label"]) == ("897", "SE1")
    assert {day["idDayType"] for day in odd["DayType"]} == {"LABORABLE", "SABADO", "FESTIVO"}


def test_a_circular_line_has_no_other_end(door: Door) -> None:
    """No nameB in its timetable nor in the list of lines."""
    assert "nameB" not in entries(door, "068")["068"]
    lines = {line["line"]: line for line in door.get(f"{V2}/lines/info/20260302/")["data"]}
    assert [code for code, line in lines.items() if "nameB" not in line] == ["068"]


def test_a_stop_of_one_line_names_it_in_a_bare_text(door: Door) -> None:
    """Its `dataLine` is a text; that of a stop of several lines is a list."""
    replies = [door.get(f"{V1}/lines/{code}/stops/1/") for code in network.build(SEED).lines]
    stops = [stop for reply in replies for stop in reply["data"][0]["stops"]]
    assert {type(stop["dataLine"]) for stop in stops} == {str, list}
    assert {type(stop["pmv"]) for stop in stops} == {str, type(None)}


def test_lines_detail_and_calendar_answer(door: Door) -> None:
    """One line's headways in words, no records for none, day types with Madrid's holidays."""
    (detail,) = door.get(f"{V1}/lines/001/info/20260302/")["data"]
    assert {d["idDayType"] for d in detail["timeTable"]} == {"LABORABLE", "SABADO", "FESTIVO"}
    assert detail["timeTable"][0]["Direction1"]["FrequencyText"].startswith("De 06:00 a 23:30")
    assert door.get(f"{V1}/lines/777/info/20260302/")["code"] == "81"
    days = door.get(f"{V1}/calendar/20260430/20260504/")["data"]
    assert [day["dayType"] for day in days] == ["LA", "FE", "FE", "FE", "LA"]
    assert days[1]["date"] == "01/05/2026 0:00:00"
    assert door.get(f"{V1}/calendar/20260306/20260306/")["data"][0]["dayType"] == "LA"


def test_login_says_00_once_and_01_while_the_token_lives(door: Door, clock: SimulatedClock) -> None:
    """The living token is given again, with a longer life; then it is dead."""
    first, stop = door.token, stop_of("001", 1, 2)
    clock.sleep(TOKEN_SEC - 1)
    again = door.login()
    assert (again["code"], door.token) == ("01", first)
    assert "apiCounter" in again["data"][0]
    clock.sleep(TOKEN_SEC - 1)
    assert door.arrivals(stop)["code"] == "00"
    clock.sleep(2)
    assert door.arrivals(stop)["code"] == "80"
    assert (door.login()["code"], door.token != first) == ("00", True)


@pytest.mark.parametrize(("email", "password"), [("", ""), ("a@example.org", "other")])
def test_a_wrong_login_is_refused_with_http_200(door: Door, email: str, password: str) -> None:
    """A code of EMT's and no data; the living token stays."""
    reply = door.login(email, password)
    assert (reply["code"], reply["data"]) == ("92", [])
    assert door.arrivals(stop_of("001", 1, 2))["code"] == "00"


def test_a_dead_token_is_code_80_without_an_arrive(door: Door) -> None:
    """Its description is a text: that is how it differs from a stop out of use."""
    door.token = door.token[::-1]
    reply = door.arrivals(stop_of("001", 1, 2))
    assert reply["code"] == "80"
    assert isinstance(reply["description"], str)
    assert reply["data"] == []


def test_the_daily_quota_ends_with_the_day(clock: SimulatedClock) -> None:
    """One call too many is code 98 with HTTP 200; the next local day starts anew."""
    stop = stop_of("001", 1, 2)
    with Simulator(clock=clock, daily_calls=3) as sim, requests.Session() as session:
        session.trust_env = False
        door = Door(sim, session)
        door.login()
        assert [door.arrivals(stop)["code"] for _ in range(3)] == ["00", "00", "98"]
        clock.set(MORNING + timedelta(hours=16))
        assert door.arrivals(stop)["code"] == "00"


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("current.json", {"q": "madrid"}, 401, 1002),
        ("current.json", {"key": "other", "q": "madrid"}, 401, 2006),
        ("current.json", {"key": KEY}, 400, 1003),
        ("current.json", {"key": KEY, "q": "nowhere"}, 400, 1006),
        ("nothing.json", {"key": KEY, "q": "madrid"}, 400, 1005),
        ("history.json", {"key": KEY, "q": "madrid", "dt": "today"}, 400, 1007),
    ],
)
def test_weatherapi_refuses_by_its_codes(
    door: Door, path: str, query: dict[str, str], status: int, code: int
) -> None:
    """Each refusal has its HTTP status and its error object."""
    reply = door.weather(path, **query)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)


def test_an_observation_is_renewed_every_quarter(door: Door, clock: SimulatedClock) -> None:
    """Asked twice within it, it is the same; air quality comes only when asked for."""
    clock.set(MORNING.replace(minute=15))
    first = door.weather(key=KEY, q="madrid", aqi="yes").json()["current"]
    clock.sleep(800)
    second = door.weather(key=KEY, q="madrid", aqi="yes").json()["current"]
    clock.sleep(100)
    third = door.weather(key=KEY, q="madrid").json()["current"]
    assert first == second
    assert third["last_updated_epoch"] - first["last_updated_epoch"] == 900
    assert ("us-epa-index" in first["air_quality"], "air_quality" in third) == (True, False)


def test_a_day_of_history_has_the_hours_its_clock_has(door: Door) -> None:
    """24 on most days, 23 when the clocks go forward, from local midnight on; no `current`."""
    usual = door.weather("history.json", key=KEY, q="madrid", dt="2026-03-02").json()
    spring = door.weather("history.json", key=KEY, q="madrid", dt="2026-03-29").json()
    hours = [reply["forecast"]["forecastday"][0]["hour"] for reply in (usual, spring)]
    assert [len(of_day) for of_day in hours] == [24, 23]
    assert hours[0][0]["time_epoch"] == datetime(2026, 3, 2, tzinfo=ZONE).timestamp()
    assert "current" not in usual


@pytest.mark.parametrize(
    ("kind", "status", "start"),
    [
        ("throttled", 429, "{}"),
        ("unavailable", 503, "{}"),
        ("html", 200, "<!DOCTYPE"),
        ("broken", 200, '{"location"'),
        ("quota", 403, '{"error"'),
    ],
)
def test_a_fault_answers_one_request_and_no_more(
    door: Door, kind: str, status: int, start: str
) -> None:
    """The next request gets it, whatever it asks; the one after is answered as ever."""
    door.sim.fail_next(kind, retry_after="7")
    replies = [door.weather(key=KEY, q="madrid") for _ in range(2)]
    assert (replies[0].status_code, replies[0].text[: len(start)]) == (status, start)
    assert replies[0].headers.get("Retry-After") == ("7" if status == 429 else None)
    assert replies[1].json()["location"]["region"] == "Madrid"


def test_a_fault_waits_for_its_path(door: Door) -> None:
    """A fault on arrivals leaves the weather alone; faults take turns; others are refused."""
    door.sim.fail_next("internal", path=ARRIVES)
    door.sim.fail_next("quota", times=2, path=ARRIVES)
    assert door.weather(key=KEY, q="madrid").status_code == 200
    stop = stop_of("001", 1, 2)
    assert [door.arrivals(stop)["code"] for _ in range(4)] == ["90", "98", "98", "00"]
    with pytest.raises(UsageError, match="known: "):
        door.sim.fail_next("lightning")


def test_a_connection_can_end_without_an_answer(door: Door) -> None:
    """The client sees an end of the connection, and the next call works."""
    door.sim.fail_next("reset")
    with pytest.raises(requests.ConnectionError):
        door.arrivals(stop_of("001", 1, 2))
    assert door.arrivals(stop_of("001", 1, 2))["code"] == "00"


def test_a_slow_body_does_not_hold_the_simulator_back(clock: SimulatedClock) -> None:
    """A body that takes half a minute ends when the simulator does."""
    started = time.monotonic()
    with Simulator(clock=clock) as sim, requests.Session() as session:
        session.trust_env = False
        sim.fail_next("drip")
        url = f"{sim.emt_url}/v1/current.json"
        with session.get(url, params={"key": KEY, "q": "x"}, stream=True, timeout=5) as reply:
            assert len(reply.raw.read(1)) == 1
    assert time.monotonic() - started < 5


def test_an_unknown_path_is_404(door: Door) -> None:
    """And no error of the server's own."""
    url, words = f"{door.sim.emt_url}/v3/elsewhere/", {"accessToken": door.token}
    assert door.session.get(url, headers=words, timeout=5).status_code == 404


def test_calls_are_counted_without_their_secrets(door: Door) -> None:
    """A test can count calls, and no key stands among them."""
    door.weather(key=KEY, q="madrid")
    assert [call.path for call in door.sim.calls][-1] == "/v1/current.json"
    assert KEY not in repr(door.sim.calls)


def lake_of(sim: Simulator, home: Path) -> Settings:
    """A lake whose sources are the simulator."""
    return Settings(home=str(home), emt_url=sim.emt_url, weatherapi_url=sim.weatherapi_url)


def test_the_ingestion_survives_a_token_that_dies(
    sim: Simulator, clock: SimulatedClock, tmp_path: Path
) -> None:
    """One new login in the middle of a plan, and every reply is there once."""
    stops = tuple(open_stops()[:3])
    sim.fail_next("expired_token", path=f"/stops/{stops[1]}/")
    pulled = pull(
        lake_of(sim, tmp_path),
        "emt",
        "arrivals",
        clock=clock,
        options=PullOptions(stops=stops),
        environ=ENVIRON,
    )
    assert pulled.replies == 3
    assert sum("/login/" in call.path for call in sim.calls) == 2
    assert sum(ARRIVES in call.path for call in sim.calls) == 4


def test_a_used_up_quota_costs_the_ingestion_one_call(
    sim: Simulator, clock: SimulatedClock, tmp_path: Path
) -> None:
    """Code 98 ends the plan at once."""
    sim.fail_next("quota", path=ARRIVES)
    options = PullOptions(stops=tuple(open_stops()[:3]))
    lake = lake_of(sim, tmp_path)
    with pytest.raises(CredentialsError):
        pull(lake, "emt", "arrivals", clock=clock, options=options, environ=ENVIRON)
    assert sum(ARRIVES in call.path for call in sim.calls) == 1


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A play of one day with one poll: enough for its rules, and fast."""
    monkeypatch.setattr(scenario, "DAYS", 1)
    monkeypatch.setattr(scenario, "INSTANTS", ("08:30",))
    monkeypatch.setattr(scenario, "_OF_ONE_LINE", (("08:40", "361"),))


def bronze(home: Path) -> dict[str, str]:
    """What is in bronze: each file's path and text."""
    found = sorted((home / "bronze").rglob("*.jsonl.gz"))
    return {
        str(file.relative_to(home)): gzip.decompress(file.read_bytes()).decode() for file in found
    }


@pytest.mark.usefixtures("short")
def test_the_scenario_lands_the_same_bytes_in_any_lake(tmp_path: Path) -> None:
    """Two lakes end equal, whatever pace and quota their settings have; a replay adds nothing."""
    one = Settings(home=str(tmp_path / "one"))
    two = Settings(home=str(tmp_path / "two"), calls_per_minute=7, emt_daily_quota=1)
    played = scenario.play(one)
    scenario.play(two)
    assert bronze(one.root) == bronze(two.root)
    assert played.files == len(bronze(one.root))
    (one.root / "state" / "simulated.json").unlink()
    assert scenario.play(one) == played
    assert bronze(one.root) == bronze(two.root)


@pytest.mark.usefixtures("short")
def test_the_scenario_is_played_once(tmp_path: Path) -> None:
    """Played again it asks nothing and says so; a lost file is asked for again."""
    lake, told = Settings(home=str(tmp_path)), list[str]()
    first, before = scenario.play(lake), bronze(lake.root)
    assert scenario.play(lake, progress=told.append) == first
    assert [text.startswith("simulated sources, played before") for text in told] == [True]
    next((tmp_path / "bronze" / "weatherapi").rglob("*.gz")).unlink()
    assert scenario.play(lake) == first
    assert bronze(lake.root) == before


@pytest.mark.usefixtures("short")
def test_a_killed_play_goes_on_without_a_new_or_a_lost_reply(tmp_path: Path) -> None:
    """Played again after a kill in the middle of a plan, replies are those of a whole play."""
    whole, killed = (Settings(home=str(tmp_path / name)) for name in ("whole", "killed"))
    scenario.play(whole)
    clock = SimulatedClock(MORNING.replace(minute=30))
    with Simulator(clock=clock) as sim, pytest.raises(KeyboardInterrupt):
        pull(
            lake_of(sim, killed.root),
            "emt",
            "arrivals",
            clock=clock,
            options=PullOptions(stops=("all",)),
            environ=ENVIRON,
            progress=interrupt,
        )
    scenario.play(killed)
    lines = [sorted(set(replies(bronze(lake.root)))) for lake in (whole, killed)]
    assert lines[0] == lines[1]


def interrupt(done: int, total: int) -> None:
    """A user's Ctrl-C after a third of a plan."""
    if total > 1 and done > total // 3:
        raise KeyboardInterrupt


def replies(files: dict[str, str]) -> list[str]:
    """Each reply with its time and question, wherever it stands."""
    found = []
    for text in files.values():
        for line in text.splitlines():
            envelope = json.loads(line)
            del envelope["origin"]
            if envelope["stream"] == "arrivals":
                found.append(json.dumps(envelope, sort_keys=True))
    return found


@pytest.mark.usefixtures("short")
def test_the_scenario_needs_no_credentials_of_its_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the environment is read, and nothing secret reaches bronze or state."""
    for name in ENVIRON:
        monkeypatch.setenv(name, f"CANARY-{name}")
    lake = Settings(home=str(tmp_path))
    scenario.play(lake)
    state = [file.read_text(encoding="utf-8") for file in (tmp_path / "state").iterdir()]
    text = "".join([*bronze(lake.root).values(), *state])
    assert "Arrive" in text
    assert not any(word in text for word in ("CANARY", *scenario._ACCOUNT.values()))
