"""Iceberg tables that Athena shares with other engines through Glue.

AWS: "Query Apache Iceberg tables" (User Guide).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from console import athena, tables

if TYPE_CHECKING:
    from lakehouse.settings import Settings
    from tests.athena.conftest import Ask
    from tests.emulated.conftest import Client


@pytest.fixture
def catalog(lake: Settings) -> Any:
    """PyIceberg's view of the same Glue."""
    return tables.open_catalog(lake)


def made(ask: Ask, database: str, bucket: str, name: str = "t") -> str:
    """A table made by Athena's own DDL, with ten rows in two days."""
    where = f"s3://{bucket}/{database}/{name}"
    ask(
        f"create table {database}.{name} (id bigint, s string, ts timestamp) "
        f"partitioned by (day(ts)) location '{where}' tblproperties ('table_type'='ICEBERG')"
    )
    ask(
        f"insert into {database}.{name} select n, 'r' || cast(n as varchar), "
        "timestamp '2026-01-01 00:00:00' + n % 2 * interval '1' day "
        "from unnest(sequence(1, 10)) t(n)"
    )
    return f"{database}.{name}"


def test_what_pyiceberg_wrote_athena_reads(ask: Ask, catalog: Any, database: str) -> None:
    """Now, and as it was at a snapshot; the bytes it scanned are told."""
    rows = pa.table({"id": pa.array([1, 2], pa.int64()), "s": ["a", None]})
    table = catalog.create_table(f"{database}.p", schema=rows.schema)
    table.append(rows)
    first = table.current_snapshot().snapshot_id
    table.append(rows)
    found = ask(f"select id, s, count(*) as n from {database}.p group by 1, 2 order by 1")
    assert found.rows == [{"id": 1, "s": "a", "n": 2}, {"id": 2, "s": None, "n": 2}]
    assert found.scanned > 0
    then = ask(f"select count(*) as n from {database}.p for version as of {first}")
    assert then.rows == [{"n": 2}]
    told = ask(f'select snapshot_id from "{database}"."p$snapshots" order by committed_at')
    assert told.rows[0] == {"snapshot_id": first}


def test_what_athena_wrote_pyiceberg_reads(
    ask: Ask, catalog: Any, database: str, bucket: str
) -> None:
    """Inserted, merged and deleted rows, merge on read."""
    name = made(ask, database, bucket)
    ask(f"delete from {name} where id = 1")
    ask(f"update {name} set s = 'new' where id = 2")
    ask(
        f"merge into {name} t using (values (3, 'merged'), (11, 'more')) as n(id, s) "
        "on t.id = n.id "
        "when matched then update set s = n.s "
        "when not matched then insert values (n.id, n.s, timestamp '2026-01-03 00:00:00')"
    )
    found = {row["id"]: row["s"] for row in catalog.load_table(name).scan().to_arrow().to_pylist()}
    assert sorted(found) == list(range(2, 12))
    assert (found[2], found[3], found[11]) == ("new", "merged", "more")


def test_maintenance_changes_no_answer(ask: Ask, database: str, bucket: str) -> None:
    """OPTIMIZE and VACUUM are run as Athena would: the rows stay."""
    name = made(ask, database, bucket)
    ask(f"insert into {name} values (11, 'x', timestamp '2026-01-01 00:00:00')")
    before = ask(f"select * from {name} order by id").rows
    ask(f"optimize {name} rewrite data using bin_pack")
    ask(f"vacuum {name}")
    assert ask(f"select * from {name} order by id").rows == before


def test_vacuum_keeps_what_a_table_says(ask: Ask, catalog: Any, database: str, bucket: str) -> None:
    """A table that bids keep snapshots for long loses none."""
    name = made(ask, database, bucket)
    ask(f"delete from {name} where id = 1")
    with catalog.load_table(name).transaction() as change:
        change.set_properties({"vacuum_max_snapshot_age_seconds": "315360000"})
    before = len(catalog.load_table(name).snapshots())
    ask(f"vacuum {name}")
    assert len(catalog.load_table(name).snapshots()) == before > 1
    with catalog.load_table(name).transaction() as change:
        change.set_properties({"vacuum_max_snapshot_age_seconds": "0"})
    ask(f"vacuum {name}")
    assert len(catalog.load_table(name).snapshots()) == 1


def test_columns_are_added_in_hive_s_words(ask: Ask, database: str, bucket: str) -> None:
    """ALTER TABLE ADD COLUMNS takes several at once; old rows have none of them."""
    name = made(ask, database, bucket)
    ask(f"alter table {name} add columns (more int, tags map<string,string>)")
    assert ask(f"select more, tags from {name} where id = 1").rows == [{"more": None, "tags": None}]


def test_a_view_lies_in_glue(ask: Ask, client: Client, database: str, bucket: str) -> None:
    """AWS: "Work with views" (User Guide): a VIRTUAL_VIEW, replaced and asked like a table."""
    name = made(ask, database, bucket)
    ask(f"create or replace view {database}.v as select count(*) as n from {name}")
    ask(f"create or replace view {database}.v as select count(*) + 1 as n from {name}")
    assert ask(f"select n from {database}.v").rows == [{"n": 11}]
    told = client("glue").get_table(DatabaseName=database, Name="v")["Table"]
    assert told["TableType"] == "VIRTUAL_VIEW"
    assert told["ViewOriginalText"].startswith("/* Presto View: ")
    assert {row["tab_name"] for row in ask(f"show tables in {database}").rows} == {"t", "v"}


def test_drivers_find_what_is_in_glue(client: Client, catalog: Any, database: str) -> None:
    """AWS: "ListTableMetadata" (Athena API Reference): databases, tables and columns of Glue."""
    schema = pa.schema([("id", pa.int64()), ("s", pa.string())])
    catalog.create_table(f"{database}.t", schema=schema)
    athena_, there = client("athena"), {"CatalogName": "AwsDataCatalog"}
    found = athena_.list_databases(**there)["DatabaseList"]
    assert database in {one["Name"] for one in found}
    assert athena_.get_database(**there, DatabaseName=database)["Database"]["Name"] == database
    listed = athena_.list_table_metadata(**there, DatabaseName=database)["TableMetadataList"]
    assert [one["Name"] for one in listed] == ["t"]
    told = athena_.get_table_metadata(**there, DatabaseName=database, TableName="t")
    assert [one["Name"] for one in told["TableMetadata"]["Columns"]] == ["id", "s"]
    with pytest.raises(ClientError, match="MetadataException"):
        athena_.get_table_metadata(**there, DatabaseName=database, TableName="nope")


def test_one_insert_opens_a_hundred_partitions(ask: Ask, database: str, bucket: str) -> None:
    """AWS: "Use CTAS and INSERT INTO to work around the 100 partition limit" (User Guide)."""
    with pytest.raises(athena.QueryError, match="ICEBERG_TOO_MANY_OPEN_PARTITIONS: Exceeded"):
        ask(_days(database, bucket, 101))
    ask(_days(database, bucket, 100))
    assert ask(f"select count(*) as n from {database}.days_100").rows == [{"n": 100}]


def _days(database: str, bucket: str, count: int) -> str:
    """A CTAS with a partition for each day."""
    return (
        f"create table {database}.days_{count} with (table_type='ICEBERG', is_external=false, "
        f"location='s3://{bucket}/{database}/days_{count}', partitioning=array['d']) as "
        f"select date '2026-01-01' + n * interval '1' day as d "
        f"from unnest(sequence(1, {count})) t(n)"
    )
