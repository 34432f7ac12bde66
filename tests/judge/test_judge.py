"""The judge judged: each rule on a few made-up rows."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from . import arrivals, catalogue, days, emt, golden, headway, model, weather
from .reading import Poll

if TYPE_CHECKING:
    from pathlib import Path

    from .reading import Row

NOON = datetime(2025, 8, 26, 10, 0, tzinfo=days.UTC)  # 12:00 in Madrid, a Tuesday
LANDED = datetime(2025, 9, 1, 8, 0, tzinfo=days.UTC)
NO_WINDOW = (None, None, None, None)

Direction = tuple[str | None, str | None, int | None, int | None]


def answered(**changes: Any) -> Row:
    """Make one arrival as EMT answers it."""
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


def arrival(**changes: Any) -> Row:
    """Make one silver arrival."""
    row = dict.fromkeys(golden.ARRIVAL)
    row |= {"id": "a", "event_ts": NOON, "line": "027", "label": "27", "stop_id": "62"}
    return {**row, "estimate_arrive_sec": 600, "bus": "1", **changes}


def running(one: Direction, other: Direction = NO_WINDOW, **changes: Any) -> Row:
    """Make one timetable row of line 027."""
    row: Row = {"line": "027", "day_type": "LA", "valid_from": date(2025, 1, 1)}
    for number, (start, stop, least, most) in enumerate((one, other), start=1):
        row |= {f"d{number}_start_time": start, f"d{number}_stop_time": stop}
        row |= {f"d{number}_min_freq": least, f"d{number}_max_freq": most}
    return {**row, **changes}


def observation(**changes: Any) -> Row:
    """Make one dry silver observation of Madrid at noon."""
    row: Row = dict.fromkeys(golden.OBSERVED)
    row |= {"location": "madrid", "obs_ts": NOON, "precip_mm": 0.0, "wind_kph": 5.0}
    return {**row, "vis_km": 10.0, **changes}


def promised(rows: list[Row], local: str, line: str | None = "027") -> tuple[Any, Any]:
    """Return the headways promised at a Madrid time."""
    timetable = headway.Timetable(rows, days.service_calendar([2025]), [])
    return timetable.headway(line, datetime.fromisoformat(local))


def golden_rows(*arrived: Row, **silver: list[Row]) -> list[Row]:
    """Return the gold rows of the arrivals, with whatever else silver holds."""
    return golden.gold(tables(*arrived, **silver))["arrivals_weather"]


def tables(*arrived: Row, **silver: list[Row]) -> dict[str, list[Row]]:
    """Make silver tables around the arrivals."""
    return {
        "arrivals_predictions": list(arrived),
        "lines_timetable": [],
        "lines": [],
        "meteorology_current": [],
        "service_calendar": days.service_calendar([2025]),
        **silver,
    }


def test_id_is_the_hash_of_what_was_answered() -> None:
    """The id hashes the instant and the fields as answered, coordinates with 18 digits."""
    array = (
        '["2025-08-26T10:00:00.000000Z","27","62","False","PLAZA CASTILLA  ","0","140",'
        '"-3.689588148712487300","40.500000000000000000","399","-3","0"]'
    )
    expected = hashlib.sha256(array.encode()).hexdigest()
    assert arrivals.arrival_id(NOON, answered()) == expected


def test_id_keeps_null_and_letters_as_they_are() -> None:
    """A null field is null in the id's array, and Spanish letters are not escaped."""
    array = (
        '["2025-08-26T10:00:00.000000Z","27","62","False","ARGÜELLES","0",null,'
        '"0.000000000000000000","0.000000000000000000","399","-3","0"]'
    )
    row = answered(destination="ARGÜELLES", bus=None, geometry={"coordinates": [0, 0.0]})
    assert arrivals.arrival_id(NOON, row) == hashlib.sha256(array.encode()).hexdigest()


def test_repeats_collapse_and_bad_rows_are_rejected() -> None:
    """Every answered arrival is accepted, collapsed or rejected."""
    rows = [answered(), answered(), answered(stop=" "), answered(estimateArrive=-1)]
    polls = [
        Poll("2025-08-26 12:00:00", 27, rows, []),
        Poll("2025-03-30 02:30:00", 27, [answered()], []),
        Poll("2009-12-31 12:00:00", 27, [answered()], []),
        Poll("2025-09-02 10:00:01", 27, [answered()], []),
    ]
    converted = arrivals.convert(polls, LANDED)
    assert (converted.answered, len(converted.rows), converted.collapsed) == (7, 1, 1)
    reasons = ["no stop", "negative estimate", "no time", "too early", "too late"]
    assert converted.rejected == dict.fromkeys(reasons, 1)


