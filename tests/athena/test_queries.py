"""Queries from their start to their result, as a boto3 user of Athena sees them.

AWS: "StartQueryExecution", "GetQueryExecution", "GetQueryResults" and their siblings (Athena API
Reference); "Work with query results and recent queries" (User Guide).
"""

from __future__ import annotations

import time
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from console import athena
from lakehouse import settings
from lakehouse.errors import ConfigurationError

if TYPE_CHECKING:
    from console.emulator.server import Server
    from tests.athena.conftest import Ask
    from tests.emulated.conftest import Client

EVERY_TYPE = """
select 1 as i, bigint '2' as l, 1.5e0 as d, decimal '1.50' as m, true as b, 'a "b", c' as s,
  '' as empty, cast(null as varchar) as nothing, date '2026-01-02' as day,
  timestamp '2026-01-01 00:00:00.123456' as t,
  timestamp '2026-01-01 00:00:00.123 UTC' as z, array[1, null] as a, map(array['k'], array[1]) as o,
  cast(row(1, 'x') as row(n bigint, u varchar)) as r, X'6865' as y
"""
ENDLESS = """
select count(*) from unnest(sequence(1, 10000)) a(x), unnest(sequence(1, 10000)) b(y),
  unnest(sequence(1, 10000)) c(z) where (x * y * z) % 7 = 3
"""


class Athena:
    """A client, and a place for results."""

    def __init__(self, client: Client, bucket: str) -> None:
        self.api = client("athena")
        self.output = f"s3://{bucket}/results"

    def start(self, sql: str, **more: Any) -> str:
        """The id of a started query."""
        told = {"ResultConfiguration": {"OutputLocation": self.output}, **more}
        return str(self.api.start_query_execution(QueryString=sql, **told)["QueryExecutionId"])

    def get(self, query: str) -> dict[str, Any]:
        """It as it is now."""
        return dict(self.api.get_query_execution(QueryExecutionId=query)["QueryExecution"])

    def ended(self, query: str) -> dict[str, Any]:
        """It once it has ended."""
        return self.until(query, "SUCCEEDED", "FAILED", "CANCELLED")

    def until(self, query: str, *states: str) -> dict[str, Any]:
        """It once it is in one of the states."""
        deadline = time.monotonic() + 300
        while (found := self.get(query))["Status"]["State"] not in states:
            assert time.monotonic() < deadline, found["Status"]
            time.sleep(0.05)
        return found

    def run(self, sql: str, **more: Any) -> dict[str, Any]:
        """Start it and wait for its end."""
        return self.ended(self.start(sql, **more))

    def results(self, query: str, **more: Any) -> dict[str, Any]:
        """One page."""
        return dict(self.api.get_query_results(QueryExecutionId=query, **more))


@pytest.fixture
def queries(client: Client, bucket: str) -> Athena:
    """Athena for a fresh bucket."""
    return Athena(client, bucket)


def read(client: Client, uri: str) -> bytes:
    """An object's content."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bytes(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def workgroup(queries: Athena, **configuration: Any) -> str:
    """The name of a new workgroup."""
    name = f"group-{uuid4().hex[:8]}"
    queries.api.create_work_group(Name=name, Configuration=configuration)
    return name


def test_an_answer_has_python_s_types(ask: Ask) -> None:
    """Numbers, times with their zone and nulls come as such; what holds others comes as text."""
    found = ask(EVERY_TYPE)
    assert found.rows == [
        {
            "i": 1, "l": 2, "d": 1.5, "m": Decimal("1.50"), "b": True, "s": 'a "b", c', "empty": "",
            "nothing": None, "day": date(2026, 1, 2),
            "t": datetime.fromisoformat("2026-01-01T00:00:00.123456"),
            "z": datetime(2026, 1, 1, 0, 0, 0, 123000, tzinfo=timezone.utc),
            "a": "[1, null]", "o": "{k=1}", "r": "{n=1, u=x}", "y": "68 65",
        }
    ]  # fmt: skip
    assert found.types[:6] == ("integer", "bigint", "double", "decimal", "boolean", "varchar")
    assert found.types[9:11] == ("timestamp", "timestamp with time zone")


def test_a_result_is_a_file_too(queries: Athena, client: Client) -> None:
    """All in quotes, a quote doubled, a null nothing, under the query's id."""
    query = queries.start("select 'a \"b\"' as s, cast(null as varchar) as n, 1 as i")
    done = queries.ended(query)
    assert done["ResultConfiguration"]["OutputLocation"] == f"{queries.output}/{query}.csv"
    content = read(client, done["ResultConfiguration"]["OutputLocation"])
    assert content == b'"s","n","i"\n"a ""b""",,"1"\n'


