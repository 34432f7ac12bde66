"""Questions to Athena: run, waited for, and answered in Python's own types.

The same in AWS and in the emulated place, whose Athena answers by a Trino of its own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from lakehouse.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lakehouse.settings import Settings

CATALOG = "AwsDataCatalog"
_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


class QueryError(UsageError):
    """Athena did not answer; the message is its reason."""

    exit_code = 1


@dataclass(frozen=True)
class Answer:
    """The rows of a query, its columns with Athena's types, and what it scanned."""

    query_id: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[dict[str, Any]] = field(repr=False)
    scanned: int  # bytes


def run(
    settings: Settings,
    sql: str,
    *,
    workgroup: str = "primary",
    database: str = "",
    output: str = "",
    parameters: Sequence[str] = (),
) -> Answer:
    """Run one statement and wait for its end.

    `output`: where results go, if the workgroup names no place; `parameters`: an SQL literal for
    each question mark. Raises QueryError with Athena's reason, ConfigurationError where there is
    no Athena.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415

    asked: dict[str, Any] = {
        "QueryString": sql,
        "WorkGroup": workgroup,
        "ClientRequestToken": uuid4().hex,
        "QueryExecutionContext": {
            "Catalog": CATALOG,
            **({"Database": database} if database else {}),
        },
    }
    if output:
        asked["ResultConfiguration"] = {"OutputLocation": output}
    if parameters:
        asked["ExecutionParameters"] = list(parameters)
    client = _client(settings)
    try:
        query_id = client.start_query_execution(**asked)["QueryExecutionId"]
        execution = _wait(client, query_id)
        _succeeded(execution)
        return _answer(client, execution)
    except ClientError as error:
        raise QueryError(str(error.response["Error"]["Message"])) from error


def _client(settings: Settings) -> Any:
    if not settings.in_bucket:
        raise ConfigurationError(
            "the local lake has no Athena", next_command='lake sql, or eval "$(lake env)"'
        )
    import boto3  # noqa: PLC0415

    return boto3.session.Session().client(
        "athena", endpoint_url=settings.endpoint or None, region_name=settings.region or None
    )


def _wait(client: Any, query_id: str) -> dict[str, Any]:
    pause = _FIRST_PAUSE
    while True:
        found = client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        if found["Status"]["State"] in _ENDED:
            return dict(found)
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _succeeded(execution: dict[str, Any]) -> None:
    status = execution["Status"]
    if status["State"] != "SUCCEEDED":
        reason = status.get("StateChangeReason") or status["State"]
        raise QueryError(f"{reason} (query {execution['QueryExecutionId']})")


def _answer(client: Any, execution: dict[str, Any]) -> Answer:
    query_id = execution["QueryExecutionId"]
    pages = list(client.get_paginator("get_query_results").paginate(QueryExecutionId=query_id))
    columns = pages[0]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    names = tuple(c["Name"] for c in columns)
    kinds = tuple(c["Type"] for c in columns)
    lines = [line["Data"] for page in pages for line in page["ResultSet"]["Rows"]]
    if execution["StatementType"] == "DML" and columns:  # its first line is the header
        lines = lines[1:]
    rows = [
        {
            n: value(k, cell.get("VarCharValue"))
            for n, k, cell in zip(names, kinds, line, strict=True)
        }
        for line in lines
    ]
    scanned = int(execution.get("Statistics", {}).get("DataScannedInBytes", 0))
    return Answer(query_id, names, kinds, rows, scanned)


def value(kind: str, text: str | None) -> Any:
    """A cell in Python's type for Athena's; arrays, maps and rows stay the text they came as."""
    if text is None:
        return None
    return _CONVERTERS.get(kind, str)(text)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _zoned(text: str) -> datetime:
    moment, _, zone = text.rpartition(" ")
    found = datetime.fromisoformat(moment)
    if zone == "UTC":
        return found.replace(tzinfo=timezone.utc)
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    return found.replace(tzinfo=ZoneInfo(zone))


_CONVERTERS: dict[str, Callable[[str], Any]] = {
    "tinyint": int,
    "smallint": int,
    "integer": int,
    "bigint": int,
    "float": float,
    "double": float,
    "decimal": Decimal,
    "boolean": lambda text: text == "true",
    "date": date.fromisoformat,
    "timestamp": _time,
    "timestamp with time zone": _zoned,
}
