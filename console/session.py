"""The local place's Spark session: the checked jars, one JVM in the process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from console import toolchain
from lakehouse import catalog

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from lakehouse.settings import Settings

_LOG4J = Path(__file__).with_name("log4j2.properties").as_uri()


def local_conf(settings: Settings) -> dict[str, str]:
    """What the local place adds to the lake's own Spark settings."""
    scratch = settings.root / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    return {
        "spark.master": f"local[{settings.spark_cores}]",
        "spark.driver.memory": settings.spark_memory,
        "spark.jars": ",".join(str(jar) for jar in toolchain.jars()),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "spark-warehouse"),
        # Enough for a full rebuild to sort in memory; Spark joins them again for a small batch.
        "spark.sql.shuffle.partitions": str(8 * settings.spark_cores),
        "spark.driver.extraJavaOptions": (
            "-Duser.timezone=UTC -XX:+UseParallelGC -XX:-UsePerfData "
            f"-Djava.io.tmpdir={scratch} -Dlog4j2.configurationFile={_LOG4J} {settings.spark_java}"
        ),
    }


def start(settings: Settings, **extra: str) -> SparkSession:
    """A Spark session of the local place; the same one if it already runs."""
    from pyspark.sql import SparkSession  # noqa: PLC0415

    from console.tables import open_catalog  # noqa: PLC0415

    open_catalog(settings)  # PyIceberg makes the catalog's tables before Spark opens them
    os.environ["JAVA_HOME"] = str(toolchain.java_home())
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.appName("lake")
    conf = {**catalog.spark_conf(settings), **local_conf(settings), **extra}
    for name, value in conf.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
