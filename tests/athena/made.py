"""The city's lake in an emulated AWS, made once a session by our own jobs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from console import tables, toolchain
from console.emulator.emr_submit import DRIVER_MEMORY, MASTER, S3_JARS, Submission, local_conf
from console.questions import remote
from jobs.bronze.weatherapi_current import TABLE
from lakehouse import catalog, settings
from tests.athena import city
from tests.stream import record, rows

if TYPE_CHECKING:
    from console.emulator.server import Server
    from lakehouse.settings import Settings

PROJECT = Path(__file__).parents[2]
PREFIX = "city_dev"
BUCKET = "city-dev-lake"
RESULTS = "city-dev-results"


_MADE: dict[str, Settings] = {}


def lake(server: Server) -> Settings:
    """The settings of the lake, made where it is not yet, its views included."""
    if server.url not in _MADE:
        made = make(server)
        list(remote.apply(made))
        _MADE[server.url] = made
    return _MADE[server.url]


def make(server: Server) -> Settings:
    """The lake without views; the process's environment has credentials for it from now on."""
    os.environ.update(server.credentials())
    loaded = settings.load(
        {}, place="emulated", home=f"s3://{BUCKET}", prefix=PREFIX, endpoint=server.url,
        region=server.region,
    )  # fmt: skip
    server.client("s3").create_bucket(Bucket=BUCKET)
    views = catalog.database(loaded, "views")  # Terraform's: no table of ours lies in it
    place = f"{catalog.warehouse(loaded)}/{views}.db"
    server.client("glue").create_database(DatabaseInput={"Name": views, "LocationUri": place})
    _workgroup(server, remote.workgroup(loaded))
    done = subprocess.run(
        [sys.executable, "-m", "tests.athena.making"],
        cwd=PROJECT, env=_environment(loaded), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    _deliver(loaded)
    return loaded


def _workgroup(server: Server, name: str) -> None:
    """As Terraform makes it: the place of its results is its own."""
    server.client("s3").create_bucket(Bucket=RESULTS)
    place = {"OutputLocation": f"s3://{RESULTS}/athena/"}
    server.client("athena").create_work_group(
        Name=name,
        Configuration={"ResultConfiguration": place, "EnforceWorkGroupConfiguration": True},
    )


def _environment(loaded: Settings) -> dict[str, str]:
    """What EMR gives a job run: the lake's variables, Spark's settings, and jars."""
    submission = Submission("", (), {**catalog.spark_conf(loaded)})
    conf = {**local_conf(submission, loaded.endpoint, loaded.region)}
    conf |= {"spark.sql.shuffle.partitions": "2", "spark.log.level": "ERROR"}
    names = ("iceberg-spark-runtime-3.5_2.12", "iceberg-aws-bundle", *S3_JARS)
    jars = ",".join(str(toolchain.jar(name)) for name in names)
    words = [f'--conf "{name}={value}"' for name, value in conf.items()]
    return {
        **{name: text for name, text in os.environ.items() if not name.startswith("LAKE_")},
        "JAVA_HOME": str(toolchain.java_home()),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": " ".join(
            [f"--master {MASTER} --driver-memory {DRIVER_MEMORY} --jars {jars}", *words,
             "pyspark-shell"]
        ),
        "PYTHONPATH": str(PROJECT),
        **{
            f"LAKE_{name.upper()}": str(getattr(loaded, name))
            for name in ("place", "home", "prefix", "endpoint", "region")
        },
    }  # fmt: skip


def _deliver(loaded: Settings) -> None:
    """What the stream brings after the last run: a new observation, and a known one again."""
    data = [record(a, city.POLLED) for a in (city.not_yet_merged(), city.weather(1)[2])]
    opened = tables.open_catalog(loaded)
    table = opened.load_table(tables.identifier(loaded, TABLE.full_name))
    table.append(pa.Table.from_pylist(rows(data), schema=table.schema().as_arrow()))
