"""lines, stops, lines_stops, lines_timetable and service_calendar from every recorded shape."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from jobs.silver.emt import lines, lines_stops, lines_timetable, service_calendar, stops
from lakehouse.ledger import REJECTED_ROW
from tests.spark.lakes import LANDED, Lake, Row, day

if TYPE_CHECKING:
    from lakehouse.job import Silver

SIDE = {"StartTime": "06:00", "StopTime": "23:30", "MinimunFrequency": "9", "MaximumFrequency": "0"}


def entry(line: str = "027", kind: str = "LABORABLE", **changes: Any) -> Row:
    """A line's entry with one day, as the timetable service answers it."""
    head = {"IdLine": line, "Label": line.lstrip("0"), "nameA": "A", "nameB": " "}
    return {**head, "typeOfDays": [{"DayType": kind, "Direction1": SIDE}], **changes}


def cell(line: Any, *entries: Row, cut: bool = False) -> Row:
    """A workbook's row: what was asked, and the cell with its answer, whole or cut."""
    text: Any = json.dumps(entries)[:-9] if cut else list(entries)
    return {"line": line, "label": str(line), "stop_id": 1, "timeTable": text, "stops": None}


def accepted(lake: Lake, job: Silver, *payloads: Any, **options: Any) -> list[Row]:
    """The accepted rows of payloads of the job's first stream."""
    file = lake.land(job.streams[0], *payloads, **options)
    return [row for row in lake.judged(job, file) if row["reject"] is None]


def timetable(lake: Lake, *payloads: Any) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """(line, day type, start) of accepted rows, and (line, reason) of rejected ones."""
    file = lake.land("emt/timetables", *payloads)
    rows = lake.judged(lines_timetable.JOB, file)
    kept = [(r["line"], r["day_type"], r["d1_start_time"]) for r in rows if r["reject"] is None]
    return sorted(kept), sorted((r["line"], r["reject"]) for r in rows if r["reject"])


def test_three_shapes_of_a_timetable(lake: Lake) -> None:
    """A list with typeOfDays, an object, and flat columns give the same columns."""
    flat = {"IdLine": "897", "Label": "897", "HeaderA": "A", "HeaderB": " "}
    days = {"idDayType": "LA", "Direction1": SIDE, "Direction2": {**SIDE, "Frequency": "12"}}
    rows = accepted(
        lake,
        lines_timetable.JOB,
        cell(27, entry()),
        {**cell(28), "timeTable": {**entry("028"), "typeOfDays": {"DayType": "VIERNES"}}},
        {**cell(897), "timeTable": {**flat, "DayType": [days]}},
    )
    named = {row["line"]: row for row in rows}
    assert {line: row["day_type"] for line, row in named.items()} == {
        "027": "LA",
        "028": "VI",
        "897": "LA",
    }
    first = named["027"]
    assert (first["label"], first["name_a"], first["name_b"]) == ("27", "A", None)
    assert (first["d1_start_time"], first["d1_stop_time"]) == ("06:00", "23:30")
    assert (first["d1_min_freq"], first["d1_max_freq"], first["d1_freq"]) == (9, 0, None)
    assert (first["d2_start_time"], first["d2_min_freq"]) == (None, None)
    assert first["valid_from"] == day("2025-09-01")
    assert named["028"]["d1_start_time"] is None
    assert (named["897"]["name_a"], named["897"]["d2_freq"]) == ("A", 12)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("LABORABLE", "LA"),
        ("VIERNES", "VI"),
        ("SABADO", "SA"),
        ("FESTIVO", "FE"),
        ("LA", "LA"),
        ("fe", "FE"),
    ],
)
def test_day_types_long_and_short(lake: Lake, said: str, kind: str) -> None:
    """Both spellings of a day type mean the same."""
    assert timetable(lake, cell(27, entry(kind=said))) == ([("027", kind, "06:00")], [])


def test_the_day_begins_in_madrid(lake: Lake) -> None:
    """valid_from is the local date of fetching."""
    late = LANDED.replace(hour=22, minute=30)
    (row,) = accepted(lake, lines_timetable.JOB, cell(27, entry()), at=late)
    assert row["valid_from"] == day("2025-09-02")


def test_only_a_lines_own_entries(lake: Lake) -> None:
    """A reply lists every line of a stop: the asked line's own entry counts, codes padded."""
    other = entry("028", typeOfDays=[{"DayType": "FE", "Direction1": SIDE}])
    assert timetable(lake, cell("27", other, entry("27"))) == ([("027", "LA", "06:00")], [])