def test_sentinels_are_null() -> None:
    """999999 is no estimate, [0, 0] no place; a negative distance stays; texts are stripped."""
    row = answered(estimateArrive=999999, geometry={"coordinates": [0.0, 0.0]})
    (found,) = arrivals.convert([Poll("2025-08-26 12:00:00", 1, [row], [])], LANDED).rows
    assert (found["estimate_arrive_sec"], found["lon"], found["lat"]) == (None, None, None)
    assert (found["line"], found["bus"], found["distance_bus_m"]) == ("001", "140", -3)
    assert (found["destination"], found["is_head"], found["event_ts"]) == (
        *("PLAZA CASTILLA", False),
        NOON,
    )


def test_autumn_overlap_is_the_earlier_instant() -> None:
    """A Madrid time that comes twice is its first coming; one that never comes is none."""
    first = datetime(2025, 10, 26, 0, 30, tzinfo=days.UTC)
    assert days.read_local("2025-10-26 02:30:00") == first
    assert days.read_local("2025-03-30 02:30:00") is None


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2025, 8, 26), "LA"),
        (date(2025, 8, 29), "VI"),
        (date(2025, 8, 30), "SA"),
        (date(2025, 8, 31), "FE"),
        (date(2025, 8, 15), "FE"),
        (date(2025, 11, 1), "FE"),
        (date(2025, 5, 15), "FE"),
        (date(2025, 11, 10), "FE"),
        (date(2026, 11, 9), "FE"),
        (date(2026, 11, 10), "LA"),
        (date(2026, 12, 31), "LA"),
    ],
)
def test_day_types(day: date, expected: str) -> None:
    """A holiday wins over Friday and Saturday; the Almudena of a Sunday moves to Monday."""
    calendar = {row["day"]: row["day_type"] for row in days.service_calendar([2025, 2026])}
    assert calendar[day] == expected
    assert len(calendar) == 730


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2025-08-26 05:59:59", None),
        ("2025-08-26 06:00:00", 10),
        ("2025-08-26 23:30:59", 10),
        ("2025-08-26 23:31:00", None),
    ],
)
def test_a_window_holds_both_its_ends(local: str, expected: int | None) -> None:
    """A window is in force from its first minute to its last, both included."""
    assert promised([running(("06:00", "23:30", 10, 20))], local)[0] == expected


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2025-08-30 00:15:00", 8),
        ("2025-08-30 00:30:59", 8),
        ("2025-08-30 00:31:00", None),
        ("2025-08-30 23:59:00", 15),
        ("2025-08-31 00:30:00", 15),
        ("2025-09-01 00:10:00", None),
        ("2025-08-29 00:10:00", None),
    ],
)
def test_a_window_across_midnight_belongs_to_its_first_day(
    local: str, expected: int | None
) -> None:
    """The early morning asks for the day type and the window of the day before."""
    friday = running(("07:00", "00:30", 8, 20), day_type="VI")
    saturday = running(("07:00", "00:30", 15, 20), day_type="SA")
    assert promised([friday, saturday], local)[0] == expected


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2025-08-30 00:30:00", (15, 25)),
        ("2025-08-29 23:45:00", (20, 25)),
        ("2025-08-30 05:40:00", (15, 15)),
        ("2025-08-29 00:30:00", (None, None)),
        ("2025-08-31 00:30:00", (None, None)),
    ],
)
def test_the_other_direction_of_a_night_line_runs_24_hours_later(
    local: str, expected: tuple[int | None, int | None]
) -> None:
    """Where one direction starts late and crosses, the other's early window is the next morning."""
    night = running(("23:30", "05:30", 20, 25), ("00:00", "05:45", 15, 15), day_type="VI")
    assert promised([night], local) == expected


def test_an_early_window_beside_a_day_window_stays() -> None:
    """Without a late crossing direction beside it, an early window is of its own day."""
    early = running(("05:00", "23:00", 9, 9), ("19:59", "01:00", None, None))
    assert promised([early], "2025-08-26 05:30:00")[0] == 9


def test_friday_falls_back_to_working_day() -> None:
    """VI without a row is LA; any other missing day type, or a row without windows, is null."""
    working = running(("06:00", "23:00", 10, 20))
    closed = running(NO_WINDOW, day_type="VI")
    assert promised([working], "2025-08-29 12:00:00") == (10, 20)
    assert promised([working], "2025-08-30 12:00:00") == (None, None)
    assert promised([working, closed], "2025-08-29 12:00:00") == (None, None)


def test_the_version_valid_on_the_service_day() -> None:
    """The latest valid_from up to the service day holds, else the earliest."""
    old = running(("00:00", "23:59", 10, 20), valid_from=date(2025, 8, 20))
    new = running(("00:00", "23:59", 12, 20), valid_from=date(2025, 8, 27))
    found = [promised([new, old], f"2025-08-{day} 12:00:00")[0] for day in (19, 26, 27)]
    assert found == [10, 10, 12]


