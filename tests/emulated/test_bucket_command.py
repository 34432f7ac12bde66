"""`lake land` and `lake quarantine` for a lake that is in a bucket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from console import land
from lakehouse.errors import BadInputError
from tests.emulated.handlers import deploy
from tests.emulated.lakes import bucket_of, landed, put, tree
from tests.unit.landing_files import NOW, STOP, json_lines

if TYPE_CHECKING:
    from pathlib import Path

    from cloudpathlib import S3Path

    from lakehouse.settings import Settings


@pytest.fixture
def root(lake: Settings, monkeypatch: pytest.MonkeyPatch) -> S3Path:
    """The bucket of the lake that the environment names."""
    deploy(lake, monkeypatch)
    return bucket_of(lake)


def run(*words: str) -> Any:
    """What the command printed, as JSON."""
    app = typer.Typer()
    land.register(app, clock=lambda: NOW)
    done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=True)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return json.loads(done.stdout)


def test_a_sweep_empties_the_buckets_raw(root: S3Path) -> None:
    """Without a file named, what waits in raw is landed and removed."""
    put(root, "raw/emt/stops/a", json_lines(STOP))
    (row,) = run("land")
    assert (row["status"], row["rows"]) == ("landed", 1)
    assert row["bronze"].startswith(f"s3://{root.bucket}/bronze/emt/stops/")
    assert not tree(root, "raw/")


def test_a_named_file_is_landed_from_here(root: S3Path, tmp_path: Path) -> None:
    """A file of this machine goes into the bucket, and stays here."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(json_lines(STOP))
    (row,) = run("land", str(file), "--to", "emt/stops")
    assert row["status"] == "landed"
    assert [line["payload"] for line in landed(root)] == [STOP]
    assert file.is_file()


def test_quarantine_is_the_buckets(root: S3Path) -> None:
    """What could not be landed is listed with its reason."""
    put(root, "raw/emt/stops/bad", b"{")
    with pytest.raises(BadInputError, match="not wholly in the lake"):
        run("land")
    (row,) = run("quarantine")
    assert row["file"].startswith("quarantine/emt/stops/")
