"""Trino's properties files, for a small server whose catalog is the emulated Glue."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CATALOG = "awsdatacatalog"  # names are not case-sensitive: Athena's AwsDataCatalog
_MOST_PARTITIONS = 100  # of one INSERT or CTAS, in Athena


def configuration(port: int, plugins: Path, catalogs: Path) -> str:
    """The server's own."""
    return _text(
        {
            "node.environment": "emulated",
            "node.id": "one",
            "node.internal-address": "127.0.0.1",
            "node.bind-ip": "127.0.0.1",  # it listens on every address otherwise
            "coordinator": "true",
            "node-scheduler.include-coordinator": "true",
            "http-server.http.port": port,
            # A query with parameters travels as a header.
            "http-server.max-request-header-size": "1MB",
            "discovery.uri": f"http://127.0.0.1:{port}",
            "plugin.dir": plugins,
            "catalog.config-dir": catalogs,
            "query.max-memory": "512MB",
            "query.max-memory-per-node": "256MB",
            "memory.heap-headroom-per-node": "200MB",
            "task.concurrency": 2,
            "task.max-worker-threads": 4,
            # One writer, so that the limit of partitions holds for the whole query.
            "task.writer-count": 1,
            "task.partitioned-writer-count": 1,
        }
    )


def catalog(url: str, region: str, access: Mapping[str, str]) -> str:
    """The catalog's: Glue and S3 of the emulator."""
    key, secret = access["AWS_ACCESS_KEY_ID"], access["AWS_SECRET_ACCESS_KEY"]
    return _text(
        {
            "connector.name": "iceberg",
            "iceberg.catalog.type": "glue",
            "iceberg.max-partitions-per-writer": _MOST_PARTITIONS,
            "iceberg.delete-schema-locations-fallback": "false",
            "iceberg.expire_snapshots.min-retention": "0s",
            "iceberg.remove_orphan_files.min-retention": "0s",
            "hive.metastore.glue.endpoint-url": url,
            "hive.metastore.glue.region": region,
            "hive.metastore.glue.aws-access-key": key,
            "hive.metastore.glue.aws-secret-key": secret,
            "hive.s3.endpoint": url,
            "hive.s3.path-style-access": "true",
            "hive.s3.ssl.enabled": "false",
            "hive.s3.aws-access-key": key,
            "hive.s3.aws-secret-key": secret,
        }
    )


def _text(properties: Mapping[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in properties.items())