def test_both_directions_and_no_zeros() -> None:
    """The smallest minimum and the largest maximum count; 0 is not known."""
    rows = [running(("06:00", "23:00", 0, 20), ("06:00", "23:00", 12, 0))]
    assert promised(rows, "2025-08-26 12:00:00") == (12, 20)
    assert promised(rows, "2025-08-26 12:00:00", line=None) == (None, None)


def test_a_null_line_is_found_by_its_one_label() -> None:
    """Without a line the exact label decides, if only one line has it."""
    lines = [{"line": "027", "label": "27"}, {"line": "361", "label": "001"}]
    rows = [running(("06:00", "23:00", 10, 20))]
    asked = [arrival(line=None), arrival(id="b", line=None, label="027")]
    found = golden_rows(*asked, lines=lines, lines_timetable=rows)
    assert [row["expected_headway_min"] for row in found] == [10, None]
    twice = [*lines, {"line": "127", "label": "27"}]
    (unrated,) = golden_rows(arrival(line=None), lines=twice, lines_timetable=rows)
    assert unrated["expected_headway_min"] is None


def test_only_the_first_bus_is_rated() -> None:
    """The ratio is for every rank, delayed for the first; just at the threshold is in time."""
    rows = [running(("06:00", "23:00", 10, 20))]
    buses = [
        arrival(id="a", estimate_arrive_sec=None),
        arrival(id="b", estimate_arrive_sec=781),
        arrival(id="c", estimate_arrive_sec=781, distance_bus_m=5),
        arrival(id="d", estimate_arrive_sec=780, label="x"),
    ]
    found = {row["id"]: row for row in golden_rows(*buses, lines_timetable=rows)}
    assert [found[name]["arrival_rank"] for name in "abcd"] == [3, 2, 1, 1]
    assert [found[name]["delayed"] for name in "abcd"] == [None, None, True, False]
    assert found["b"]["delay_ratio"] == 781 / 600


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [((-30, 30), -30), ((-31, 30), 30), ((-60, 61), -60), ((-61, 60), 60), ((-61, 61), None)],
)
def test_the_nearest_observation(minutes: tuple[int, int], expected: int | None) -> None:
    """The nearest within the hour counts, its ends included; of two as near, the earlier."""
    seen = [observation(obs_ts=NOON + timedelta(minutes=m)) for m in reversed(minutes)]
    elsewhere = observation(location="valencia")
    (row,) = golden_rows(arrival(), meteorology_current=[*seen, elsewhere])
    assert row["obs_ts"] == (None if expected is None else NOON + timedelta(minutes=expected))


@pytest.mark.parametrize(
    ("precip", "wind", "vis", "expected"),
    [
        (2.0, 0.0, 10.0, "severe"),
        (None, 45.0, None, "severe"),
        (0.0, 0.0, 2.9, "severe"),
        (0.5, 0.0, 10.0, "bad"),
        (0.0, 30.0, 3.0, "bad"),
        (0.0, 0.0, 5.9, "bad"),
        (0.1, 0.0, 6.0, "moderate"),
        (None, 20.0, None, "moderate"),
        (0.0, 19.9, 6.0, "good"),
        (None, None, 10.0, "good"),
        (None, None, None, None),
    ],
)
def test_severity(
    precip: float | None, wind: float | None, vis: float | None, expected: str | None
) -> None:
    """The worst rule met decides, and what is not known triggers nothing."""
    assert weather.severity(precip, wind, vis) == expected


def test_delays_of_the_weather_have_three_values() -> None:
    """False wins over unknown, and unknown over true."""
    known = (True, False, None)
    found = [golden.both(one, other) for one in known for other in known]
    assert found == [True, False, None, False, False, False, None, False, None]


def test_an_hour_is_summed_up() -> None:
    """Rates are of the rated, the known and the delayed; nothing over nothing is null."""
    buses = [
        arrival(id="a", estimate_arrive_sec=900),
        arrival(id="b", estimate_arrive_sec=None, line=None),
        arrival(id="c", estimate_arrive_sec=60, stop_id="63", event_ts=NOON + timedelta(hours=3)),
    ]
    storm = observation(precip_mm=3.0, temp_c=0.1, wind_kph=None)
    silver = tables(
        *buses,
        lines_timetable=[running(("06:00", "23:00", 10, 20))],
        meteorology_current=[storm],
    )
    first, second = golden.gold(silver)["delay_weather_hourly"]
    assert first == {
        "event_hour": NOON,
        "label": "27",
        "line": "027",
        "total_preds": 2,
        "rated_preds": 1,
        "censored_preds": 1,
        "delayed_preds": 1,
        "delay_rate": 1.0,
        "adverse_preds": 2,
        "adverse_rate": 1.0,
        "weather_attrib_delays": 1,
        "weather_attrib_rate": 1.0,
        "avg_temp_c": 0.1,
        "avg_wind_kph": None,
        "avg_precip_mm": 3.0,
    }
    assert (second["delay_rate"], second["adverse_rate"], second["avg_temp_c"]) == (0.0, None, None)
    assert second["weather_attrib_rate"] is None


