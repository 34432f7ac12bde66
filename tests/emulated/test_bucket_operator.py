"""What an operator asks of a lake that is in a bucket, from a shell that `lake env` has set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from console import tables
from jobs.pipeline import TABLES
from lakehouse import settings
from lakehouse.ledger import LEASE, RUN
from tests.emulated.lakes import bucket_of, drop, put, tree
from tests.unit.landing_files import STOP, json_lines

if TYPE_CHECKING:
    from console.emulator.server import Server
    from lakehouse.settings import Settings
    from lakehouse.table import Table

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Shell:
    """A shell of the lake: its settings, and the command in its environment."""

    lake: Settings
    own: Path
    variables: dict[str, str]

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("AWS_", "LAKE_"))}
        return subprocess.run(
            [sys.executable, "-m", "console.main", *words],
            cwd=PROJECT,
            env={**kept, **self.variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def told(self, *words: str) -> Any:
        """What it tells in JSON."""
        done = self(*words, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def acting(emulator: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process acts as the emulator's operator."""
    for name, text in emulator.credentials().items():
        monkeypatch.setenv(name, text)


@pytest.fixture(scope="module")
def shell(emulator: Server, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell of a lake in a fresh bucket, with its tables."""
    bucket = f"test-{uuid4().hex[:12]}"
    emulator.client("s3").create_bucket(Bucket=bucket)
    return shell_of(emulator, bucket, tmp_path_factory.mktemp("own"), TABLES)


def shell_of(emulator: Server, bucket: str, own: Path, made: tuple[Table, ...] = ()) -> Shell:
    """A shell of a lake in this bucket, with these tables made; `own` is this machine's folder."""
    told = {
        "LAKE_PLACE": "emulated",
        "LAKE_HOME": f"s3://{bucket}",
        "LAKE_PREFIX": f"p{uuid4().hex[:8]}",
        "LAKE_ENDPOINT": emulator.url,
        "LAKE_FOLDER": str(own),
        **emulator.environment(),
    }
    shell = Shell(settings.load(told), own, told)
    if made:
        with pytest.MonkeyPatch.context() as environment:
            for name, text in emulator.credentials().items():
                environment.setenv(name, text)
            tables.apply(shell.lake, made)
    return shell


def test_the_doctor_says_what_a_bucket_lacks(emulator: Server, bucket: str, tmp_path: Path) -> None:
    """Without tables the checks that need them fail, and name the command that makes them."""
    done = shell_of(emulator, bucket, tmp_path)("doctor", "--json")
    assert done.returncode == 78, done.stderr
    found = {one["check"]: one for one in json.loads(done.stdout)}
    assert [name for name, one in found.items() if not one["ok"]] == ["tables", "pairs", "leases"]
    assert found["tables"]["next_command"] == "lake tables apply"


@pytest.mark.usefixtures("acting")
def test_the_doctor_examines_a_bucket(shell: Shell) -> None:
    """Files in quarantine and turns that are held are found, by whichever way they are kept."""
    root = bucket_of(shell.lake)
    put(root, "leases/ingest-emt-stops.json", b'{"pid": 1}')
    put(root, "leases/over.json", b"")
    run = tables.open_catalog(shell.lake).load_table(tables.identifier(shell.lake, RUN.full_name))
    with run.transaction() as change:
        change.set_properties({f"{LEASE}silver.emt": '{"pid": 2}'})
    drop(root, b"{", name="bad")
    done = shell("doctor", "--json")
    assert done.returncode == 0, done.stdout
    found = {one["check"]: one["found"] for one in json.loads(done.stdout)}
    assert found["leases"] == "held: ingest-emt-stops, silver.emt"
    assert found["quarantine"] == "1 files"


@pytest.mark.usefixtures("acting")
def test_a_plan_counts_the_buckets_new_files(shell: Shell) -> None:
    """Files of the bucket that no table has taken yet are told with their rows; none is made."""
    root = bucket_of(shell.lake)
    drop(root, json_lines(STOP, {**STOP, "node": "2"}))
    before = set(tree(root))
    (row,) = shell.told("plan", "silver.emt")
    assert (row["table"], row["files"], row["rows"]) == ("emt_silver.stops", 1, 2)
    assert set(tree(root)) == before


def test_refused_rows_and_the_report_need_no_folder(shell: Shell) -> None:
    """What was refused is asked of the tables; the report is written to this machine's folder."""
    assert shell.told("rejected", "list") == []
    assert shell.told("rejected", "show", "emt_silver.stops") == []
    done = shell("report")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == shell.own / "report-emulated.html"
