"""What Trino takes and Athena refuses, and what Athena takes and our own files may not have."""

from __future__ import annotations

import re

from console.emulator.trino.statements import bare, kind, skeleton

UNSUPPORTED = "Queries of this type are not supported"
# https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-creating-tables.html
_COLUMN_TYPES = {
    "boolean", "int", "long", "bigint", "float", "double", "decimal", "string", "timestamp", "date",
    "binary", "struct", "list", "map", "array",
}  # fmt: skip
_ALTER = re.compile(
    r"ALTER TABLE (?:IF EXISTS )?\S+ "
    r"(ADD COLUMNS|CHANGE|DROP COLUMN|REPLACE COLUMNS|RENAME TO|SET LOCATION"
    r"|SET TBLPROPERTIES|UNSET TBLPROPERTIES"
    r"|ADD (?:IF NOT EXISTS )?PARTITION|DROP (?:IF EXISTS )?PARTITION)\b"
)
_TAG_TRAVEL = re.compile(r"\bFOR (?:SYSTEM_)?VERSION AS OF ''")
_HIVE_CREATE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?[^(]+\((.*)\)", re.DOTALL)
_OPEN = re.compile(r"\$\{\w+\}")


def refused(sql: str) -> str:
    """Why Athena refuses a statement that Trino may take; nothing for one it does not refuse.

    Messages are Athena's where it is known to say so.
    """
    text = skeleton(sql)
    _, what = kind(sql)
    if not what or re.match(r"DESC(RIBE)? (INPUT|OUTPUT)\b", text):
        return UNSUPPORTED
    if ";" in text:
        return "Only one sql statement is allowed"
    if what == "ALTER_TABLE" and not _ALTER.match(text):
        return UNSUPPORTED
    if _TAG_TRAVEL.search(text):
        return "NOT_SUPPORTED: a version is a snapshot's number: tags and branches are not read"
    return _types(sql) if what == "CREATE_TABLE" else ""


def _types(sql: str) -> str:
    """Why a table's columns cannot be declared: Iceberg in Athena knows fewer types than Trino."""
    declared = _HIVE_CREATE.match(re.split(r"PARTITIONED BY|LOCATION|TBLPROPERTIES", _one(sql))[0])
    if declared is None:
        return ""
    words = re.findall(r"[\s<:,](\w+)(?=\s*[<(,>)]|\s+COMMENT|\s*$)", _typed(declared[1]))
    for word in words:
        if word.lower() not in _COLUMN_TYPES and not word.isdigit():
            return f"NOT_SUPPORTED: Unsupported type for Iceberg table: {word.lower()}"
    return ""


def _one(sql: str) -> str:
    """The text in one line, without what stands in quotes, key words in upper case."""
    flat = " ".join(re.sub(r"'(?:[^']|'')*'", "''", bare(sql)).split())
    words = r"\b(create table( if not exists)?|partitioned by|location|tblproperties|comment)\b"
    return re.sub(words, lambda found: found[0].upper(), flat, flags=re.IGNORECASE)


def _typed(columns: str) -> str:
    """Columns without their names and comments: ` type, type`."""
    plain = re.sub(r"COMMENT ''", "", columns)
    plain = re.sub(r"decimal\s*\([\d\s,]*\)", "decimal", plain, flags=re.IGNORECASE)
    plain = re.sub(r"[\w`\"]+\s*:\s*", " ", plain)  # fields of a struct
    depth, parts, start = 0, [], 0
    for place, sign in enumerate(plain + ","):
        depth += (sign in "<(") - (sign in ">)")
        if sign == "," and not depth:
            parts.append(plain[start:place].strip().partition(" ")[2])
            start = place + 1
    return " " + ", ".join(parts)


def complaints(sql: str) -> list[str]:
    """Why a file of ours may not be: it asks, changes nothing, and is one statement of Athena's.

    OPTIMIZE and VACUUM are Athena's, but know nothing of holds: maintenance is not done there.
    """
    reason = refused(_OPEN.sub("x", sql))
    found = [reason] if reason else []
    if kind(sql)[1] not in ("SELECT", ""):
        found.append(f"{kind(sql)[1]} changes something: files only ask")
    return found
