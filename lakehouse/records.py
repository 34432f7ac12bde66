"""Bronze files as a DataFrame of envelopes: which there are, and what one record looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql import DataFrame, SparkSession

    from lakehouse.settings import Settings

CORRUPT = "_corrupt"


def files(spark: SparkSession, settings: Settings, streams: Iterable[str]) -> list[str]:
    """Bronze files of the streams, relative to the lake's root, in order."""
    jvm = spark._jvm  # noqa: SLF001
    root = settings.uri
    conf = spark._jsc.hadoopConfiguration()  # noqa: SLF001
    found = []
    for stream in streams:
        pattern = jvm.org.apache.hadoop.fs.Path(f"{root}/bronze/{stream}/date=*/*.jsonl.gz")
        for status in pattern.getFileSystem(conf).globStatus(pattern) or ():
            path = status.getPath()
            found.append(f"bronze/{stream}/{path.getParent().getName()}/{path.getName()}")
    return sorted(found)


def read(spark: SparkSession, settings: Settings, names: list[str], payload: str) -> DataFrame:
    """One row a record: stream, fetched_at, request (map), payload, source_uri, source_row.

    `payload` is the type of the answered payload. `_corrupt` holds the line where it does not
    fit: such a record is a rejected row, never a silent null.
    """
    envelope = (
        "source string, stream string, fetched_at timestamp, "
        "origin struct<uri: string, sha256: string, sheet: string, row: bigint>, "
        f"request map<string, string>, payload {payload}, {CORRUPT} string"
    )
    root = settings.uri
    lines = spark.read.text([f"{root}/{name}" for name in names])
    options = {"columnNameOfCorruptRecord": CORRUPT, "mode": "PERMISSIVE"}
    parsed = lines.select(
        F.from_json("value", envelope, options).alias("e"), F.input_file_name().alias("_file")
    )
    return parsed.select(
        F.concat_ws("/", "e.source", "e.stream").alias("stream"),
        "e.fetched_at",
        "e.request",
        "e.payload",
        F.coalesce("e.origin.uri", "_file").alias("source_uri"),
        F.col("e.origin.row").alias("source_row"),
        f"e.{CORRUPT}",
    )
