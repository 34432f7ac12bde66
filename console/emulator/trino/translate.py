"""Athena's statements in Trino's words (VACUUM's by what the table says of it).

What Athena has and Trino lacks: tables and databases declared as in Hive, OPTIMIZE, VACUUM. All
else is passed as it is. https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from console.emulator.answers import NotEmulatedError
from console.emulator.trino.statements import bare, kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NAME = r'(?:[`"]?[\w$]+[`"]?\.)*[`"]?[\w$]+[`"]?'
_FLAGS = re.IGNORECASE | re.DOTALL
_TYPES = {
    "string": "varchar",
    "int": "integer",
    "long": "bigint",
    "float": "real",
    "binary": "varbinary",
    "timestamp": "timestamp(6)",
}
# What Athena takes in a table's declaration and Trino has no word for, and no use.
_ATHENA_ONLY = re.compile(
    r"(table_type|is_external|write_compression|vacuum_\w+|optimize_\w+)\s*=", re.IGNORECASE
)
# AWS: what VACUUM keeps, by the table's properties, and by default.
_AGE, _KEPT = "vacuum_max_snapshot_age_seconds", "vacuum_min_snapshots_to_keep"
_DEFAULT_AGE = "432000"


def translate(sql: str) -> list[str]:
    """What Trino is asked for, in order. Raises NotEmulatedError for what it cannot do."""
    text = bare(sql)
    handler = _HANDLERS.get(kind(sql)[1])
    return handler(text) if handler else [text]


def split(text: str) -> list[str]:
    """The parts between commas that stand in no brackets and no quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for place, sign in enumerate(text + ","):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"`":
            quote = sign
        elif sign == "," and not depth:
            parts.append(text[start:place].strip())
            start = place + 1
        else:
            depth += (sign in "(<") - (sign in ")>")
    return [part for part in parts if part]


def type_of(told: str) -> str:
    """Trino's type for one of Hive's."""
    found = re.match(r"(array|map|struct)\s*<(.*)>$", told.strip(), _FLAGS)
    if not found:
        return _TYPES.get(told.strip().lower(), told.strip())
    parts = split(found[2])
    if found[1].lower() == "struct":
        fields = [part.split(":", 1) for part in parts]
        inner = ", ".join(f"{name.strip()} {type_of(kind_)}" for name, kind_ in fields)
        return f"row({inner})"
    return f"{found[1].lower()}({', '.join(map(type_of, parts))})"


def _plain(name: str) -> str:
    return name.replace("`", '"')


def _optimize(text: str) -> list[str]:
    found = _match(
        rf"OPTIMIZE\s+({_NAME})\s+REWRITE\s+DATA\s+USING\s+BIN_PACK(\s+WHERE\s.*)?", text
    )
    return [f"ALTER TABLE {_plain(found[1])} EXECUTE optimize{found[2] or ''}"]


def vacuum_properties(sql: str) -> str:
    """The question for what a table says of its VACUUM."""
    *above, name = _vacuumed(sql).split(".")
    inner = name.strip('"')
    table = ".".join([*above, f'"{inner}$properties"'])
    return f"SELECT key, value FROM {table} WHERE key LIKE 'vacuum_%'"


def vacuum(sql: str, properties: Mapping[str, str]) -> list[str]:
    """VACUUM in two steps. Raises NotEmulatedError for a table that keeps a number of snapshots."""
    if int(properties.get(_KEPT, "1")) > 1:
        raise NotEmulatedError(f"Athena: VACUUM of a table with {_KEPT}")
    age = int(properties.get(_AGE, _DEFAULT_AGE))
    return [
        f"ALTER TABLE {_vacuumed(sql)} EXECUTE {what}(retention_threshold => '{age}s')"
        for what in ("expire_snapshots", "remove_orphan_files")
    ]


def _vacuumed(sql: str) -> str:
    return _plain(_match(rf"VACUUM\s+({_NAME})", bare(sql))[1])


def _create(text: str) -> list[str]:
    pattern = (
        rf"CREATE\s+TABLE\s+(IF\s+NOT\s+EXISTS\s+)?({_NAME})\s*\((.*?)\)\s*"
        r"(?:COMMENT\s+'[^']*'\s*)?(?:PARTITIONED\s+BY\s*\((.*?)\)\s*)?"
        r"LOCATION\s+'([^']+)'\s*TBLPROPERTIES\s*\((.*)\)"
    )
    found = _match(pattern, text)
    if not re.search(r"['\"]table_type['\"]\s*=\s*['\"]iceberg['\"]", found[6], re.IGNORECASE):
        raise NotEmulatedError("Athena: CREATE TABLE of another kind than Iceberg")
    columns = ", ".join(_column(part) for part in split(found[3]))
    options = ["format_version = 2", f"location = '{found[5].rstrip('/')}'"]
    if found[4]:
        fields = ", ".join(f"'{_transform(part)}'" for part in split(found[4]))
        options.append(f"partitioning = ARRAY[{fields}]")
    name = f"{found[1] or ''}{_plain(found[2])}"
    return [f"CREATE TABLE {name} ({columns}) WITH ({', '.join(options)})"]