def test_a_mean_is_exact() -> None:
    """Averages don't depend on the order of their rows."""
    assert golden.mean([0.1] * 10) == 0.1
    assert golden.mean([0.1, None, 0.2]) == 0.15
    assert golden.mean([]) is None


def test_timetable_shapes_agree() -> None:
    """A list, an object and both spellings of a day type make the same rows."""
    side = {"StartTime": "06:00", "StopTime": "23:00", "MinimunFrequency": "9"}
    short = {"IdLine": "27", "Label": "27", "nameA": "A", "nameB": "B"}
    long = {"IdLine": "027", "Label": "27", "HeaderA": "A", "HeaderB": "B"}
    one = {**short, "typeOfDays": [{"DayType": "VI", "Direction1": side}]}
    other = {**long, "DayType": {"idDayType": "VIERNES", "Direction1": side}}
    today = date(2025, 9, 1)
    (row,) = catalogue.entry_rows(one, today)
    assert [row] == catalogue.entry_rows(other, today)
    assert (row["line"], row["day_type"], row["d1_min_freq"]) == ("027", "VI", 9)
    assert (row["d1_max_freq"], row["d2_start_time"]) == (None, None)


def test_line_361_is_called_001() -> None:
    """The label of line 361 is 001 in every table, whatever a workbook writes."""
    entry = {"IdLine": "361", "Label": "OO1", "typeOfDays": [{"DayType": "LA"}]}
    assert catalogue.entry_rows(entry, date(2025, 9, 1))[0]["label"] == "001"


def test_an_unknown_form_is_an_error(tmp_path: Path) -> None:
    """Only workbooks and JSON lines can be read."""
    with pytest.raises(ValueError, match="no such form"):
        emt.accounting(tmp_path, form="csv", landed_at=LANDED)


def merged(target: dict[model.Key, Row], *rows: Row, replace: bool = False) -> model.Counts:
    """Merge rows of key k and time t."""
    return model.apply(target, list(rows), key=("k",), latest_by="t", replace=replace)


def test_merge_accounts_for_every_row() -> None:
    """A null key is rejected, repeats collapse onto the latest, and the rest is new."""
    target: dict[model.Key, Row] = {}
    counts = merged(target, {"k": None, "t": 1}, {"k": 1, "t": 1, "v": 1}, {"k": 1, "t": 2, "v": 0})
    assert (counts.rejected, counts.collapsed, counts.inserted) == (1, 1, 1)
    assert target == {(1,): {"k": 1, "t": 2, "v": 0}}


def test_merge_keeps_what_is_newer() -> None:
    """An older row changes nothing unless it replaces; the same content is no change."""
    target: dict[model.Key, Row] = {(1,): {"k": 1, "t": 2, "v": 0, "run_id": "a"}}
    assert merged(target, {"k": 1, "t": 9, "v": 0, "run_id": "b"}).unchanged == 1
    assert merged(target, {"k": 1, "t": 1, "v": 5, "run_id": "b"}).older == 1
    assert target[1,]["run_id"] == "a"
    assert merged(target, {"k": 1, "t": 3, "v": 5, "run_id": "b"}).updated == 1
    assert merged(target, {"k": 1, "t": 1, "v": 6, "run_id": "c"}, replace=True).updated == 1
    assert target[1,] == {"k": 1, "t": 1, "v": 6, "run_id": "c"}


def test_merge_breaks_ties_by_content() -> None:
    """Of two rows as late, the order of coming does not decide."""
    rows: list[Row] = [{"k": 1, "t": 1, "v": value} for value in range(5)]
    forward: dict[model.Key, Row] = {}
    backward: dict[model.Key, Row] = {}
    for row in rows:
        merged(forward, row)
    merged(backward, *reversed(rows))
    assert forward == backward


def test_content_ignores_order_and_audit() -> None:
    """The checksum is of the named columns, in any order of rows."""
    rows = [{"k": 1, "run_id": "a"}, {"k": 2, "run_id": "b"}]
    again = [{"k": 2, "run_id": "c"}, {"k": 1, "run_id": "c"}]
    assert model.content(rows, ["k"]) == model.content(again, ["k"])
    assert model.content(rows, ["k"]) != model.content(rows[:1], ["k"])


def test_counts_that_do_not_add_up_are_refused() -> None:
    """A row that came in and went nowhere is an error."""
    with pytest.raises(AssertionError, match="1 rows came in"):
        model.Counts(rows_in=1).check()
