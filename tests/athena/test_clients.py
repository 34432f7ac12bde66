"""Other people's clients of Athena get real answers."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import awswrangler as wr
import boto3
import pytest
from pyathena import connect
from pyathena.cursor import DictCursor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.emulator.server import Server


def connection(emulator: Server, bucket: str, **more: Any) -> Any:
    """PyAthena's connection to the emulated Athena."""
    who = emulator.credentials()
    return connect(
        s3_staging_dir=f"s3://{bucket}/pyathena/",
        region_name=emulator.region,
        endpoint_url=emulator.url,
        aws_access_key_id=who["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=who["AWS_SECRET_ACCESS_KEY"],
        poll_interval=0.05,
        **more,
    )


def test_pyathena_gets_rows_with_types(emulator: Server, bucket: str) -> None:
    """Its own conversion of what the emulated Athena answers gives Python's values."""
    with connection(emulator, bucket) as made, made.cursor(DictCursor) as cursor:
        cursor.execute(
            "select bigint '1' as n, %(word)s as s, true as b, array[1, 2] as a, "
            "cast(null as double) as x, timestamp '2026-01-01 10:00:00.500' as t",
            {"word": "it's"},
        )
        row = cursor.fetchone()
        assert (row["n"], row["s"], row["b"], row["x"]) == (1, "it's", True, None)
        assert (row["a"], row["t"].isoformat()) == ([1, 2], "2026-01-01T10:00:00.500000")
        assert cursor.fetchone() is None
        assert cursor.data_scanned_in_bytes == 0


def test_pyathena_reads_many_rows(emulator: Server, bucket: str) -> None:
    """More rows than a page has come whole and in order."""
    with connection(emulator, bucket) as made, made.cursor() as cursor:
        cursor.execute("select n from unnest(sequence(1, 2500)) as t(n) order by n")
        assert [n for (n,) in cursor.fetchall()] == list(range(1, 2501))


@pytest.fixture
def session(emulator: Server) -> Iterator[boto3.Session]:
    """Awswrangler's session, its calls sent to the emulator."""
    who = emulator.credentials()
    services = ("s3", "athena", "glue", "sts", "kms")
    for service in services:
        setattr(wr.config, f"{service}_endpoint_url", emulator.url)
    yield boto3.Session(
        aws_access_key_id=who["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=who["AWS_SECRET_ACCESS_KEY"],
        region_name=emulator.region,
    )
    for service in services:
        wr.config.reset(f"{service}_endpoint_url")


@pytest.mark.filterwarnings("ignore:The copy keyword:DeprecationWarning")  # its own, of pandas
def test_awswrangler_gets_a_frame_with_types(session: boto3.Session, bucket: str) -> None:
    """Its frame has what was asked, by the types that Athena told; nulls stay nulls."""
    found = wr.athena.read_sql_query(
        "select * from (values "
        "(bigint '1', 'it''s', true, 1.5e0, decimal '2.50', date '2026-01-01', "
        "timestamp '2026-01-01 10:00:00.500'), "
        "(null, null, null, null, null, null, null)) as t (n, s, b, x, d, day, at)",
        database="default", ctas_approach=False, s3_output=f"s3://{bucket}/wrangler/",
        boto3_session=session,
    )  # fmt: skip
    assert {name: str(kind) for name, kind in found.dtypes.items()} == {
        "n": "Int64", "s": "string", "b": "boolean", "x": "float64", "d": "object",
        "day": "object", "at": "datetime64[us]",
    }  # fmt: skip
    first, second = (row for _, row in found.iterrows())
    assert first.to_list() == [
        1, "it's", True, 1.5, Decimal("2.50"), date(2026, 1, 1),
        datetime.fromisoformat("2026-01-01T10:00:00.500"),
    ]  # fmt: skip
    assert second.isna().all()


def test_awswrangler_fills_parameters_and_reads_in_parts(
    session: boto3.Session, bucket: str
) -> None:
    """Parameters go to Athena's own, and what comes in parts is whole and in order."""
    parts = wr.athena.read_sql_query(
        "select n from unnest(sequence(1, 2500)) as t(n) where n > ? order by n",
        database="default", ctas_approach=False, s3_output=f"s3://{bucket}/wrangler/",
        params=["500"], paramstyle="qmark", chunksize=700, boto3_session=session,
    )  # fmt: skip
    sizes, rows = [], []
    for part in parts:
        sizes.append(len(part))
        rows.extend(int(n) for n in part["n"])
    assert sizes == [700, 700, 600]
    assert rows == list(range(501, 2501))


def test_awswrangler_says_why_a_query_failed(session: boto3.Session, bucket: str) -> None:
    """The error of the one who asked has Athena's message."""
    with pytest.raises(wr.exceptions.QueryFailed, match="COLUMN_NOT_FOUND"):
        wr.athena.read_sql_query(
            "select nothing from (values 1) as t(n)",
            database="default", ctas_approach=False, s3_output=f"s3://{bucket}/wrangler/",
            boto3_session=session,
        )  # fmt: skip
