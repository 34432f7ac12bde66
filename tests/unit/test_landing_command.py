"""`lake land` and `lake quarantine`: what they print, and the exit code they mean."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
import typer
from landing_files import NOW, STOP, json_lines, tree
from typer.testing import CliRunner, Result

from console import land
from lakehouse.errors import BadInputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WEATHER = json_lines({"location": {}, "current": {}})


@pytest.fixture
def lake(tmp_path: Path) -> Callable[..., Result]:
    """Call the command line of a lake in `tmp_path`."""
    app = typer.Typer()
    land.register(app, clock=lambda: NOW)
    env = {"LAKE_HOME": str(tmp_path / "lake"), "LAKE_WEATHER_LOCATION": "soria"}

    def call(*words: object) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words], env=env)

    return call


def bronze(root: Path) -> list[dict[str, Any]]:
    """Every envelope in bronze."""
    return [
        json.loads(line)
        for path in root.glob("lake/bronze/*/*/*/*.gz")
        for line in gzip.open(path, "rt")
    ]


def test_files_are_landed_and_left(lake: Callable[..., Result], tmp_path: Path) -> None:
    """Rows on stdout, talk on stderr, exit code 0, and the user's files stay."""
    file = tmp_path / "stops.jsonl"
    file.write_bytes(json_lines(STOP, STOP))
    result = lake("land", file, "--to", "emt/stops", "--json")
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)
    assert (row["file"], row["status"], row["rows"]) == (str(file), "landed", 2)
    assert "1 of 1  stops.jsonl: landed, 2 rows" in result.stderr
    assert file.exists()
    again = lake("land", file, "--to", "emt/stops")
    assert again.exit_code == 0
    assert "known" in again.stdout


def test_every_file_is_handled_before_the_error(
    lake: Callable[..., Result], tmp_path: Path
) -> None:
    """One bad file never stops the others; the error names it, the reason, and what to type."""
    for name, content in (("a", b""), ("b", json_lines(STOP)), ("c", b"<html>")):
        (tmp_path / name).write_bytes(content)
    words = ["land", *(tmp_path / name for name in "abc"), "--to", "emt/stops", "--json"]
    for status in ("quarantined", "known"):
        result = lake(*words)
        assert [row["status"] for row in json.loads(result.stdout)][::2] == [status, status]
        assert isinstance(result.exception, BadInputError)
        assert result.exception.exit_code == 65
        assert "2 of 3 files" in result.exception.message
        assert "a: an empty file: 0 bytes; c: an HTML page" in result.exception.message
        assert result.exception.next_command == "lake quarantine"
    assert len(bronze(tmp_path)) == 1


def test_quarantine_lists_what_is_in_it(lake: Callable[..., Result], tmp_path: Path) -> None:
    """The table has the reason and the next command; JSON has every bad row too."""
    assert lake("quarantine", "--json").stdout == "[]\n"
    file = tmp_path / "stops"
    file.write_bytes(json_lines(STOP, 5))
    lake("land", file, "--to", "emt/stops")
    (entry,) = json.loads(lake("quarantine", "--json").stdout)
    assert entry["rows_kept"] == 1
    assert entry["bad_rows"] == [{"row": 2, "sheet": None, "reason": "not a JSON object but int"}]
    assert "1 of 2 rows left out" in lake("quarantine").stdout


def test_without_files_raw_is_swept(lake: Callable[..., Result], tmp_path: Path) -> None:
    """No FILE means everything in raw; a file in no known stream is named and left."""
    raw = tmp_path / "lake/raw"
    for name in ("emt/stops/a", "emt/stopps/b"):
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(json_lines(STOP))
    result = lake("land", "--json")
    assert [row["status"] for row in json.loads(result.stdout)] == ["landed"]
    assert isinstance(result.exception, UsageError)
    assert "raw/emt/stopps/b" in result.exception.message
    assert list(tree(raw)) == ["emt/stopps/b"]


def test_a_file_in_raw_is_removed_however_it_is_named(
    lake: Callable[..., Result], tmp_path: Path
) -> None:
    """Raw is a drop zone, also for who names its files."""
    file = tmp_path / "lake/raw/emt/stops/a"
    file.parent.mkdir(parents=True)
    file.write_bytes(json_lines(STOP))
    assert lake("land", file, "--to", "emt/stops").exit_code == 0
    assert not file.exists()


@pytest.mark.parametrize(("words", "place"), [((), "soria"), (("--location", "oslo"), "oslo")])
def test_weather_is_of_the_setting_or_the_option(
    lake: Callable[..., Result], tmp_path: Path, words: tuple[str, ...], place: str
) -> None:
    """A weather file doesn't say which place was asked for; the operator does."""
    file = tmp_path / "weather"
    file.write_bytes(WEATHER)
    assert lake("land", file, "--to", "weatherapi/current", *words).exit_code == 0
    assert [envelope["request"] for envelope in bronze(tmp_path)] == [{"q": place}]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("x",), "go together"),
        (("--to", "emt/stops"), "go together"),
        (("x", "--to", "emt/stops"), "no such file: x"),
        (("x", "--to", "emt"), "is not SOURCE/STREAM"),
        (("x", "--to", "emt/stop"), "unknown stream emt/stop; known: "),
    ],
)
def test_a_mistyped_call_does_nothing(
    lake: Callable[..., Result], tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    """Whatever is wrong with the words is said before a file is touched."""
    result = lake("land", *words)
    assert isinstance(result.exception, UsageError)
    assert reason in result.exception.message
    assert tree(tmp_path) == {}
