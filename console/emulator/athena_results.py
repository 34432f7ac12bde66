"""What a query answers, as Athena tells it: cells as text, columns with its types, the file in S3.

https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
https://docs.aws.amazon.com/athena/latest/ug/querying.html (files of results)
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from console.emulator.trino.client import Result

    Cells = list[list[str | None]]

# Precisions as Athena's answers give them.
_PRECISION = {
    "tinyint": 3,
    "smallint": 5,
    "integer": 10,
    "bigint": 19,
    "float": 17,
    "double": 17,
    "timestamp": 3,
    "timestamp with time zone": 3,
}
_LONGEST = 2147483647
_NAMES = {"real": "float"}
_UTILITY = {"Table": "tab_name", "Schema": "database_name", "Create View": "create_view_stmt"}


def columns(result: Result, statement: str) -> list[dict[str, Any]]:
    """ColumnInfo of each column; a UTILITY statement's columns are strings with Hive's names."""
    if statement == "UTILITY":
        return [_info(_UTILITY.get(c["name"], c["name"]), "string", 0, 0) for c in result.columns]
    return [_typed(column) for column in result.columns]


def _typed(column: dict[str, Any]) -> dict[str, Any]:
    signature = column["typeSignature"]
    raw, given = signature["rawType"], [a["value"] for a in signature["arguments"]]
    name = _NAMES.get(raw, raw)
    if raw == "decimal":
        return _info(column["name"], name, given[0], given[1])
    if raw in ("varchar", "char"):
        return _info(column["name"], name, given[0] if given else _LONGEST, 0, sensitive=True)
    return _info(column["name"], name, _PRECISION.get(name, 0), 0)


def _info(
    name: str, kind: str, precision: int, scale: int, *, sensitive: bool = False
) -> dict[str, Any]:
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": kind,
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": sensitive,
    }


def cells(result: Result) -> Cells:
    """Every row as text; None is null."""
    signatures = [column["typeSignature"] for column in result.columns]
    return [
        [
            None if value is None else _text(value, s)
            for value, s in zip(row, signatures, strict=True)
        ]
        for row in result.rows
    ]


def _text(value: Any, signature: dict[str, Any]) -> str:
    """One value; what holds others is written as [a, b] and {name=a}."""
    if value is None:
        return "null"
    write = _WRITERS.get(signature["rawType"])
    return write(value, [a["value"] for a in signature["arguments"]]) if write else str(value)


def _array(value: list[Any], arguments: list[Any]) -> str:
    return f"[{', '.join(_text(one, arguments[0]) for one in value)}]"


def _map(value: dict[str, Any], arguments: list[Any]) -> str:
    """Keys are texts already, as in any JSON."""
    pairs = (f"{key}={_text(one, arguments[1])}" for key, one in value.items())
    return f"{{{', '.join(pairs)}}}"


def _row(value: list[Any], arguments: list[Any]) -> str:
    pairs = (_field(*pair) for pair in zip(arguments, value, strict=True))
    return f"{{{', '.join(pairs)}}}"


def _field(told: dict[str, Any], value: Any) -> str:
    name = (told.get("fieldName") or {}).get("name", "")
    return f"{name}={_text(value, told['typeSignature'])}"


_WRITERS: dict[str, Callable[[Any, list[Any]], str]] = {
    "boolean": lambda value, _: "true" if value else "false",
    "varbinary": lambda value, _: base64.b64decode(value).hex(" "),
    "array": _array,
    "map": _map,
    "row": _row,
}


def file_of(infos: list[dict[str, Any]], rows: Cells, statement: str) -> tuple[str, bytes]:
    """Ending and content of the file: CSV with all in quotes, and plain lines for the rest."""
    if statement == "DML":
        header: Cells = [[info["Name"] for info in infos]]
        return "csv", _lines(",".join(map(_quoted, row)) for row in header + rows)
    return "txt", _lines("\t".join(cell or "" for cell in row) for row in rows)


def _quoted(cell: str | None) -> str:
    """A null is nothing, an empty text is two quotes."""
    if cell is None:
        return ""
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(line + "\n" for line in lines).encode()


def page(
    infos: list[dict[str, Any]], rows: Cells, statement: str, start: int, most: int
) -> tuple[dict[str, Any], int | None]:
    """A ResultSet from a row on, and where the next begins; a SELECT's first row is its header."""
    header: Cells = [[info["Name"] for info in infos]] if statement == "DML" else []
    total = header + rows
    shown = total[start : start + most]
    told = [{"Data": [{} if c is None else {"VarCharValue": c} for c in row]} for row in shown]
    following = start + most if start + most < len(total) else None
    return {"Rows": told, "ResultSetMetadata": {"ColumnInfo": infos}}, following
