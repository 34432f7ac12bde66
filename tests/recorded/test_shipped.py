"""The shipped zip alone, by spark-submit, under the oldest Python that EMR runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pyspark

from console import package, session, tables, toolchain
from ingestion.bronze import Bronze, Origin, Record, Stream
from jobs.pipeline import TABLES
from lakehouse import catalog, settings

from .conftest import Made

if TYPE_CHECKING:
    import pytest

_LANDED = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
_ARRIVAL = {
    "line": "1",
    "stop": "62",
    "isHead": "False",
    "destination": "ATOCHA",
    "deviation": 0,
    "bus": 6746,
    "geometry": {"type": "Point", "coordinates": [-3.69, 40.41]},
    "estimateArrive": 71,
    "DistanceBus": 363,
    "positionTypeBus": "0",
}


def _python(version: str) -> str | None:
    """A Python of that version that really starts (a shim may name one that is not there)."""
    candidates = [shutil.which(f"python{version}")]
    pyenv = os.environ.get("PYENV_ROOT")
    candidates += [str(p) for p in Path(pyenv or "/none").glob(f"versions/{version}.*/bin/python")]
    for candidate in candidates:
        if candidate and _starts(candidate, version):
            return candidate
    return None


def _starts(python: str, version: str) -> bool:
    asked = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.strip() == version


def _landed(root: Path) -> None:
    payload = {
        "polled_at_local": "2026-03-02 09:00:00",
        "req_line": "001",
        "data": [{"Arrive": [_ARRIVAL]}],
    }
    record = Record(payload, {}, Origin("originals/x/poll.json", "x", 1))
    Bronze(root).write_file(
        Stream("emt", "arrivals"), [record], sha256="0" * 64, fetched_at=_LANDED
    )


def test_the_zip_runs_by_spark_submit_with_pyspark_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A silver and a gold job of the zip, under Python 3.9 where there is one, else this one."""
    python = _python("3.9") or sys.executable
    with capsys.disabled():
        sys.stdout.write(f"\nshipped code runs under {python}\n")
    loaded = settings.load({}, home=str(tmp_path / "lake"))
    tables.apply(loaded, TABLES)
    _landed(loaded.root)
    archive, entry = package.build(tmp_path / "code")
    conf = {**catalog.spark_conf(loaded), **session.local_conf(loaded)}
    master, memory = conf.pop("spark.master"), conf.pop("spark.driver.memory")
    command = [
        str(Path(pyspark.__file__).parent / "bin" / "spark-submit"),
        *("--master", master, "--driver-memory", memory, "--py-files", str(archive)),
        *(part for key, value in conf.items() for part in ("--conf", f"{key}={value}")),
        *(str(entry), "silver.emt", "gold.emt"),
    ]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "JAVA_HOME": str(toolchain.java_home()),
        "PYSPARK_PYTHON": python,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "LAKE_HOME": loaded.home,
    }
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    made = Made(loaded.root)
    assert [r["bus"] for r in made.rows("emt_silver.arrivals_predictions")] == ["6746"]
    assert [r["total_preds"] for r in made.rows("emt_gold.delay_weather_hourly")] == [1]


def test_the_zip_is_the_same_for_the_same_files() -> None:
    """Content-addressed: a running job never sees a replaced file."""
    assert package.content() == package.content()
