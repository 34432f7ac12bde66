"""Bronze as a DataFrame of envelopes: which files there are, and what one record looks like."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import streams

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql import SparkSession

    from lakehouse.settings import Settings

CORRUPT = "_corrupt"


def files(spark: SparkSession, settings: Settings, of: Iterable[str]) -> list[str]:
    """Bronze files of the streams, relative to the lake's root, in order."""
    jvm = spark._jvm  # noqa: SLF001
    root = settings.uri
    conf = spark._jsc.hadoopConfiguration()  # noqa: SLF001
    found = []
    for stream in of:
        pattern = jvm.org.apache.hadoop.fs.Path(f"{root}/bronze/{stream}/date=*/*.jsonl.gz")
        for status in pattern.getFileSystem(conf).globStatus(pattern) or ():
            path = status.getPath()
            found.append(f"bronze/{stream}/{path.getParent().getName()}/{path.getName()}")
    return sorted(found)


def read(spark: SparkSession, settings: Settings, names: list[str], payload: str) -> DataFrame:
    """One row a record: stream, fetched_at, request (map), payload, source_uri, source_row.

    `names` are bronze files, or parts of stream tables (`lakehouse.streams`). `payload` is the type
    of the answered payload. `_corrupt` holds the line where it does not fit: such a record is a
    rejected row, never a silent null.
    """
    envelope = (
        "source string, stream string, fetched_at timestamp, "
        "origin struct<uri: string, sha256: string, sheet: string, row: bigint>, "
        f"request map<string, string>, payload {payload}, {CORRUPT} string"
    )
    options = {"columnNameOfCorruptRecord": CORRUPT, "mode": "PERMISSIVE"}
    parsed = _lines(spark, settings, names).select(
        F.from_json("value", envelope, options).alias("e"), "_file", "_row"
    )
    return parsed.select(
        F.concat_ws("/", "e.source", "e.stream").alias("stream"),
        "e.fetched_at",
        "e.request",
        "e.payload",
        F.coalesce("e.origin.uri", "_file").alias("source_uri"),
        F.coalesce("e.origin.row", "_row").alias("source_row"),
        f"e.{CORRUPT}",
    )


def _lines(spark: SparkSession, settings: Settings, names: list[str]) -> DataFrame:
    """The records as text, with the place of those that do not say it themselves."""
    delivered = [name for name in names if streams.is_name(name)]
    landed = [f"{settings.uri}/{name}" for name in names if not streams.is_name(name)]
    frames = streams.read(spark, settings, delivered)
    if landed:
        # A line of a file says its row in its origin.
        row = F.lit(None).cast("bigint").alias("_row")
        text = spark.read.text(landed)
        frames.append(text.select("value", F.input_file_name().alias("_file"), row))
    return reduce(DataFrame.union, frames)
