"""What is uploaded: complete, the same for the same code, and fit for Lambda."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from console import build, contracts, layers
from jobs.pipeline import TABLES
from lakehouse.errors import ConfigurationError
from tests import short_project

TARGET = layers.Target("x86_64")
PARTS = {"jobs", "entry", "ingestion", "tables", "streaming", "notify"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose functions are one line each and need no packages."""
    return short_project.make(tmp_path / "project", keep=frozenset({"console", "lakehouse"}))


def made(project: Path, folder: str = "build") -> build.Built:
    """A build of it."""
    return build.build(project.parent / folder, TARGET, lambda _: None, project)


def test_a_build_is_told_as_terraform_wants_it(project: Path) -> None:
    """All six parts, each below the SHA-256 of its content, with paths from Terraform's folder."""
    made(project)
    told = json.loads((project.parent / "build" / "artifacts.json").read_text())
    assert set(told) == {
        "artifacts",
        "contracts_digest",
        "function_architecture",
        "governed_tables",
        "spark_conf",
    }
    assert set(told["artifacts"]) == PARTS
    assert told["contracts_digest"] == contracts.digest(TABLES)
    for part in told["artifacts"].values():
        path = project / "terraform" / part["path"]
        content = Path(str(path).replace("/terraform/..", "", 1)).read_bytes()
        assert hashlib.sha256(content).hexdigest() == part["sha256"] == path.parent.name


def test_the_same_code_is_the_same_bytes(project: Path) -> None:
    """A build elsewhere, or later, names the same objects; so nothing is uploaded again."""
    first, second = made(project, "one").variables(), made(project, "two").variables()
    shas = [{p: made["sha256"] for p, made in v["artifacts"].items()} for v in (first, second)]
    assert shas[0] == shas[1]


def test_changed_code_is_another_object(project: Path) -> None:
    """A running job never sees a replaced file, and the release before stays one build long."""
    first = made(project).parts["notify"]
    (project / "notify" / "functions.py").write_text("def handle(event, context):\n    return 1\n")
    second = made(project).parts["notify"]
    assert first != second
    assert first.exists()
    assert second.exists()
    made(project)
    assert not first.exists()
    assert second.exists()


def test_missing_code_is_named(project: Path) -> None:
    """A function that is not written yet stops the build, by name."""
    (project / "streaming" / "functions.py").unlink()
    with pytest.raises(ConfigurationError, match=r"zip streaming needs streaming/functions\.py"):
        made(project)


def test_too_large_a_function_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Lambda would not unpack is refused here, not by the apply."""
    monkeypatch.setattr(build, "LARGEST_FUNCTION", 1000)
    with pytest.raises(ConfigurationError, match="Lambda takes 1,000"):
        made(project)
    assert not list((project.parent / "build" / "code").glob(".*.part"))


def test_the_tables_zip_needs_no_pyspark(project: Path, tmp_path: Path) -> None:
    """Unpacked alone, its handler is imported and its contracts are those of the jobs."""
    with zipfile.ZipFile(made(project).parts["tables"]) as archive:
        archive.extractall(tmp_path / "unpacked")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from console import contracts, functions; "
        "found = contracts.from_json(functions.SHIPPED.read_text()); "
        "assert 'pyspark' not in sys.modules; sys.stdout.write(contracts.digest(found))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, str(tmp_path / "unpacked")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == contracts.digest(TABLES)


def test_spark_settings_become_one_string() -> None:
    """Terraform's rules of spark_conf hold: names, no blank or quote, the warehouse in the lake."""
    found = build.spark_conf()
    assert found["spark.sql.catalog.lake.warehouse"] == "s3://${lake}/warehouse"
    assert found["spark.sql.catalog.lake.type"] == "glue"
    for name, value in found.items():
        assert re.fullmatch(r"spark\.[^\s\"']+", name + value)
        assert not re.match(r"spark\.(jars|submit|driver\.|executor\.|emr-serverless)", name)


def test_wheels_are_for_lambda() -> None:
    """No wheel that needs a newer glibc than Amazon Linux 2 has, for either processor."""
    options = layers.Target("arm64").options()
    assert "--platform=manylinux_2_17_aarch64" in options
    assert "--platform=manylinux_2_26_aarch64" in options
    assert not [o for o in options if "manylinux_2_27" in o or "manylinux_2_28" in o]
    with pytest.raises(ConfigurationError, match="x86_64 or arm64"):
        layers.Target("riscv")


def test_nobody_ships_tests_and_headers(tmp_path: Path) -> None:
    """What nobody runs stays out of the zip; what is loaded by name stays in."""
    kept = {
        "pyarrow/lib.cpython-311-x86_64-linux-gnu.so",
        "pyarrow/libarrow.so.2000",
        "pyarrow/libarrow_python.so.2000",
        "pyarrow/libarrow_substrait.so.2000",
        "pyarrow/_dataset.cpython-311-x86_64-linux-gnu.so",
        "requests-2.0.dist-info/METADATA",
        "holidays/countries/spain.py",
    }
    out = {
        "pyarrow/libarrow_flight.so.2000",
        "pyarrow/libarrow_python_flight.so.2000.0.0",
        "pyarrow/_flight.cpython-311-x86_64-linux-gnu.so",
        "pyarrow/libarrow_python.so",
        "pyarrow/libarrow_python.so.2000.0.0",
        "pyarrow/include/arrow/api.h",
        "pyarrow/tests/test_array.py",
        "bin/tool",
        "requests-2.0.dist-info/RECORD",
        "requests/__pycache__/api.cpython-311.pyc",
    }
    for name in kept | out:
        path = tmp_path / "installed" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    layers.pack(tmp_path / "installed", tmp_path / "layer.zip")
    with zipfile.ZipFile(tmp_path / "layer.zip") as archive:
        assert set(archive.namelist()) == kept
        assert {entry.date_time for entry in archive.infolist()} == {layers.WHEN}


def test_a_layer_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same lock for the same target is packed once; another lock is another layer."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lock, told = tmp_path / "function-x.txt", list[str]()
    lock.write_text("# nothing is needed\n")
    first = layers.layer(lock, TARGET, told.append)
    assert layers.layer(lock, TARGET, told.append) == first
    assert len(told) == 1
    lock.write_text("# nothing is needed either\n")
    assert layers.layer(lock, TARGET, told.append) != first
    assert len(told) == 2
