"""Athena's SQL and Trino's: what is translated or refused, and what our files may not have."""

from __future__ import annotations

import re

import pytest

from console.emulator.answers import NotEmulatedError
from console.emulator.trino import lint
from console.emulator.trino.statements import bare, kind, skeleton
from console.emulator.trino.translate import translate, vacuum, vacuum_properties

ICEBERG = "location 's3://b/t/' tblproperties ('table_type'='ICEBERG')"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1", ("DML", "SELECT")),
        ("-- why?\nwith a as (select 1) select * from a;", ("DML", "SELECT")),
        ("(select 1)", ("DML", "SELECT")),
        (
            "create table t with (table_type='ICEBERG') as select 1 a",
            ("DML", "CREATE_TABLE_AS_SELECT"),
        ),
        ("create table t (a string comment 'as select')", ("DDL", "CREATE_TABLE")),
        ("create or replace view v as select 1 a", ("DDL", "CREATE_VIEW")),
        ("show tables in db", ("UTILITY", "SHOW_TABLES")),
        ("call system.sync()", ("", "")),
        ("selec 1", ("", "")),
    ],
)
def test_a_statement_has_athena_s_kind(sql: str, expected: tuple[str, str]) -> None:
    """GetQueryExecution tells type and subtype; a table made from a SELECT is DML."""
    assert kind(sql) == expected


def test_a_comment_is_no_part_of_a_statement() -> None:
    """What stands in comments, texts and names is no SQL, and lines keep their number."""
    sql = "-- drop table x;\nselect '--', \"a;b\" /* two\nlines */ from t ;"
    assert bare(sql).splitlines()[1] == "select '--', \"a;b\" "
    assert bare(sql).count("\n") == 2
    assert skeleton(sql) == "SELECT '', X FROM T"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select * from t -- all", ["select * from t"]),
        (
            "OPTIMIZE db.t REWRITE DATA USING BIN_PACK WHERE day = 1",
            ["ALTER TABLE db.t EXECUTE optimize WHERE day = 1"],
        ),
        (
            (
                "create table if not exists db.t (id bigint comment 'a, b', s string, "
                "m map<string,int>, "
                "r struct<a:array<int>,b:timestamp>, d decimal(10,2)) "
                f"partitioned by (day(ts), bucket(16, id), truncate(2, `s`)) {ICEBERG}"
            ),
            [
                (
                    'CREATE TABLE if not exists db.t ("id" bigint comment \'a, b\', "s" varchar, '
                    '"m" map(varchar, integer), "r" row(a array(integer), b timestamp(6)), '
                    '"d" decimal(10,2)) WITH (format_version = 2, '
                    "location = 's3://b/t', "
                    "partitioning = ARRAY['day(ts)', 'bucket(id, 16)', 'truncate(s, 2)'])"
                )
            ],
        ),
        (
            (
                "create table t with (table_type='ICEBERG', is_external=false, "
                "location='s3://b/t', vacuum_min_snapshots_to_keep=5, "
                "partitioning=array['a']) as select 1 a"
            ),
            ["create table t with (location='s3://b/t', partitioning=array['a']) as select 1 a"],
        ),
        (
            "alter table t add columns (a int, b map<string,string>)",
            [
                'ALTER TABLE t ADD COLUMN "a" integer',
                'ALTER TABLE t ADD COLUMN "b" map(varchar, varchar)',
            ],
        ),
        ("alter table t drop column a", ["ALTER TABLE t drop column a"]),
        (
            "create database if not exists db location 's3://b/db/'",
            ["CREATE SCHEMA if not exists db WITH (location = 's3://b/db/')"],
        ),
        ("drop database if exists `db`", ['DROP SCHEMA if exists "db"']),
        ("show databases", ["SHOW SCHEMAS"]),
        ("show tables in db", ["SHOW TABLES FROM db"]),
    ],
)
def test_athena_s_words_become_trino_s(sql: str, expected: list[str]) -> None:
    """AWS: "Query Apache Iceberg tables" (User Guide); a question passes as it is."""
    assert translate(sql) == expected


