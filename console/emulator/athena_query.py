"""One query's life in the emulated Athena: queued, run on Trino, its result written to S3."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from console.emulator import athena_results
from console.emulator.answers import AwsError
from console.emulator.trino import client
from console.emulator.trino.translate import translate, vacuum, vacuum_properties
from lakehouse import log
from lakehouse.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from console.emulator.trino.client import Result
    from console.emulator.trino.server import Engine

STARTING = "The engine is starting"
STOPPED = "Query cancelled by user"
TOO_MUCH = "Bytes scanned limit was exceeded"
_SETTLING_SECONDS = 60.0
_PAUSE_SECONDS = 0.2
_PARAMETERS = "given"


@dataclass
class Query:
    """What was asked, by whom and under which limits; and what has become of it."""

    identity: str
    sql: str
    statement: str
    subtype: str
    group: str
    database: str
    parameters: list[str]
    configuration: dict[str, Any]  # the ResultConfiguration in force
    cutoff: int | None  # bytes that it may scan
    prepared: Mapping[str, str]
    role: str
    region: str
    submitted: float = field(default_factory=time.time)
    state: str = "QUEUED"
    reason: str = ""
    retryable: bool = False
    completed: float | None = None
    figures: dict[str, int] = field(default_factory=dict)
    infos: list[dict[str, Any]] = field(default_factory=list, repr=False)
    rows: list[list[str | None]] = field(default_factory=list, repr=False)
    update_count: int | None = None
    stopping: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def output(self) -> str:
        """Where its result is, or will be."""
        ending = "csv" if self.statement == "DML" else "txt"
        return f"{self.configuration['OutputLocation'].rstrip('/')}/{self.identity}.{ending}"

    def told(self) -> dict[str, Any]:
        """It as GetQueryExecution tells it."""
        status: dict[str, Any] = {"State": self.state, "SubmissionDateTime": self.submitted}
        if self.reason:
            status["StateChangeReason"] = self.reason
        if self.completed:
            status["CompletionDateTime"] = self.completed
        if self.state == "FAILED":
            kind = 1 if self.retryable else 2  # AWS: 1 is the system's, 2 is the user's
            status["AthenaError"] = {"ErrorCategory": kind, "Retryable": self.retryable,
                                     "ErrorMessage": self.reason}  # fmt: skip
        context = {
            "Catalog": "awsdatacatalog",
            **({"Database": self.database} if self.database else {}),
        }
        return {
            "QueryExecutionId": self.identity,
            "Query": self.sql,
            "StatementType": self.statement,
            "SubstatementType": self.subtype,
            "ResultConfiguration": {**self.configuration, "OutputLocation": self.output},
            "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
            "QueryExecutionContext": context,
            "Status": status,
            "Statistics": {
                **self.figures, "ResultReuseInformation": {"ReusedPreviousResult": False}
            },
            "WorkGroup": self.group,
            "EngineVersion": {
                "SelectedEngineVersion": "AUTO",
                "EffectiveEngineVersion": "Athena engine version 3",
            },
            **({"ExecutionParameters": self.parameters} if self.parameters else {}),
        }  # fmt: skip


def run(query: Query, engine: Engine, s3: Any) -> None:
    """Take it to its end, whatever that is."""
    try:
        if not engine.is_ready:
            query.reason = STARTING
        url = engine.address()
        query.state, query.reason = "RUNNING", ""
        result = _execute(query, engine, url)
        _keep(query, result, s3)
        _end(query, "SUCCEEDED")
    except client.StoppedError as error:
        _end(query, "CANCELLED", str(error))
    except client.TrinoError as error:
        _end(query, "FAILED", _athenas(str(error)))
    except AwsError as error:
        _end(query, "FAILED", error.message)
    except LakeError as error:
        _end(query, "FAILED", str(error), retryable=True)
    except Exception as error:  # noqa: BLE001  a query that nobody ends would be waited for
        log.warn("athena_query_failed", query=query.identity, error=repr(error))
        _end(query, "FAILED", f"GENERIC_INTERNAL_ERROR: {error}", retryable=True)


def _end(query: Query, state: str, reason: str = "", *, retryable: bool = False) -> None:
    query.reason, query.retryable, query.completed = reason, retryable, time.time()
    spent = int(1000 * (query.completed - query.submitted))
    query.figures = {"DataScannedInBytes": 0, **query.figures, "TotalExecutionTimeInMillis": spent}
    query.state = state


def _athenas(reason: str) -> str:
    """Athena does not tell what is missing from what is forbidden."""
    if reason.startswith("COLUMN_NOT_FOUND") and reason.endswith("cannot be resolved"):
        return f"{reason} or requester is not authorized to access requested resources"
    return reason


def _execute(query: Query, engine: Engine, url: str) -> Result:
    """Ask for each of its statements in turn; the last one's result counts."""
    result = client.Result()
    for sql in _statements(query, url):
        prepared = dict(query.prepared)
        asked = sql
        if query.parameters and query.subtype != "EXECUTE":
            prepared[_PARAMETERS] = sql
            asked = f"EXECUTE {_PARAMETERS} USING {', '.join(query.parameters)}"
        elif query.parameters:
            asked = f"{sql} USING {', '.join(query.parameters)}"
        result = _settled(
            engine,
            lambda asked=asked, prepared=prepared: client.execute(  # type: ignore[misc]
                url, asked, database=query.database, prepared=prepared, stop=_watch(query)
            ),
        )
    return result


