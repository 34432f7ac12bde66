"""arrivals_predictions: every recorded shape, every rejection of the contract, nothing lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.silver.emt import arrivals_predictions, incidents
from tests.judge import arrivals as judge
from tests.judge import days
from tests.spark.lakes import LANDED, Lake, Row, utc

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = "2025-08-26 12:00:00"  # 10:00 UTC


def arrive(**changes: Any) -> Row:
    """An answered arrival."""
    return {
        "line": "27",
        "stop": "62",
        "isHead": "False",
        "destination": "PLAZA CASTILLA  ",
        "deviation": 0,
        "bus": 140,
        "geometry": {"type": "Point", "coordinates": [-3.6895881487124873, 40.5]},
        "estimateArrive": 399,
        "DistanceBus": -3,
        "positionTypeBus": "0",
        **changes,
    }


def poll(*arrivals: Row, at: str | None = NOON, line: Any = "27") -> Row:
    """A recorded poll of a JSON lines file."""
    return {"polled_at_local": at, "req_line": line, "data": [{"Arrive": list(arrivals)}]}


def sheet(*arrivals: Row, at: str | None = NOON, line: Any = 27) -> Row:
    """A row of a recorded workbook."""
    return {"timestamp": at, "line": line, "Arrive": list(arrivals)}


def live(*arrivals: Row) -> Row:
    """A reply of the service."""
    return {"code": "00", "description": "Data", "data": [{"Arrive": list(arrivals)}]}


def without(name: str) -> Row:
    """An arrival that lacks a field."""
    return {key: value for key, value in arrive().items() if key != name}


PAYLOADS: dict[str, Row] = {
    "poll": poll(arrive()),
    "sheet": sheet(arrive()),
    "live": live(arrive()),
    "live with null": {**live(arrive()), "data": [{"Arrive": None}, {"Arrive": [arrive()]}]},
    "empty": poll(),
    "no data": {"polled_at_local": NOON, "req_line": "27", "data": []},
    "overlap": poll(arrive(), at="2024-10-27 02:30:00"),
    "after overlap": poll(arrive(), at="2024-10-27 03:00:00"),
    "winter": poll(arrive(), at="2025-01-15 12:00:00.123456"),
    "gap": poll(arrive(), at="2025-03-30 02:30:00"),
    "gap begins": poll(arrive(), at="2025-03-30 02:00:00"),
    "gap is over": poll(arrive(), at="2025-03-30 03:00:00"),
    "2009": poll(arrive(), at="2010-01-01 00:59:59"),
    "2010": poll(arrive(), at="2010-01-01 01:00:00"),
    "a day later": poll(arrive(), at="2025-09-02 10:00:00"),
    "later": poll(arrive(), at="2025-09-02 10:00:01"),
    "no time": poll(arrive(), at=None),
    "no time in a sheet": sheet(arrive(), at=None),
    "bad time": poll(arrive(), at="yesterday"),
    "no stop": poll(without("stop")),
    "blank stop": poll(arrive(stop="  ")),
    "no label": poll(without("line")),
    "blank label": poll(arrive(line="")),
    "negative estimate": poll(arrive(estimateArrive=-1)),
    "zero estimate": poll(arrive(estimateArrive=0)),
    "no estimate": poll(without("estimateArrive")),
    "odd estimate": poll(arrive(estimateArrive="soon")),
    "huge estimate": poll(arrive(estimateArrive=99999999999)),
    "odd deviation": poll(arrive(deviation="far")),
    "odd distance": poll(arrive(DistanceBus="near")),
    "far": poll(arrive(estimateArrive=999999)),
    "nowhere": poll(arrive(geometry={"coordinates": [0, 0]})),
    "half nowhere": poll(arrive(geometry={"coordinates": [0, 40.5]})),
    "no geometry": poll(without("geometry")),
    "head": poll(arrive(isHead=True)),
    "text head": poll(arrive(isHead="True")),
    "odd head": poll(arrive(isHead="perhaps")),
    "no bus": poll(arrive(bus=None)),
    "text bus": poll(arrive(bus="0140")),
    "zeros": poll(arrive(line="001"), line=1),
    "letters": poll(arrive(line="N1"), line="0501"),
    "not asked": poll(arrive(), line=None),
    "spanish": poll(arrive(destination="ARGÜELLES")),
    "one bad of three": poll(arrive(bus=1), arrive(stop=None), arrive(bus=3)),
}


@pytest.fixture(scope="module")
def answered(new_lake: Callable[[], Lake]) -> dict[str, list[Row]]:
    """What became of each payload, by its name."""
    lake = new_lake()
    file = lake.land("emt/arrivals", *PAYLOADS.values())
    found: dict[str, list[Row]] = {name: [] for name in PAYLOADS}
    for row in lake.judged(arrivals_predictions.JOB, file):
        found[list(PAYLOADS)[row["source_row"] - 1]].append(row)
    return found


@pytest.fixture
def one(answered: dict[str, list[Row]]) -> Callable[[str], Row]:
    """The one row of a payload, accepted."""

    def get(name: str) -> Row:
        (row,) = answered[name]
        assert row["reject"] is None, row
        return row

    return get


@pytest.mark.parametrize("name", ["poll", "sheet"])
def test_recorded_shapes(one: Callable[[str], Row], name: str) -> None:
    """A poll of a JSON lines file and a workbook's row give the same columns."""
    row = one(name)
    assert {k: row[k] for k in arrivals_predictions.TABLE.names if k != "id"} == {
        "event_ts": utc("2025-08-26 10:00"),
        "line": "027",
        "label": "27",
        "stop_id": "62",
        "destination": "PLAZA CASTILLA",
        "is_head": False,
        "deviation": 0,
        "bus": "140",
        "estimate_arrive_sec": 399,
        "distance_bus_m": -3,
        "position_type_bus": "0",
        "lon": -3.6895881487124873,
        "lat": 40.5,
    }
    assert row["id"] == judge.arrival_id(utc("2025-08-26 10:00"), arrive())


