"""What kind of statement a text is, without its comments."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)
      |(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`)
      |(?P<word>[A-Za-z_][\w$]*)
      |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
# The leading words of a statement and what Athena calls it: its type and its subtype.
KINDS = {
    "SELECT": ("DML", "SELECT"),
    "WITH": ("DML", "SELECT"),
    "VALUES": ("DML", "SELECT"),
    "TABLE": ("DML", "SELECT"),
    "(": ("DML", "SELECT"),
    "INSERT INTO": ("DML", "INSERT"),
    "DELETE FROM": ("DML", "DELETE"),
    "UPDATE": ("DML", "UPDATE"),
    "MERGE INTO": ("DML", "MERGE"),
    "UNLOAD": ("DML", "UNLOAD"),
    "EXECUTE": ("DML", "EXECUTE"),
    "OPTIMIZE": ("DDL", "OPTIMIZE"),
    "VACUUM": ("DDL", "VACUUM"),
    "PREPARE": ("DDL", "PREPARE"),
    "DEALLOCATE PREPARE": ("DDL", "DEALLOCATE_PREPARE"),
    "CREATE TABLE": ("DDL", "CREATE_TABLE"),
    "CREATE EXTERNAL TABLE": ("DDL", "CREATE_TABLE"),
    "CREATE VIEW": ("DDL", "CREATE_VIEW"),
    "CREATE OR REPLACE VIEW": ("DDL", "CREATE_VIEW"),
    "CREATE DATABASE": ("DDL", "CREATE_DATABASE"),
    "CREATE SCHEMA": ("DDL", "CREATE_DATABASE"),
    "ALTER TABLE": ("DDL", "ALTER_TABLE"),
    "ALTER DATABASE": ("DDL", "ALTER_DATABASE"),
    "ALTER SCHEMA": ("DDL", "ALTER_DATABASE"),
    "DROP TABLE": ("DDL", "DROP_TABLE"),
    "DROP VIEW": ("DDL", "DROP_VIEW"),
    "DROP DATABASE": ("DDL", "DROP_DATABASE"),
    "DROP SCHEMA": ("DDL", "DROP_DATABASE"),
    "MSCK REPAIR TABLE": ("DDL", "MSCK_REPAIR"),
    "EXPLAIN": ("UTILITY", "EXPLAIN"),
    "DESCRIBE": ("UTILITY", "DESCRIBE"),
    "DESC": ("UTILITY", "DESCRIBE"),
    "SHOW COLUMNS": ("UTILITY", "SHOW_COLUMNS"),
    "SHOW CREATE TABLE": ("UTILITY", "SHOW_CREATE_TABLE"),
    "SHOW CREATE VIEW": ("UTILITY", "SHOW_CREATE_VIEW"),
    "SHOW DATABASES": ("UTILITY", "SHOW_DATABASES"),
    "SHOW SCHEMAS": ("UTILITY", "SHOW_DATABASES"),
    "SHOW PARTITIONS": ("UTILITY", "SHOW_PARTITIONS"),
    "SHOW TABLES": ("UTILITY", "SHOW_TABLES"),
    "SHOW TBLPROPERTIES": ("UTILITY", "SHOW_TBLPROPERTIES"),
    "SHOW VIEWS": ("UTILITY", "SHOW_VIEWS"),
}
_LONGEST = max(len(words.split()) for words in KINDS)


def bare(sql: str) -> str:
    """The statement without comments and without its semicolon.

    A comment leaves its line ends, so that an error's line stays the one of the text.
    """
    parts = []
    for found in _TOKEN.finditer(sql):
        is_comment = found.lastgroup == "comment"
        parts.append("\n" * found[0].count("\n") + " " if is_comment else found[0])
    return "".join(parts).rstrip().removesuffix(";").rstrip()


def skeleton(sql: str) -> str:
    """The statement's words and signs in one line, upper case; texts are '' and names in quotes x.

    What a pattern finds in it is no part of a comment, of a text or of a quoted name.
    """
    parts = []
    for found in _TOKEN.finditer(bare(sql)):
        text = found[0]
        if found.lastgroup == "quoted":
            text = "''" if text.startswith("'") else "x"
        parts.append(text.upper())
    return " ".join("".join(parts).split())


def kind(sql: str) -> tuple[str, str]:
    """Athena's StatementType and SubstatementType, or empty for one that Athena does not know."""
    text = skeleton(sql)
    if text.startswith("("):
        return KINDS["("]
    words = text.replace("(", " ").split()
    for count in range(_LONGEST, 0, -1):
        found = KINDS.get(" ".join(words[:count]))
        if found:
            return _refined(text, found)
    return "", ""


def _refined(text: str, found: tuple[str, str]) -> tuple[str, str]:
    """CREATE TABLE … AS is DML in Athena."""
    is_ctas = found[1] == "CREATE_TABLE" and re.search(
        r"\bAS \(*\s*(SELECT|WITH|VALUES|TABLE)\b", text
    )
    return ("DML", "CREATE_TABLE_AS_SELECT") if is_ctas else found
