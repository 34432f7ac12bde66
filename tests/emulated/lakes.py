"""What is in a lake's bucket, and what was asked of it."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

from ingestion import places
from ingestion.landing import Landed, land
from tests.unit.landing_files import NOW, STOPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudpathlib import S3Path

    from console.emulator.server import Server
    from ingestion.bronze import Stream
    from lakehouse.settings import Settings


def bucket_of(lake: Settings) -> S3Path:
    """The lake's root."""
    root: Any = places.root(lake)
    return root  # type: ignore[no-any-return]


def put(root: S3Path, key: str, content: bytes) -> S3Path:
    """Drop a file by exactly this key."""
    root.client.client.put_object(Bucket=root.bucket, Key=key, Body=content)
    return root.client.CloudPath(f"s3://{root.bucket}/{key}")  # type: ignore[no-any-return]


def drop(
    root: S3Path,
    content: bytes,
    *,
    name: str = "dropped",
    stream: Stream = STOPS,
    step: Callable[[str], None] = lambda _name: None,
) -> Landed:
    """Put the file into raw and land it."""
    file = put(root, f"raw/{stream}/{name}", content)
    return land(root, file, stream, now=NOW, location=None, keep_source=False, step=step)


def tree(root: S3Path, prefix: str = "") -> dict[str, bytes]:
    """Every object with its bytes."""
    s3 = root.client.client
    keys = [
        item["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=root.bucket, Prefix=prefix)
        for item in page.get("Contents", ())
    ]
    return {key: s3.get_object(Bucket=root.bucket, Key=key)["Body"].read() for key in keys}


def landed(root: S3Path) -> list[dict[str, Any]]:
    """Every envelope in bronze."""
    return [
        json.loads(line)
        for content in tree(root, "bronze/").values()
        for line in gzip.decompress(content).splitlines()
    ]


def asked(server: Server, root: S3Path, operation: str) -> list[str]:
    """The keys that a call of S3 was made for."""
    start = f"/{root.bucket}"
    found = server.requests.find(service="s3", operation=operation)
    return [one.path.removeprefix(start).lstrip("/") for one in found if start in one.path]
