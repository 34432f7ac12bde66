"""Other people's clients of Athena get real answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyathena import connect
from pyathena.cursor import DictCursor

if TYPE_CHECKING:
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
