"""This machine's Spark session, for the lake of any place: checked jars, one JVM in the process."""

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


def jars(settings: Settings) -> list[Path]:
    """The checked jars that a session of this lake needs."""
    return [*toolchain.jars(), *(toolchain.jars("emulated") if settings.in_bucket else ())]


def local_conf(settings: Settings) -> dict[str, str]:
    """What this machine adds to the lake's own Spark settings."""
    from console.deployed.place import own_folder  # noqa: PLC0415

    scratch = own_folder(settings) / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    region = f" -Daws.region={settings.region}" if settings.region else ""
    return {
        "spark.master": f"local[{settings.spark_cores}]",
        "spark.driver.memory": settings.spark_memory,
        "spark.jars": ",".join(str(jar) for jar in jars(settings)),
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
            f"-Djava.io.tmpdir={scratch} -Dlog4j2.configurationFile={_LOG4J} "
            f"{settings.spark_java}{region}"
        ),
        **(_bucket_conf(settings) if settings.in_bucket else {}),
    }


def _bucket_conf(settings: Settings) -> dict[str, str]:
    """How bronze is listed and read outside EMR, with whatever credentials this machine has."""
    chain = "com.amazonaws.auth.DefaultAWSCredentialsProviderChain"
    return {
        **s3_conf(settings.endpoint, settings.region),
        "spark.hadoop.fs.s3a.aws.credentials.provider": chain,
    }


def s3_conf(endpoint: str, region: str) -> dict[str, str]:
    """Hadoop's file system for s3://, which EMR brings; an endpoint where it is not AWS's own."""
    own = {
        "spark.hadoop.fs.s3a.endpoint": endpoint,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": str(endpoint.startswith("https:")).lower(),
    }
    return {
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        **({"spark.hadoop.fs.s3a.endpoint.region": region} if region else {}),
        **(own if endpoint else {}),
    }


def start(settings: Settings, **extra: str) -> SparkSession:
    """A Spark session of the lake; the same one if it already runs."""
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
