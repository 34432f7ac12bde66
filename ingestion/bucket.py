"""The verbs of `places` for a bucket of S3: each is one request, and its error one of the lake's.

cloudpathlib's own reading and writing are not used: they go through files on the local disk, take
any refusal for "not there", and label `.gz` files so that clients unpack them unasked.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lakehouse.errors import ConfigurationError, CredentialsError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cloudpathlib import S3Path

    from lakehouse.settings import Settings

_RETRIES = {"mode": "standard", "total_max_attempts": 5}
_GONE = ("404", "NoSuchKey")
_CHANGED = ("412", "PreconditionFailed", "409", "ConditionalRequestConflict")
_LOOK_AT = "look at the role's policy and at AWS's health"


def root(settings: Settings) -> S3Path:
    """The bucket itself. Raises ConfigurationError for a folder, also one of a bucket."""
    from boto3.session import Session  # noqa: PLC0415  heavy
    from botocore.config import Config  # noqa: PLC0415
    from cloudpathlib import S3Client  # noqa: PLC0415
    from cloudpathlib.enums import FileCacheMode  # noqa: PLC0415

    if not settings.in_bucket:
        raise ConfigurationError(f"LAKE_HOME is {settings.home!r}, which is no bucket")
    session = Session(region_name=settings.region or None)
    # cloudpathlib hands no configuration on; its own session's is what its clients get.
    session._session.set_default_client_config(  # noqa: SLF001
        Config(connect_timeout=5, read_timeout=60, retries=_RETRIES)
    )
    cache = tempfile.mkdtemp(prefix="lake-")
    client = S3Client(
        boto3_session=session,
        endpoint_url=settings.endpoint or None,
        local_cache_dir=cache,
        file_cache_mode=FileCacheMode.close_file,
    )
    weakref.finalize(client, shutil.rmtree, cache, ignore_errors=True)
    found: S3Path = client.CloudPath(settings.uri)
    if found.key:
        raise ConfigurationError(f"LAKE_HOME is {settings.home!r}: a lake is a bucket of its own")
    return found


def mark(path: S3Path) -> tuple[Any, ...] | None:
    """Size and tag of an object; None if there is none.

    It is listed, not headed: of a missing object HEAD and GET say 403, not 404, to a role that may
    list some prefixes only.
    """
    with _asking(path) as s3:
        found = s3.list_objects_v2(Bucket=path.bucket, Prefix=path.key, MaxKeys=1)
    for item in found.get("Contents", ()):  # the shortest key comes first
        if item["Key"] == path.key:
            return item["Size"], item["ETag"]
    return None


def read(path: S3Path, seen: tuple[Any, ...] | None) -> bytes | None:
    """The object's bytes; None if it is not there, or not what was seen any more."""
    seen = seen or mark(path)
    if seen is None:
        return None
    with _asking(path, unless=(*_GONE, *_CHANGED)) as s3:
        asked = {"Bucket": path.bucket, "Key": path.key, "IfMatch": seen[1]}
        content: bytes = s3.get_object(**asked)["Body"].read()
        return content
    return None


@contextmanager
def opened(path: S3Path) -> Iterator[Any]:
    """The object as a stream of bytes that comes as it is read."""
    with _asking(path) as s3:
        body = s3.get_object(Bucket=path.bucket, Key=path.key)["Body"]
        try:
            yield body
        finally:
            body.close()


def publish(target: S3Path, content: bytes) -> None:
    """Put the object: whole or not at all, as S3 does it."""
    with _asking(target) as s3:
        s3.put_object(Bucket=target.bucket, Key=target.key, Body=content)


def copy(file: S3Path, target: S3Path) -> None:
    """Copy within S3, also what is too large for one request; tags are not taken along."""
    source = {"Bucket": file.bucket, "Key": file.key}
    # With its tags it could only be copied by who may read and write tags.
    alone = {"TaggingDirective": "REPLACE"}
    with _asking(file) as s3:
        s3.copy(source, target.bucket, target.key, ExtraArgs=alone)


def upload(file: Path, target: S3Path) -> None:
    """Upload a file, also one that is too large for memory."""
    from boto3.exceptions import S3UploadFailedError  # noqa: PLC0415

    with _asking(target) as s3:
        try:
            s3.upload_file(str(file), target.bucket, target.key)
        except (S3UploadFailedError, OSError) as error:
            raise StorageError(f"{target}: {error}", next_command=_LOOK_AT) from error


def remove(path: S3Path, seen: tuple[Any, ...] | None) -> None:
    """Delete the object, if there is one and it is what was seen."""
    only = {"IfMatch": seen[1]} if seen else {}
    with _asking(path, unless=(*_GONE, *_CHANGED)) as s3:
        s3.delete_object(Bucket=path.bucket, Key=path.key, **only)


def swap(path: S3Path, old: str | None, new: str | None) -> bool:
    """Put `new` (None: nothing) in the place of `old` at once; False if that is not there.

    Texts are never used twice, so that a lost answer is told from a lost race.
    """
    seen = mark(path)
    if old != _text(path, seen):
        return False
    only = {"IfMatch": seen[1]} if seen else {"IfNoneMatch": "*"}
    where = {"Bucket": path.bucket, "Key": path.key}
    with _asking(path, unless=(*_GONE, *_CHANGED)) as s3:
        if new is not None:
            s3.put_object(**where, Body=new.encode(), **only)
        elif seen:
            s3.delete_object(**where, **only)
        return True
    return new == _text(path, mark(path))


def _text(path: S3Path, seen: tuple[Any, ...] | None) -> str | None:
    there = read(path, seen) if seen else None
    return None if there is None else there.decode()


def glob(folder: S3Path, pattern: str) -> list[S3Path]:
    """The objects of such names; all names below the folder are listed if it has a slash."""
    with _asking(folder):
        return list(folder.glob(pattern))


def files(folder: S3Path) -> Iterator[S3Path]:
    """Every object below the folder, by name; what consoles make for a folder is none."""
    with _asking(folder) as s3:
        pages = s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=folder.bucket, Prefix=f"{folder.key}/"):
            for item in page.get("Contents", ()):
                if not item["Key"].endswith("/"):
                    yield at(folder, item["Key"])


def at(root: S3Path, key: str) -> S3Path:
    """The object of exactly this key: joining would tidy it up, and name another one."""
    found: S3Path = root.client.CloudPath(f"s3://{root.bucket}/{key}")
    return found


@contextmanager
def _asking(path: S3Path, unless: tuple[str, ...] = ()) -> Iterator[Any]:
    """The SDK's client, whose errors become the lake's; those of codes in `unless` are passed."""
    from botocore import exceptions as aws  # noqa: PLC0415

    try:
        yield path.client.client
    except aws.ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in unless:
            raise StorageError(f"{path}: S3 says {code}", next_command=_LOOK_AT) from error
    except (aws.NoCredentialsError, aws.PartialCredentialsError) as error:
        raise CredentialsError(f"{path}: {error}", next_command="aws sso login") from error
    except aws.BotoCoreError as error:
        raise StorageError(f"{path}: {error}", next_command=_LOOK_AT) from error