def test_a_cut_cell_is_mended_by_another_lines(lake: Lake) -> None:
    """Entries that a cut cell misses come from the whole cell of another line."""
    kept, refused = timetable(
        lake, cell(28, entry("028"), cut=True), cell(27, entry("027"), entry("028", "SABADO"))
    )
    assert (kept, refused) == ([("027", "LA", "06:00"), ("028", "SA", "06:00")], [])


def test_copies_that_differ_are_refused(lake: Lake) -> None:
    """Two answers for one line at one time: both are rejected rows, not one by chance."""
    late = {**SIDE, "StartTime": "07:00"}
    other = entry(typeOfDays=[{"DayType": "LA", "Direction1": late}])
    kept, refused = timetable(lake, cell(27, entry()), cell(27, other), cell(28, entry("028")))
    assert kept == [("028", "LA", "06:00")]
    assert [line for line, _ in refused] == ["027", "027"]
    assert all("differ" in reason for _, reason in refused)


def test_equal_copies_collapse(lake: Lake) -> None:
    """The same entry in many cells is one row."""
    lake.make(lines_timetable.TABLE)
    file = lake.land("emt/timetables", cell(27, entry()), cell(27, entry()))
    counts = lake.put(lines_timetable.TABLE, lake.judged(lines_timetable.JOB, file))
    assert (counts.inserted, counts.collapsed) == (1, 1)
    assert [r["source_row"] for r in lake.rows(lines_timetable.TABLE)] == [1]


def test_a_line_without_days_is_reported(lake: Lake) -> None:
    """A line whose answer has no day, or cannot be read anywhere, is a rejected row."""
    empty, single = entry("090", typeOfDays=[]), entry("091", typeOfDays=None)
    kept, refused = timetable(
        lake, cell(90, empty), cell(91, single), cell(92, entry("092"), cut=True)
    )
    assert kept == []
    assert refused == [(line, "a line without days") for line in ("090", "091", "092")]


def test_an_unknown_day_type_is_refused(lake: Lake) -> None:
    """A day type that nobody knows is a rejected row; the line's other days enter."""
    days = [{"DayType": "LUNES", "Direction1": SIDE}, {"DayType": "SA", "Direction1": SIDE}]
    kept, refused = timetable(lake, cell(27, entry(typeOfDays=days)))
    assert kept == [("027", "SA", "06:00")]
    assert refused == [("027", "an unknown day type")]


def test_every_refused_row_has_its_own_place(lake: Lake) -> None:
    """Two refused rows of one cell, of two lines, are two rows in ops.rejected_row."""
    lake.make(lines_timetable.TABLE)
    file = lake.land(
        "emt/timetables",
        cell(27, entry("027", "LUNES"), entry("028", "LUNES")),
        cell(28, entry("028", "LUNES"), cut=True),
    )
    rows = [r for r in lake.judged(lines_timetable.JOB, file) if r["reject"]]
    assert sorted(r["line"] for r in rows) == ["027", "028"]
    places = {tuple(r[k] for k in ("source_uri", "source_row", "item")) for r in rows}
    assert len(places) == 2, REJECTED_ROW.key


def test_live_timetables(lake: Lake) -> None:
    """A reply of the service holds its lines below data."""
    reply = {"code": "00", "data": [{"line": "27", "label": "27", "timeTable": [entry()]}]}
    assert timetable(lake, reply) == ([("027", "LA", "06:00")], [])


def test_lines(lake: Lake) -> None:
    """Lists and single lines; codes have three digits, labels keep their zeros."""
    named = {"nameA": "A", "nameB": None}
    rows = accepted(
        lake,
        lines.JOB,
        {"line": "361", "label": "001", **named},
        {"line": 27, "label": 27, **named},
        {"code": "00", "data": [{"line": "501", "label": "N1"}, {"line": "9", "label": "OO9"}]},
        {"line": "700", "label": " ", **named},
    )
    assert {r["line"]: r["label"] for r in rows} == {
        "361": "001",
        "027": "27",
        "501": "N1",
        "009": "009",
    }
    assert rows[0]["updated_ts"] == LANDED


def test_stops(lake: Lake) -> None:
    """The list of stops, one by one or together; a single line is a list of one."""
    place = {"geometry": {"coordinates": [-3.7, 40.4]}}
    rows = accepted(
        lake,
        stops.JOB,
        {"node": 62, "name": "Cibeles", "lines": ["27/1", "001/2"], **place},
        {"code": "01", "data": [{"node": "63", "name": " ", "lines": "5/1"}, {"node": None}]},
    )
    assert [(r["stop_id"], r["stop_name"], r["lines"]) for r in rows] == [
        ("62", "Cibeles", ["27/1", "001/2"]),
        ("63", None, ["5/1"]),
    ]
    assert (rows[0]["lon"], rows[0]["lat"], rows[1]["lon"]) == (-3.7, 40.4, None)