def test_results_come_in_pages_with_one_header(queries: Athena) -> None:
    """The header is the first row of the first page, and the last page has no token."""
    query = queries.run("select x from unnest(sequence(1, 4)) as t(x) order by x")
    pages = [queries.results(query["QueryExecutionId"], MaxResults=2)]
    while "NextToken" in pages[-1]:
        token = pages[-1]["NextToken"]
        pages.append(queries.results(query["QueryExecutionId"], MaxResults=2, NextToken=token))
    cells = [[row["Data"][0]["VarCharValue"] for row in p["ResultSet"]["Rows"]] for p in pages]
    assert cells == [["x", "1"], ["2", "3"], ["4"]]


def test_a_query_is_told_with_its_kind_and_figures(queries: Athena) -> None:
    """Type, subtype, workgroup, database and times are there as in AWS."""
    done = queries.run("select 1", QueryExecutionContext={"Database": "some"})
    assert (done["StatementType"], done["SubstatementType"]) == ("DML", "SELECT")
    assert (done["WorkGroup"], done["QueryExecutionContext"]["Database"]) == ("primary", "some")
    assert done["Statistics"]["TotalExecutionTimeInMillis"] >= 0
    assert done["Status"]["CompletionDateTime"] >= done["Status"]["SubmissionDateTime"]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("select * from {db}.nope", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.{db}.nope'"),
        ("select\n  nope", "COLUMN_NOT_FOUND: line 2:3: Column 'nope' cannot be resolved or req"),
        ("select 1 1", "SYNTAX_ERROR: line 1:10: mismatched input '1'"),
        ("select 1 / 0", "DIVISION_BY_ZERO: Division by zero"),
        ("execute nope", "NOT_FOUND: Prepared statement not found: nope"),
    ],
)
def test_a_failure_says_where(queries: Athena, database: str, sql: str, reason: str) -> None:
    """The engine's own name of the error, with line and column."""
    done = queries.run(sql.format(db=database))
    assert done["Status"]["State"] == "FAILED"
    assert done["Status"]["StateChangeReason"].startswith(reason.format(db=database))
    assert done["Status"]["AthenaError"]["ErrorCategory"] == 2
    with pytest.raises(ClientError, match="Query did not finish successfully"):
        queries.results(done["QueryExecutionId"])


@pytest.mark.parametrize(
    "sql", ["call system.sync()", "alter table t execute optimize", "selec 1", "set session a = 1"]
)
def test_what_athena_lacks_is_refused_at_once(queries: Athena, sql: str) -> None:
    """Trino would run it; Athena starts no such query."""
    with pytest.raises(ClientError, match="Queries of this type are not supported"):
        queries.start(sql)


def test_a_token_starts_one_query(queries: Athena) -> None:
    """The same request again is the same query; another one under its token is refused."""
    token = uuid4().hex
    first = queries.start("select 1", ClientRequestToken=token)
    assert queries.start("select 1", ClientRequestToken=token) == first
    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        queries.start("select 2", ClientRequestToken=token)


def test_results_need_a_place(queries: Athena) -> None:
    """Neither the workgroup nor the request names one: no query."""
    with pytest.raises(ClientError, match="No output location provided"):
        queries.api.start_query_execution(QueryString="select 1")


def test_an_unknown_or_disabled_workgroup_runs_nothing(queries: Athena) -> None:
    """A workgroup that was switched off refuses queries."""
    with pytest.raises(ClientError, match="WorkGroup is not found"):
        queries.start("select 1", WorkGroup="nowhere")
    name = workgroup(queries)
    queries.api.update_work_group(WorkGroup=name, State="DISABLED")
    with pytest.raises(ClientError, match="is disabled"):
        queries.start("select 1", WorkGroup=name)


def test_a_workgroup_s_settings_win(queries: Athena, client: Client, bucket: str) -> None:
    """Where it enforces them, results go to its place, under its key."""
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    encryption = {"EncryptionOption": "SSE_KMS", "KmsKey": key}
    place = {"OutputLocation": f"s3://{bucket}/group/", "EncryptionConfiguration": encryption}
    name = workgroup(queries, EnforceWorkGroupConfiguration=True, ResultConfiguration=place)
    done = queries.run("select 1", WorkGroup=name)
    where = done["ResultConfiguration"]["OutputLocation"]
    assert where == f"s3://{bucket}/group/{done['QueryExecutionId']}.csv"
    head = client("s3").head_object(Bucket=bucket, Key=where.removeprefix(f"s3://{bucket}/"))
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_results_are_written_by_who_asked(emulator: Server, bucket: str, role: str) -> None:
    """Athena uses its caller's rights for results; the engine reads Glue and S3 as Athena."""
    mine = Athena(lambda service: emulator.client(service, role=role), bucket)
    query = mine.run("select 1")["QueryExecutionId"]
    puts = emulator.requests.find(service="s3", operation="PutObject")
    assert [one.principal for one in puts if query in one.path] == [role]