def test_vacuum_goes_by_the_table_s_properties() -> None:
    """AWS: "VACUUM" (User Guide): five days, or what the table says; a count is not half heeded."""
    asked = vacuum_properties("vacuum `db`.`_t`")
    assert asked == """SELECT key, value FROM "db"."_t$properties" WHERE key LIKE 'vacuum_%'"""
    assert [sql.split(" EXECUTE ")[1] for sql in vacuum("vacuum db.t", {})] == [
        "expire_snapshots(retention_threshold => '432000s')",
        "remove_orphan_files(retention_threshold => '432000s')",
    ]
    told = {"vacuum_max_snapshot_age_seconds": "60"}
    assert vacuum("vacuum db.t", told)[0].endswith("'60s')")
    with pytest.raises(NotEmulatedError, match="vacuum_min_snapshots_to_keep"):
        vacuum("vacuum db.t", {"vacuum_min_snapshots_to_keep": "3"})


@pytest.mark.parametrize(
    "sql",
    [
        "unload (select 1) to 's3://b/' with (format='PARQUET')",
        "msck repair table t",
        "create external table t (a int) location 's3://b/t'",
        "create table t with (format='PARQUET') as select 1 a",
        "alter table t set tblproperties ('vacuum_min_snapshots_to_keep'='3')",
        "drop database db cascade",
        "show tables 'a*'",
        "optimize t",
    ],
)
def test_what_has_no_translation_is_refused(sql: str) -> None:
    """A statement that cannot be done as Athena does it is never half done."""
    with pytest.raises(NotEmulatedError, match="not implemented in the emulated place"):
        translate(sql)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("call system.rollback_to_snapshot('a', 'b', 1)", lint.UNSUPPORTED),
        ("alter table db.t execute optimize", lint.UNSUPPORTED),
        ("alter table t set properties partitioning = array['a']", lint.UNSUPPORTED),
        ("describe input p", lint.UNSUPPORTED),
        ("set session a = 1", lint.UNSUPPORTED),
        ("select 1; select 2", "Only one sql statement is allowed"),
        ("select * from t for version as of 'tag'", "NOT_SUPPORTED: a version is a snapshot's"),
        (f"create table t (a timestamptz) {ICEBERG}", "Unsupported type .*: timestamptz"),
        (f"create table t (a int, b map<string,tinyint>) {ICEBERG}", "type .*: tinyint"),
        (f"create table t (a struct<x:int,y:char(3)>) {ICEBERG}", "type .*: char"),
    ],
)
def test_what_trino_takes_and_athena_refuses(sql: str, reason: str) -> None:
    """Stored procedures, tags in time travel, and types that Iceberg in Athena does not know."""
    assert re.search(reason, lint.refused(sql)), lint.refused(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select ';' from t for version as of 12",
        "select * from t for timestamp as of timestamp '2026-01-01 00:00:00 UTC'",
        'select * from "db"."t$snapshots"',
        "optimize t rewrite data using bin_pack",
        "alter table t add columns (a int)",
        (
            "create table t (id bigint comment 'time, char', `b` decimal(10, 2), "
            f"c array<struct<x:double,y:date>>) partitioned by (day(ts)) {ICEBERG}"
        ),
        "execute p using 'for version as of'",
    ],
)
def test_what_athena_takes_is_not_refused(sql: str) -> None:
    """The lint looks at words of SQL, not at texts and comments."""
    assert lint.refused(sql) == ""


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("-- Which?\nselect a from ${prefix}_gold.t", 0),
        ("optimize t rewrite data using bin_pack", 1),
        ("vacuum t", 1),
        ("create or replace view v as select 1 a", 1),
        ("selec 1", 1),
        ("call x()", 1),
    ],
)
def test_our_files_only_ask(sql: str, count: int) -> None:
    """OPTIMIZE and VACUUM are Athena's, and know of no holds: no file of ours has them."""
    assert len(lint.complaints(sql)) == count
