"""The catalog's properties in each place: JDBC in a folder, Glue in a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse import catalog, settings

if TYPE_CHECKING:
    from pathlib import Path

AWS = {"LAKE_PLACE": "aws", "LAKE_HOME": "s3://bucket", "LAKE_PREFIX": "x_dev"}
_GLUE = "spark.sql.catalog.lake."


def test_a_bucket_is_catalogued_by_glue() -> None:
    """On AWS nothing names an endpoint, a jar or a credential: these belong to the place."""
    conf = catalog.spark_conf(settings.load(AWS))
    own = {k.removeprefix(_GLUE): v for k, v in conf.items() if k.startswith(_GLUE)}
    assert own == {
        "type": "glue",
        "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "warehouse": "s3://bucket/warehouse",
        "cache-enabled": "false",
    }
    assert catalog.identifier(settings.load(AWS), "ops.run") == "lake.x_dev_ops.run"
    assert catalog.pyiceberg_properties(settings.load(AWS)) == {
        "type": "glue",
        "warehouse": "s3://bucket/warehouse",
    }


def test_an_endpoint_of_its_own_is_told_to_both() -> None:
    """Spark and PyIceberg ask the emulated AWS, for the catalog and for files."""
    chosen = settings.load(AWS, endpoint="http://127.0.0.1:5000", region="eu-west-1")
    conf, python = catalog.spark_conf(chosen), catalog.pyiceberg_properties(chosen)
    for name in ("glue.endpoint", "s3.endpoint"):
        assert conf[_GLUE + name] == python[name] == "http://127.0.0.1:5000"
    assert conf[_GLUE + "s3.path-style-access"] == "true"
    assert python["client.region"] == "eu-west-1"


def test_both_places_share_what_is_no_place(tmp_path: Path) -> None:
    """Time zone, parser and safe defaults are the same everywhere."""
    here = catalog.spark_conf(settings.load({}, home=str(tmp_path)))
    there = catalog.spark_conf(settings.load(AWS))
    own = {k for k in here.keys() | there.keys() if here.get(k) != there.get(k)}
    assert {k.removeprefix(_GLUE) for k in own} == {
        "type", "uri", "io-impl", "warehouse", "jdbc.schema-version", "jdbc.init-catalog-tables",
    }  # fmt: skip