def _column(told: str) -> str:
    found = _match(r"[`\"]?(\w+)[`\"]?\s+(.+?)(\s+COMMENT\s+'.*')?", told)
    return f'"{found[1]}" {type_of(found[2])}{found[3] or ""}'


def _transform(told: str) -> str:
    """`bucket(16, id)` is bucket(id, 16) in Trino."""
    found = re.match(r"(bucket|truncate)\s*\(\s*(\d+)\s*,\s*[`\"]?(\w+)[`\"]?\s*\)$", told, _FLAGS)
    return f"{found[1].lower()}({found[3]}, {found[2]})" if found else re.sub(r"[`\"]", "", told)


def _create_as(text: str) -> list[str]:
    found = _match(r"(CREATE\s+TABLE\s.*?\sWITH\s*\()(.*?)(\)\s*AS\s.*)", text)
    options = split(found[2])
    if not any(re.match(r"table_type\s*=\s*'iceberg'", part, re.IGNORECASE) for part in options):
        raise NotEmulatedError("Athena: CREATE TABLE AS of another kind than Iceberg")
    kept = [part for part in options if not _ATHENA_ONLY.match(part)]
    return [found[1] + ", ".join(kept) + found[3]]


def _alter(text: str) -> list[str]:
    found = re.fullmatch(rf"ALTER\s+TABLE\s+({_NAME})\s+ADD\s+COLUMNS\s*\((.*)\)", text, _FLAGS)
    if found:
        table = _plain(found[1])
        return [f"ALTER TABLE {table} ADD COLUMN {_column(part)}" for part in split(found[2])]
    pattern = rf"ALTER\s+TABLE\s+({_NAME})\s+(DROP\s+COLUMN|RENAME\s+TO)\s+({_NAME})"
    found = _match(pattern, text)
    return [f"ALTER TABLE {_plain(found[1])} {found[2]} {_plain(found[3])}"]


def _create_database(text: str) -> list[str]:
    pattern = (
        rf"CREATE\s+(?:DATABASE|SCHEMA)\s+(IF\s+NOT\s+EXISTS\s+)?({_NAME})"
        r"(?:\s+COMMENT\s+'[^']*')?(?:\s+LOCATION\s+'([^']+)')?"
    )
    found = _match(pattern, text)
    where = f" WITH (location = '{found[3]}')" if found[3] else ""
    return [f"CREATE SCHEMA {found[1] or ''}{_plain(found[2])}{where}"]


def _drop(text: str) -> list[str]:
    """`DROP DATABASE x CASCADE` deletes tables with it, which Trino does not do."""
    found = _match(
        rf"DROP\s+(DATABASE|SCHEMA|TABLE|VIEW)\s+(IF\s+EXISTS\s+)?({_NAME})(\s+RESTRICT)?", text
    )
    what = found[1].upper().replace("DATABASE", "SCHEMA")
    return [f"DROP {what} {found[2] or ''}{_plain(found[3])}"]


def _show_databases(text: str) -> list[str]:
    _match(r"SHOW\s+(?:DATABASES|SCHEMAS)", text)
    return ["SHOW SCHEMAS"]


def _show_tables(text: str) -> list[str]:
    found = _match(rf"SHOW\s+TABLES(?:\s+(?:IN|FROM)\s+({_NAME}))?(?:\s+('[^']*'))?", text)
    where = f" FROM {_plain(found[1])}" if found[1] else ""
    if found[2]:
        raise NotEmulatedError("Athena: SHOW TABLES with a pattern")
    return [f"SHOW TABLES{where}"]


def _as_it_is(text: str) -> list[str]:
    return [_plain(text)]


def _none(text: str) -> list[str]:
    raise NotEmulatedError(f"Athena: {' '.join(text.split()[:4])} …")


def _match(pattern: str, text: str) -> re.Match[str]:
    found = re.fullmatch(pattern, text.strip(), _FLAGS)
    if found is None:
        raise NotEmulatedError(f"Athena: {' '.join(text.split())[:80]}")
    return found


_HANDLERS: dict[str, Callable[[str], list[str]]] = {
    "OPTIMIZE": _optimize,
    "CREATE_TABLE": _create,
    "CREATE_TABLE_AS_SELECT": _create_as,
    "CREATE_DATABASE": _create_database,
    "ALTER_TABLE": _alter,
    "DROP_DATABASE": _drop,
    "DROP_TABLE": _drop,
    "DROP_VIEW": _drop,
    "SHOW_DATABASES": _show_databases,
    "SHOW_TABLES": _show_tables,
    "SHOW_CREATE_VIEW": _as_it_is,
    **dict.fromkeys(
        (
            "ALTER_DATABASE", "DESCRIBE", "MSCK_REPAIR", "SHOW_COLUMNS", "SHOW_CREATE_TABLE",
            "SHOW_PARTITIONS", "SHOW_TBLPROPERTIES", "SHOW_VIEWS", "UNLOAD",
        ),
        _none,
    ),
}  # fmt: skip
