"""The recorded workbooks hold what the recorded JSON lines hold."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from landing_files import NOW, payloads

from ingestion.bronze import Stream
from ingestion.landing import Landed, land

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.recorded

DAYS = ("2025-08-26", "2025-08-27", "2025-08-28")
POLLS = (13_291, 6_102, 4_618)
CATALOGUE = {
    "bus_lines.xlsx": ("lines", 237),
    "emt_lines.xlsx": ("timetables", 474),
    "bus_stops.xlsx": ("stops", 4_887),
    "incidents_distinct.json": ("incidents", 86),
}


def landed(root: Path, file: Path, stream: str) -> Landed:
    """Land a recorded file."""
    source, name = stream.split("/")
    return land(root, file, Stream(source, name), now=NOW, location="madrid", keep_source=True)


def lines(file: Path) -> list[Any]:
    """The JSON lines of a file."""
    with gzip.open(file, "rt", encoding="utf-8") as text:
        return [json.loads(line) for line in text]


def test_polls_of_the_workbooks_are_those_of_the_json_lines(recorded: Path, tmp_path: Path) -> None:
    """24,011 polls: the same instants, stops, lines and lists of arrivals, in the same order."""
    for day, count in zip(DAYS, POLLS, strict=True):
        book = landed(tmp_path, recorded / f"arrivals-{day}.xlsx", "emt/arrivals")
        assert (book.status, book.rows) == ("landed", count)
        polls = lines(recorded / f"arrivals_polls_{day}.jsonl.gz")
        for row, poll in zip(payloads(book), polls, strict=True):
            reply = poll["data"][0]
            assert row["timestamp"] == poll["polled_at_local"]
            assert [str(row["stopId"]), str(row["line"])] == [poll["req_stop"], poll["req_line"]]
            assert row["Arrive"] == reply["Arrive"]
            assert row["StopInfo"] == reply["StopInfo"]
            incidents = row.get("Incident", {}).get("ListaIncident", {}).get("data")
            assert (None if incidents is None else len(incidents)) == poll["n_incidents"]


def test_polls_in_json_lines_are_kept_as_they_are(recorded: Path, tmp_path: Path) -> None:
    """What is JSON already is in bronze unchanged."""
    file = recorded / f"arrivals_polls_{DAYS[2]}.jsonl.gz"
    assert payloads(landed(tmp_path, file, "emt/arrivals")) == lines(file)


def test_weather_of_the_workbooks_is_that_of_the_json_lines(recorded: Path, tmp_path: Path) -> None:
    """66 observations, field for field."""
    books = [
        {key: row[key] for key in ("location", "current")}
        for day in DAYS
        for row in payloads(
            landed(tmp_path, recorded / f"meteorology-{day}.xlsx", "weatherapi/current")
        )
    ]
    rows = payloads(landed(tmp_path, recorded / "weatherapi_current.jsonl", "weatherapi/current"))
    assert len(rows) == 66
    assert books == [row["response"] for row in rows]


def test_the_catalogue_lands_whole_and_only_where_it_belongs(
    recorded: Path, tmp_path: Path
) -> None:
    """Every row of the catalogue is good for its stream, and for none of the others."""
    streams = {f"emt/{stream}" for stream, _ in CATALOGUE.values()} | {"weatherapi/current"}
    for name, (stream, count) in CATALOGUE.items():
        right = landed(tmp_path, recorded / name, f"emt/{stream}")
        assert (right.status, right.rows) == ("landed", count)
        for other in streams - {f"emt/{stream}"}:
            assert landed(tmp_path, recorded / name, other).status == "quarantined"


def test_cells_of_the_timetables_are_whole_or_text(recorded: Path, tmp_path: Path) -> None:
    """74 of 474 cells were cut by Excel and stay text; flat columns are an object again."""
    rows = payloads(landed(tmp_path, recorded / "emt_lines.xlsx", "emt/timetables"))
    kinds = [type(row["timeTable"]).__name__ for row in rows]
    assert {kind: kinds.count(kind) for kind in kinds} == {"list": 398, "str": 74, "dict": 2}
    assert all(len(row["timeTable"]) == 32_767 for row in rows if isinstance(row["timeTable"], str))
    flat = [row for row in rows if isinstance(row["timeTable"], dict)]
    assert {row["timeTable"]["IdLine"] for row in flat} == {"897", "898"}
    assert [len(row["timeTable"]["DayType"]) for row in flat] == [3, 3]


def test_known_files_cost_nothing(recorded: Path, tmp_path: Path) -> None:
    """A second landing reads and hashes, and parses nothing."""
    file, stream = recorded / f"arrivals-{DAYS[2]}.xlsx", "emt/arrivals"
    landed(tmp_path, file, stream)
    start = time.process_time()
    assert landed(tmp_path, file, stream).status == "known"
    assert time.process_time() - start < 0.1