def test_a_query_that_scans_too_much_is_cancelled(
    queries: Athena, ask: Ask, database: str, bucket: str
) -> None:
    """AWS: "Configure per-query data usage controls" (User Guide)."""
    place = f"s3://{bucket}/{database}/big"
    ask(
        f"create table {database}.big with (table_type='ICEBERG', is_external=false, "
        f"location='{place}') as select random() as r from unnest(sequence(1, 1000)) a(x), "
        "unnest(sequence(1, 1600)) b(y)"
    )
    limited = workgroup(
        queries, EnforceWorkGroupConfiguration=True, BytesScannedCutoffPerQuery=10_000_000,
        ResultConfiguration={"OutputLocation": queries.output},
    )  # fmt: skip
    done = queries.run(f"select sum(r) from {database}.big", WorkGroup=limited)
    assert done["Status"]["State"] == "CANCELLED"
    assert done["Status"]["StateChangeReason"] == "Bytes scanned limit was exceeded"
    assert done["Statistics"]["DataScannedInBytes"] > 10_000_000
    counted = queries.run(f"select count(*) from {database}.big", WorkGroup=limited)
    assert counted["Status"]["State"] == "SUCCEEDED"


def test_a_query_can_be_stopped(queries: Athena) -> None:
    """It ends cancelled, and gives no results."""
    query = queries.start(ENDLESS)
    queries.until(query, "RUNNING")
    with pytest.raises(ClientError, match=r"has not yet finished\. Current state: RUNNING"):
        queries.results(query)
    queries.api.stop_query_execution(QueryExecutionId=query)
    assert queries.ended(query)["Status"]["State"] == "CANCELLED"


def test_queries_are_listed_newest_first(queries: Athena) -> None:
    """By workgroup, in pages; many are told at once, and unknown ones are named."""
    name = workgroup(queries, ResultConfiguration={"OutputLocation": queries.output})
    started = [queries.start(f"select {n}", WorkGroup=name) for n in range(3)]
    pages = queries.api.get_paginator("list_query_executions").paginate(
        WorkGroup=name, PaginationConfig={"PageSize": 2}
    )
    assert [one for p in pages for one in p["QueryExecutionIds"]] == started[::-1]
    nobody = str(uuid4())
    found = queries.api.batch_get_query_execution(QueryExecutionIds=[started[0], nobody])
    assert [one["QueryExecutionId"] for one in found["QueryExecutions"]] == started[:1]
    assert found["UnprocessedQueryExecutionIds"][0]["QueryExecutionId"] == nobody
    with pytest.raises(ClientError, match="was not found"):
        queries.get(nobody)


def test_a_prepared_statement_belongs_to_its_workgroup(queries: Athena) -> None:
    """AWS: "Use parameterized queries" (User Guide); by SQL and by the API alike."""
    mine, other = (
        workgroup(queries, ResultConfiguration={"OutputLocation": queries.output}) for _ in "ab"
    )
    queries.run("prepare doubled from select ? * 2 as n", WorkGroup=mine)
    done = queries.run("execute doubled using 21", WorkGroup=mine)
    rows = queries.results(done["QueryExecutionId"])["ResultSet"]["Rows"]
    assert rows[1]["Data"] == [{"VarCharValue": "42"}]
    told = queries.api.get_prepared_statement(StatementName="doubled", WorkGroup=mine)
    assert told["PreparedStatement"]["QueryStatement"] == "select ? * 2 as n"
    assert queries.run("execute doubled using 21", WorkGroup=other)["Status"]["State"] == "FAILED"
    queries.run("deallocate prepare doubled", WorkGroup=mine)
    assert queries.api.list_prepared_statements(WorkGroup=mine)["PreparedStatements"] == []


def test_parameters_fill_question_marks(ask: Ask) -> None:
    """Each is a literal of SQL, in order."""
    assert ask("select ? as a, ? as b", parameters=["7", "'x'"]).rows == [{"a": 7, "b": "x"}]


def test_a_failure_is_an_error_with_its_reason(ask: Ask) -> None:
    """Our own client raises what Athena says, and says where there is no Athena."""
    with pytest.raises(athena.QueryError, match=r"DIVISION_BY_ZERO.*\(query "):
        ask("select 1 / 0")
    with pytest.raises(athena.QueryError, match="not supported"):
        ask("call x()")
    with pytest.raises(ConfigurationError, match="the local lake has no Athena"):
        athena.run(settings.load({}), "select 1")