def test_a_live_reply_has_the_time_of_fetching(answered: dict[str, list[Row]]) -> None:
    """Live polls happen when they are fetched; what was asked comes from the request."""
    for name in ("live", "live with null"):
        (row,) = answered[name]
        assert (row["event_ts"], row["line"], row["reject"]) == (LANDED, None, None)


def test_the_request_names_the_line(lake: Lake) -> None:
    """The asked line of a live poll is in its request, zero-padded to three digits."""
    file = lake.land("emt/arrivals", live(arrive()), request={"stop": 62, "line": 27})
    assert [r["line"] for r in lake.judged(arrivals_predictions.JOB, file)] == ["027"]


def test_empty_polls_have_no_rows(answered: dict[str, list[Row]]) -> None:
    """A poll that answers nothing makes no row, and refuses none."""
    assert answered["empty"] == answered["no data"] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("overlap", "2024-10-27 00:30"),
        ("after overlap", "2024-10-27 02:00"),
        ("winter", "2025-01-15 11:00:00.123456"),
        ("gap is over", "2025-03-30 01:00"),
        ("2010", "2010-01-01 00:00"),
        ("a day later", "2025-09-02 08:00"),
    ],
)
def test_times(one: Callable[[str], Row], name: str, expected: str) -> None:
    """Madrid's clock in UTC, to the microsecond; of the overlap the earlier instant."""
    assert one(name)["event_ts"] == utc(expected)


REJECTED = {
    "gap": "spring",
    "gap begins": "spring",
    "2009": "before 2010",
    "later": "after landing",
    "no time": "no event_ts",
    "no time in a sheet": "no event_ts",
    "bad time": "no event_ts",
    "no stop": "no stop_id",
    "blank stop": "no stop_id",
    "no label": "no label",
    "blank label": "no label",
    "negative estimate": "negative estimate",
    "odd estimate": "not a number",
    "huge estimate": "not a number",
    "odd deviation": "not a number",
    "odd distance": "not a number",
}


@pytest.mark.parametrize("name", list(REJECTED))
def test_rejections(answered: dict[str, list[Row]], name: str) -> None:
    """Each unusable arrival is a rejected row that says why and keeps what was answered."""
    (row,) = answered[name]
    assert row["reject"] is not None
    assert REJECTED[name] in row["reject"]
    assert row["row_json"]