def _statements(query: Query, url: str) -> list[str]:
    if query.subtype != "VACUUM":
        return translate(query.sql)
    told = client.execute(url, vacuum_properties(query.sql), database=query.database)
    return vacuum(query.sql, dict(told.rows))


def _settled(engine: Engine, ask: Callable[[], Result]) -> Result:
    """Ask again while a server that has just started has not yet found its own worker."""
    while True:
        with contextlib.suppress(_UnsettledError):
            return _asked(engine, ask)
        time.sleep(_PAUSE_SECONDS)


class _UnsettledError(Exception):
    """Trino runs, and does not know its worker yet."""


def _asked(engine: Engine, ask: Callable[[], Result]) -> Result:
    try:
        return ask()
    except client.TrinoError as error:
        is_new = time.monotonic() - engine.started_at < _SETTLING_SECONDS
        if error.name == "NO_NODES_AVAILABLE" and is_new:
            raise _UnsettledError from error
        raise


def _watch(query: Query) -> Callable[[dict[str, Any]], str]:
    """Note the figures as they come, and give the reason to stop, if there is one."""

    def watch(stats: dict[str, Any]) -> str:
        scanned = int(stats.get("physicalInputBytes", 0))
        elapsed, queued = (
            int(stats.get("elapsedTimeMillis", 0)),
            int(stats.get("queuedTimeMillis", 0)),
        )
        query.figures = {
            "DataScannedInBytes": scanned,
            "EngineExecutionTimeInMillis": elapsed - queued,
            "QueryQueueTimeInMillis": queued,
        }
        if query.stopping.is_set():
            return STOPPED
        return TOO_MUCH if query.cutoff is not None and scanned > query.cutoff else ""

    return watch


def _keep(query: Query, result: Result, s3: Any) -> None:
    """Keep the answer, and write it where the workgroup or the request says."""
    query.update_count = result.update_count
    query.infos = athena_results.columns(result, query.statement)
    is_change = result.update_count is not None or query.statement == "DDL"
    query.rows = [] if is_change else athena_results.cells(result)
    if query.statement == "DML" and is_change:
        return  # its output is in the table
    _, body = athena_results.file_of(query.infos, query.rows, query.statement)
    bucket, _, key = query.output.removeprefix("s3://").partition("/")
    s3.put_object(Bucket=bucket, Key=key, Body=body, **_put_options(query.configuration))


def _put_options(configuration: Mapping[str, Any]) -> dict[str, str]:
    options = {}
    encryption = configuration.get("EncryptionConfiguration") or {}
    kind = encryption.get("EncryptionOption")
    if kind == "SSE_KMS":
        options = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption["KmsKey"]}
    elif kind == "SSE_S3":
        options = {"ServerSideEncryption": "AES256"}
    owner = configuration.get("ExpectedBucketOwner")
    return {**options, **({"ExpectedBucketOwner": owner} if owner else {})}
