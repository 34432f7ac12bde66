"""What a stream with an Iceberg destination is asked to do, read from its description.

AWS: "IcebergDestinationConfiguration" and "ProcessorParameter" (Firehose API Reference).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from console.emulator.answers import AwsError, NotEmulatedError

MEBIBYTE = 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9._]{1,255}")
_KNOWN = {
    "AppendOnly", "BufferingHints", "CatalogConfiguration", "CloudWatchLoggingOptions",
    "DestinationTableConfigurationList", "ProcessingConfiguration", "RetryOptions", "RoleARN",
    "S3BackupMode", "S3Configuration", "S3DestinationDescription",
}  # fmt: skip
_KNOWN_TABLE = {"DestinationDatabaseName", "DestinationTableName", "S3ErrorOutputPrefix"}
_KNOWN_PARAMETERS = {
    "BufferIntervalInSeconds", "BufferSizeInMBs", "LambdaArn", "NumberOfRetries", "RoleArn",
}  # fmt: skip
_ERROR_TYPE = "!{firehose:error-output-type}"


@dataclass(frozen=True)
class Limits:
    """When a buffer is full: bytes, or seconds since its first record."""

    size_bytes: int
    interval_sec: int


@dataclass(frozen=True)
class Transform:
    """The function that every record goes through."""

    function: str
    role: str
    retries: int
    limits: Limits


@dataclass(frozen=True)
class Table:
    """A destination table."""

    database: str
    name: str
    error_prefix: str = ""


@dataclass(frozen=True)
class Settings:
    """All of a stream's settings that matter here."""

    role: str
    limits: Limits
    retry_sec: int
    tables: tuple[Table, ...]
    transform: Transform | None
    bucket: str
    bucket_role: str
    error_prefix: str
    compression: str
    log_group: str
    log_stream: str

    def table(self, database: str, name: str) -> Table:
        """The destination's own settings, if there are any."""
        known = {(table.database, table.name): table for table in self.tables}
        return known.get((database, name), Table(database, name))


def read(told: dict[str, Any]) -> Settings:
    """Settings from an Iceberg destination as it was asked for, or is described.

    Raises AwsError for what AWS refuses, NotEmulatedError for what is not served here.
    """
    _refuse(set(told) - _KNOWN, "an Iceberg destination")
    if told.get("S3BackupMode", "FailedDataOnly") != "FailedDataOnly":
        raise NotEmulatedError("the backup of all data of an Iceberg destination")
    store = told.get("S3Configuration") or told["S3DestinationDescription"]
    logging = told.get("CloudWatchLoggingOptions") or {}
    is_logging = bool(logging.get("Enabled"))
    return Settings(
        role=told["RoleARN"],
        limits=_limits(told.get("BufferingHints") or {}),
        retry_sec=_within(told.get("RetryOptions") or {}, "DurationInSeconds", 300, 0, 7200),
        tables=tuple(map(_table, told.get("DestinationTableConfigurationList") or [])),
        transform=_transform(told.get("ProcessingConfiguration") or {}, told["RoleARN"]),
        bucket=store["BucketARN"].rsplit(":", 1)[-1],
        bucket_role=store["RoleARN"],
        error_prefix=_prefix(store.get("ErrorOutputPrefix") or ""),
        compression=_compression(store.get("CompressionFormat") or "UNCOMPRESSED"),
        log_group=logging.get("LogGroupName", "") if is_logging else "",
        log_stream=logging.get("LogStreamName", "") if is_logging else "",
    )


def _refuse(unknown: set[str], where: str) -> None:
    if unknown:
        raise NotEmulatedError(f"{', '.join(sorted(unknown))} of {where}")


def _within(told: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = int(told.get(name, default))
    if not low <= value <= high:
        raise AwsError("InvalidArgumentException", f"{name} must be within {low} and {high}")
    return value


def _limits(hints: dict[str, Any]) -> Limits:
    if len(hints) == 1:
        message = "BufferingHints must have SizeInMBs and IntervalInSeconds, or neither"
        raise AwsError("InvalidArgumentException", message)
    size = _within(hints, "SizeInMBs", 5, 1, 128)
    return Limits(size * MEBIBYTE, _within(hints, "IntervalInSeconds", 300, 0, 900))


def _table(told: dict[str, Any]) -> Table:
    asked = {name for name, value in told.items() if value}  # Terraform sends empty lists
    _refuse(asked - _KNOWN_TABLE, "a destination table")
    names = told["DestinationDatabaseName"], told["DestinationTableName"]
    if not all(_NAME.fullmatch(name) for name in names):
        raise AwsError("InvalidArgumentException", f"no name of a table: {'.'.join(names)}")
    return Table(*names, _prefix(told.get("S3ErrorOutputPrefix") or ""))


def _prefix(text: str) -> str:
    if "!{" in text and _ERROR_TYPE not in text:
        message = f"ErrorOutputPrefix with expressions must contain {_ERROR_TYPE}"
        raise AwsError("InvalidArgumentException", message)
    return text


def _compression(text: str) -> str:
    if text not in ("UNCOMPRESSED", "GZIP"):
        raise NotEmulatedError(f"{text} compression of failed records")
    return text


def _transform(told: dict[str, Any], role: str) -> Transform | None:
    processors = told.get("Processors") or []
    if not told.get("Enabled") or not processors:
        return None
    if len(processors) > 1 or processors[0]["Type"] != "Lambda":
        raise NotEmulatedError(f"the processors {[one['Type'] for one in processors]}")
    given = {p["ParameterName"]: p["ParameterValue"] for p in processors[0].get("Parameters", [])}
    _refuse(set(given) - _KNOWN_PARAMETERS, "a Lambda processor")
    size = float(given.get("BufferSizeInMBs", 1))
    if not 0.2 <= size <= 3:  # noqa: PLR2004  the documented bounds
        raise AwsError("InvalidArgumentException", "BufferSizeInMBs must be within 0.2 and 3")
    interval = _within(given, "BufferIntervalInSeconds", 60, 0, 900)
    return Transform(
        function=given["LambdaArn"],
        role=given.get("RoleArn", role),
        retries=_within(given, "NumberOfRetries", 3, 0, 300),
        limits=Limits(int(size * MEBIBYTE), interval),
    )
