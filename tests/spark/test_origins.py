"""What a silver column is made of, as Spark plans it: the kept file is that, for every job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyspark.sql import Window
from pyspark.sql import functions as F

from console import origins
from console.origins import Origin
from jobs.pipeline import GROUPS
from lakehouse import settings
from lakehouse.job import Silver, SilverGroup
from lakehouse.table import Column, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from lakehouse.settings import Settings

JOBS = {
    job.table.full_name: job
    for group in GROUPS
    if isinstance(group, SilverGroup)
    for job in group.jobs
}
_NOTE = "payload.note"
AGAIN = "after a change of a transform: python -m console.origins, lake contracts docs"


def test_every_silver_table_is_in_the_file() -> None:
    """No table is left out, and none outlives its job."""
    assert set(origins.known()) == set(JOBS), AGAIN


@pytest.mark.parametrize("name", sorted(JOBS))
def test_the_file_is_what_spark_plans(spark: SparkSession, name: str) -> None:
    """A transform that changed and a file that did not is an error that says what to type."""
    found = origins.of_job(spark, settings.load({}), JOBS[name])
    assert origins.known()[name] == {c: tuple(o) for c, o in found.items()}, AGAIN


def _made_up(records: DataFrame, _settings: Settings) -> DataFrame:
    each = records.select("request", F.explode("payload.items").alias("i"))
    numbered = each.withColumn("chosen", F.when(F.col("i.on") == "yes", F.col("i.a")).otherwise(""))
    other = records.select(
        F.lit("n").alias("k"),
        F.max("payload.total").over(Window.partitionBy("payload.zone")).alias("m"),
    )
    return (
        numbered.join(other, F.col("i.a") == F.col("k"), "left")
        .select(
            "chosen",
            F.expr("transform(i.parts, (p, n) -> concat(p.x, p.y))").alias("parts"),
            F.expr("filter(i.parts, p -> p.z = '1')[0].x").alias("first"),
            F.col("request")["q"].alias("asked"),
            F.get_json_object("i.text", "$.b").alias("text"),
            F.col("m").alias("most"),
            F.when(F.col("i.a").isNull(), "none").otherwise("some").alias("word"),
        )
        .union(records.select(_NOTE, F.array(_NOTE), *[_NOTE] * 5))
    )


def test_each_way_of_a_value_is_followed(spark: SparkSession) -> None:
    """Known by hand: conditions, lambdas, joins, windows and maps of a made-up transform."""
    names = ("chosen", "parts", "first", "asked", "text", "most", "word")
    table = Table(
        database="made_silver", name="up", doc="Made up.", owner="tests", key=("asked",),
        columns=tuple(
            Column(name, "string", "Made up.", required=name == "asked") for name in names
        ),
    )  # fmt: skip
    parts = "array<struct<x: string, y: string, z: string>>"
    payload = (
        f"struct<items: array<struct<on: string, a: string, text: string, parts: {parts}>>, "
        "total: string, zone: string, note: string>"
    )
    found = origins.of_job(spark, settings.load({}), Silver(table, ("made/up",), payload, _made_up))
    item, note = "payload.items[]", Origin(_NOTE)
    assert {name: set(one) - {note} for name, one in found.items()} == {
        "chosen": {Origin(f"{item}.a"), Origin(f"{item}.on", decides=True)},
        "parts": {Origin(f"{item}.parts[].x"), Origin(f"{item}.parts[].y")},
        "first": {Origin(f"{item}.parts[].x"), Origin(f"{item}.parts[].z", decides=True)},
        "asked": {Origin("request.q")},
        "text": {Origin(f"{item}.text")},
        "most": {Origin("payload.total"), Origin("payload.zone", decides=True)},
        "word": {Origin(f"{item}.a", decides=True)},
    }
    assert all(note in one for one in found.values())