def test_a_bad_row_leaves_its_neighbours(answered: dict[str, list[Row]]) -> None:
    """One unusable arrival of a reply does not take the others with it."""
    found = [(row["item"], row["bus"], row["reject"]) for row in answered["one bad of three"]]
    assert found == [(0, "1", None), (1, "140", "no stop_id"), (2, "3", None)]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("zero estimate", {"estimate_arrive_sec": 0}),
        ("no estimate", {"estimate_arrive_sec": None}),
        ("far", {"estimate_arrive_sec": None}),
        ("nowhere", {"lon": None, "lat": None}),
        ("half nowhere", {"lon": 0.0, "lat": 40.5}),
        ("no geometry", {"lon": None, "lat": None}),
        ("head", {"is_head": True}),
        ("text head", {"is_head": True}),
        ("odd head", {"is_head": None}),
        ("no bus", {"bus": None}),
        ("text bus", {"bus": "0140"}),
        ("zeros", {"label": "001", "line": "001"}),
        ("letters", {"label": "N1", "line": "0501"}),
        ("not asked", {"line": None, "label": "27"}),
        ("spanish", {"destination": "ARGÜELLES"}),
    ],
)
def test_values(one: Callable[[str], Row], name: str, columns: Row) -> None:
    """Sentinels are null, zeros stay in labels, codes have three digits, unknown is null."""
    row = one(name)
    assert {key: row[key] for key in columns} == columns


def test_ids_are_the_judges(answered: dict[str, list[Row]]) -> None:
    """One id, one content: the hash of instant and fields as answered, told twice."""
    for name, rows in answered.items():
        arrivals = PAYLOADS[name].get("Arrive") or PAYLOADS[name]["data"]
        if rows and rows[0]["reject"] is None and name != "live with null":
            said = arrivals[0].get("Arrive", [arrivals[0]])
            for row in rows:
                expected = judge.arrival_id(row["event_ts"], said[row["item"]])
                assert row["id"] == expected, name
    ids = {row["id"] for rows in answered.values() for row in rows}
    assert len(ids) > len(PAYLOADS) / 2


def test_incidents_travel_with_polls(lake: Lake) -> None:
    """An incident has one row whatever carried it; times are Madrid's, or GMT where it says so."""
    lake.make(incidents.TABLE)
    said = {
        "guid": "g1",
        "title": "Líneas 1, C03 y N25: desvío",
        "description": "Por obras en la línea 27.",
        "pubDate": "Tue, 26 Aug 2025 09:00:00 GMT",
        "rssFrom": "26/08/2025 9:00:00",
        "rssTo": "27/08/2025 00:00:00",
        "cause": "ROADWORKS",
        "effect": "DETOUR",
        "moreInfo": {"@url": "more.pdf"},
    }
    later = {**said, "pubDate": "Tue, 26 Aug 2025 10:00:00 GMT", "title": "Línea 27"}
    carried = {"ListaIncident": {"data": [said, later]}}
    single = {"ListaIncident": {"data": {**said, "guid": "g2"}}}
    files = [
        lake.land("emt/arrivals", {"code": "00", "data": [{"Incident": carried}]}),
        lake.land("emt/arrivals", {**sheet(), "Incident": single}),
        lake.land("emt/incidents", {**said, "guid": "g3", "rssTo": "31/02/2025 10:00:00"}),
    ]
    rows = {(r["guid"], r["title"]): r for r in lake.judged(incidents.JOB, *files)}
    assert {guid for guid, _ in rows} == {"g1", "g2", "g3"}
    first = rows["g1", said["title"]]
    assert first["lines"] == ["1", "C03", "N25", "27"]
    assert first["published_ts"] == utc("2025-08-26 09:00")
    assert first["valid_from_ts"] == utc("2025-08-26 07:00")
    assert first["valid_to_ts"] == utc("2025-08-26 22:00")
    assert (first["cause"], first["more_info_url"]) == ("ROADWORKS", "more.pdf")
    assert rows["g3", said["title"]]["valid_to_ts"] is None
    lake.put(incidents.TABLE, rows.values())
    titles = {r["guid"]: r["title"] for r in lake.rows(incidents.TABLE)}
    assert titles["g1"] == "Línea 27"
    assert days.local(first["valid_from_ts"]).hour == 9
