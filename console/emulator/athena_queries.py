"""Athena's queries: started, told, stopped, listed, and their results, by a real Trino.

AWS: "StartQueryExecution", "GetQueryExecution", "StopQueryExecution", "GetQueryResults",
"ListQueryExecutions", "BatchGetQueryExecution" (Athena API Reference). moto runs no query.
Lake Formation's filters are not applied, results are not reused, and `.metadata` files, whose
format AWS does not publish, are not written.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from console.emulator import athena_prepared, athena_query, athena_results, principals
from console.emulator.answers import AwsError, NotEmulatedError
from console.emulator.trino import lint
from console.emulator.trino.server import Engine
from console.emulator.trino.statements import kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.answers import Answer
    from console.emulator.athena_query import Query
    from console.emulator.calls import Call
    from console.emulator.server import Server

    Told = dict[str, Any]

_ENGINE = "athena.amazonaws.com"  # who asks Glue and S3, as the request log tells it
_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")
_PAGE = 1000  # AWS: the most rows that one answer has
_NO_OUTPUT = (
    "No output location provided. An output location is required either through the Workgroup "
    "result configuration setting or as an API input."
)


def install(server: Server) -> None:
    """Answer what runs queries and tells of them."""
    queries = Queries(server)
    for name, operation in queries.operations().items():
        server.around("athena", name, partial(_answer, operation))
    server.around("athena", "GetQueryRuntimeStatistics", _refuse)
    server.at_stop(queries.stop)


def _answer(operation: Callable[[Told, Call], Told], call: Call, _: Callable[[], Answer]) -> Told:
    return operation(call.params(), call)


def _refuse(call: Call, _: Callable[[], Answer]) -> Told:
    raise NotEmulatedError(f"Athena {call.operation}")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidRequestException", message)


class Queries:
    """All queries since the server's start, and an engine for each region that was asked."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._known: dict[str, Query] = {}
        self._tokens: dict[str, tuple[Told, str]] = {}
        self._engines: dict[str, Engine] = {}
        self._prepared = athena_prepared.Prepared(server)

    def operations(self) -> dict[str, Callable[[Told, Call], Told]]:
        """What it answers."""
        return {
            "StartQueryExecution": self._start,
            "GetQueryExecution": self._get,
            "BatchGetQueryExecution": self._batch,
            "StopQueryExecution": self._stop,
            "ListQueryExecutions": self._list,
            "GetQueryResults": self._results,
        }

    def stop(self) -> None:
        """End what runs."""
        for query in self._known.values():
            query.stopping.set()
        for engine in self._engines.values():
            engine.stop()

    def _start(self, asked: Told, call: Call) -> Told:
        token = asked.get("ClientRequestToken")
        with self._lock:
            if token in self._tokens:
                before, identity = self._tokens[token]
                if before != asked:
                    raise _invalid("Idempotent parameters do not match")
                return {"QueryExecutionId": identity}
            query = self._query(asked, call)
            self._known[query.identity] = query
            if token:
                self._tokens[token] = (asked, query.identity)
        s3 = self._server.client("s3", role=query.role, region=call.region)
        if not self._prepared.take(query):
            self._server.spawn("athena", athena_query.run, query, self._engine(call.region), s3)
        return {"QueryExecutionId": query.identity}

    def _engine(self, region: str) -> Engine:
        with self._lock:
            if region not in self._engines:
                access = {**self._server.credentials(), "AWS_ACCESS_KEY_ID": _ENGINE}
                folder = self._server.folder / f"trino-{region}"
                self._engines[region] = Engine(folder, self._server.url, region, access)
            return self._engines[region]

    def _query(self, asked: Told, call: Call) -> Query:
        """The query a request means. Raises AwsError for one that Athena refuses at once."""
        name = asked.get("WorkGroup") or "primary"
        group = self._prepared.group(call.region, name)
        settings = group.configuration
        reason = lint.refused(asked["QueryString"])
        if reason:
            raise _invalid(reason)
        context = asked.get("QueryExecutionContext") or {}
        if context.get("Catalog", "AwsDataCatalog").lower() != "awsdatacatalog":
            raise NotEmulatedError(f"Athena: the catalog {context['Catalog']}")
        statement, subtype = kind(asked["QueryString"])
        who = principals.principal(call.access_key)
        return athena_query.Query(
            identity=str(uuid4()),
            sql=asked["QueryString"],
            statement=statement,
            subtype=subtype,
            group=name,
            database=context.get("Database", ""),
            parameters=list(asked.get("ExecutionParameters") or ()),
            configuration=_configuration(settings, asked.get("ResultConfiguration") or {}),
            cutoff=settings.get("BytesScannedCutoffPerQuery"),
            prepared=self._prepared.of(call.region, name),
            role=who if who.startswith("arn:") else "",
            region=call.region,
        )

    def _named(self, asked: Told) -> Query:
        query = self._known.get(asked["QueryExecutionId"])
        if query is None:
            raise _invalid(f"QueryExecution {asked['QueryExecutionId']} was not found")
        return query

    def _get(self, asked: Told, _: Call) -> Told:
        return {"QueryExecution": self._named(asked).told()}

    def _batch(self, asked: Told, _: Call) -> Told:
        ids = asked["QueryExecutionIds"]
        unknown = [
            {"QueryExecutionId": one, "ErrorCode": "INVALID_QUERY_EXECUTION_ID",
             "ErrorMessage": f"QueryExecution {one} was not found"}
            for one in ids if one not in self._known
        ]  # fmt: skip
        found = [self._known[one].told() for one in ids if one in self._known]
        return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": unknown}

    def _stop(self, asked: Told, _: Call) -> Told:
        self._named(asked).stopping.set()
        return {}

    def _list(self, asked: Told, call: Call) -> Told:
        group = asked.get("WorkGroup") or "primary"
        newest = [
            q.identity for q in reversed(self._known.values())
            if q.group == group and q.region == call.region
        ]  # fmt: skip
        start, most = int(asked.get("NextToken") or 0), int(asked.get("MaxResults") or 50)
        following = {"NextToken": str(start + most)} if start + most < len(newest) else {}
        return {"QueryExecutionIds": newest[start : start + most], **following}

    def _results(self, asked: Told, _: Call) -> Told:
        query = self._named(asked)
        if query.state not in _ENDED:
            raise _invalid(f"Query has not yet finished. Current state: {query.state}")
        if query.state != "SUCCEEDED":
            raise _invalid(f"Query did not finish successfully. Final query state: {query.state}")
        start, most = int(asked.get("NextToken") or 0), int(asked.get("MaxResults") or _PAGE)
        found, following = athena_results.page(
            query.infos, query.rows, query.statement, start, most
        )
        count = {} if query.update_count is None else {"UpdateCount": query.update_count}
        token = {} if following is None else {"NextToken": str(following)}
        return {"ResultSet": found, **count, **token}


def _configuration(settings: Told, asked: Told) -> Told:
    """The ResultConfiguration in force: the workgroup's where it insists, else the request's."""
    groups = settings.get("ResultConfiguration") or {}
    is_enforced = settings.get("EnforceWorkGroupConfiguration", True)
    found = dict(groups) if is_enforced else {**groups, **asked}
    if not found.get("OutputLocation"):
        raise _invalid(_NO_OUTPUT)
    return found