def stop(number: int, **changes: Any) -> Row:
    """A stop of a line, as answered."""
    place = {"geometry": {"coordinates": [-3.7, 40.4]}}
    return {
        "stop": number,
        "name": "S",
        "postalAddress": "P",
        "dataLine": "027",
        **place,
        **changes,
    }


def test_stops_of_lines(lake: Lake) -> None:
    """Stops below a line and a direction; where two differ only in pmv, the smaller stays."""
    lake.make(lines_stops.TABLE)
    sheet = {"line": 27, "label": "27", "stop_id": 1, "timeTable": None}
    rows = accepted(
        lake,
        lines_stops.JOB,
        {**sheet, "stops": [stop(1, pmv="61234"), stop(1, pmv="60000"), stop(2, pmv=None)]},
        {**sheet, "stop_id": 2, "label": "OO1", "stops": [stop(1, dataLine=["027", "361"])]},
    )
    lake.put(lines_stops.TABLE, rows)
    found = {(r["direction"], r["stop_id"]): r for r in lake.rows(lines_stops.TABLE)}
    assert {key: row["pmv"] for key, row in found.items()} == {
        (1, "1"): "60000",
        (1, "2"): None,
        (2, "1"): None,
    }
    assert found[2, "1"]["data_lines"] == ["027", "361"]
    assert found[1, "1"]["data_lines"] == ["027"]
    assert {r["line"] for r in found.values()} == {"027"}
    assert found[2, "1"]["label"] == "001"


def test_the_smaller_panel_is_the_smaller_number(lake: Lake) -> None:
    """9 is smaller than 10, though not as text."""
    sheet = {"line": 27, "label": "27", "stop_id": 1, "timeTable": None}
    rows = accepted(
        lake, lines_stops.JOB, {**sheet, "stops": [stop(1, pmv="10"), stop(1, pmv="9")]}
    )
    assert {r["pmv"] for r in rows} == {"9"}


def test_stops_that_cannot_be_read(lake: Lake) -> None:
    """A cut list of stops is a rejected row, not an empty one."""
    row = {"line": 27, "label": "27", "stop_id": 1, "timeTable": None, "stops": "[{'stop': 1, 'na"}
    file = lake.land("emt/timetables", row, {**row, "stops": None})
    (refused,) = lake.judged(lines_stops.JOB, file)
    assert refused["reject"] == "the list of stops cannot be read"


def calendar(lake: Lake, *landed: tuple[str, Row]) -> dict[Any, tuple[str, str]]:
    """Day types by day after landing and merging files one after the other."""
    lake.make(service_calendar.TABLE)
    for hours, (stream, payload) in enumerate(landed):
        file = lake.land(stream, payload, at=LANDED + timedelta(hours=hours))
        lake.put(service_calendar.TABLE, lake.judged(service_calendar.JOB, file))
    rows = lake.rows(service_calendar.TABLE)
    return {row["day"]: (row["day_type"], row["origin"]) for row in rows}


DERIVED = ("calendar/derived", {"day": "2025-08-26", "day_type": "LA"})
SAID = ("emt/calendar", {"code": "00", "data": [{"date": "26/08/2025 0:00:00", "dayType": "FE"}]})


@pytest.mark.parametrize("order", [[DERIVED, SAID], [SAID, DERIVED]])
def test_emts_day_type_wins(lake: Lake, order: list[tuple[str, Row]]) -> None:
    """Whichever comes first, EMT's word counts and the derived one does not."""
    assert calendar(lake, *order) == {day("2025-08-26"): ("FE", "emt")}


@pytest.mark.parametrize("kinds", [("LA", "FE"), ("FE", "LA")])
def test_a_derived_day_is_corrected(lake: Lake, kinds: tuple[str, str]) -> None:
    """A holiday announced later makes the derived day another one, either way round."""
    landed = [("calendar/derived", {"day": "2025-08-26", "day_type": kind}) for kind in kinds]
    assert calendar(lake, *landed) == {day("2025-08-26"): (kinds[1], "derived")}


@pytest.mark.parametrize("date", ["2025-8-6", "06/08/25", "31/02/2025", "tomorrow", None])
def test_a_date_nobody_can_read(lake: Lake, date: str | None) -> None:
    """An odd date is a rejected row, never the end of the run."""
    payload = {"code": "00", "data": [{"date": date, "dayType": "LA"}]}
    file = lake.land("emt/calendar", payload, {"date": "2025-08-26", "dayType": "XX"})
    first, second = lake.judged(service_calendar.JOB, file)
    assert (first["reject"], second["reject"]) == ("no day", "an unknown day type")
