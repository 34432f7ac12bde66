"""The one place that names catalog properties, for Spark and for PyIceberg, in every place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakehouse.settings import Settings

NAME = "lake"

# Both programs wait for SQLite's lock instead of failing, and readers never block the writer.
_BUSY_MS = 20_000


def _database(settings: Settings) -> str:
    return str(settings.root / "catalog.db")


def warehouse(settings: Settings) -> str:
    """The URI below which every table lives."""
    return f"{settings.uri}/warehouse"


def spark_conf(settings: Settings) -> dict[str, str]:
    """Spark settings every session of the lake needs: catalog, time zone, safe Iceberg defaults."""
    catalog = f"spark.sql.catalog.{NAME}"
    own = _glue(settings) if settings.in_bucket else _jdbc(settings)
    return {
        "spark.sql.extensions": (
            "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
        ),
        "spark.sql.session.timeZone": "UTC",
        # An odd date is null, and so a rejected row; by default it would end the run.
        "spark.sql.legacy.timeParserPolicy": "CORRECTED",
        "spark.sql.defaultCatalog": NAME,
        catalog: "org.apache.iceberg.spark.SparkCatalog",
        **{f"{catalog}.{name}": value for name, value in own.items()},
        f"{catalog}.warehouse": warehouse(settings),
        # A cached table would hide another writer's commit for 30 seconds.
        f"{catalog}.cache-enabled": "false",
        # Required columns are proven by our own checks before the write.
        "spark.sql.iceberg.check-nullability": "false",
        "spark.sql.catalogImplementation": "in-memory",
    }


def _jdbc(settings: Settings) -> dict[str, str]:
    return {
        "type": "jdbc",
        "uri": f"jdbc:sqlite:{_database(settings)}?journal_mode=WAL&busy_timeout={_BUSY_MS}",
        # PyIceberg made the catalog's tables; a second maker locks the first one out.
        "jdbc.schema-version": "V1",
        "jdbc.init-catalog-tables": "false",
    }


def _glue(settings: Settings) -> dict[str, str]:
    found = {"type": "glue", "io-impl": "org.apache.iceberg.aws.s3.S3FileIO"}
    if settings.endpoint:
        found |= {
            "glue.endpoint": settings.endpoint,
            "s3.endpoint": settings.endpoint,
            "s3.path-style-access": "true",
        }
    return found


def pyiceberg_properties(settings: Settings) -> dict[str, str]:
    """What `pyiceberg.catalog.load_catalog` needs."""
    if settings.in_bucket:
        found = {"type": "glue", "warehouse": warehouse(settings)}
        if settings.region:
            found |= {"client.region": settings.region}
        if settings.endpoint:
            found |= {"glue.endpoint": settings.endpoint, "s3.endpoint": settings.endpoint}
        return found
    settings.root.mkdir(parents=True, exist_ok=True)
    return {
        "type": "sql",
        "uri": f"sqlite:///{_database(settings)}",
        "warehouse": warehouse(settings),
    }


def database(settings: Settings, name: str) -> str:
    """The database's name in this place: `emt_silver`, or `<prefix>_emt_silver`."""
    return f"{settings.prefix}_{name}" if settings.prefix else name


def identifier(settings: Settings, full_name: str) -> str:
    """`emt_silver.stops` → the name Spark knows it by, catalog included."""
    space, table = full_name.split(".")
    return f"{NAME}.{database(settings, space)}.{table}"
