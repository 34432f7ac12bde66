"""Athena's view of Glue, by which BI tools and drivers find databases and tables.

AWS: "ListDatabases", "GetDatabase", "ListTableMetadata", "GetTableMetadata" (Athena API Reference).
moto tells of databases that were made through it, not of those in Glue, and of no tables.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from console.emulator.answers import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.answers import Answer
    from console.emulator.calls import Call
    from console.emulator.server import Server

    Told = dict[str, Any]

_CATALOG = "awsdatacatalog"


def install(server: Server) -> None:
    """Answer by what Glue says."""
    operations = {
        "ListDatabases": _databases,
        "GetDatabase": _database,
        "ListTableMetadata": _tables,
        "GetTableMetadata": _table,
    }
    for name, operation in operations.items():
        server.around("athena", name, partial(_answer, server, operation))


def _answer(
    server: Server, operation: Callable[[Any, Told], Told], call: Call, _: Callable[[], Answer]
) -> Told:
    glue, asked = server.client("glue", region=call.region), call.params()
    if asked["CatalogName"].lower() != _CATALOG:
        raise AwsError("MetadataException", f"Catalog {asked['CatalogName']} was not found")
    try:
        return operation(glue, asked)
    except glue.exceptions.EntityNotFoundException as error:
        raise AwsError("MetadataException", str(error)) from error


def _databases(glue: Any, _: Told) -> Told:
    pages = glue.get_paginator("get_databases").paginate()
    return {"DatabaseList": [_db(one) for page in pages for one in page["DatabaseList"]]}


def _database(glue: Any, asked: Told) -> Told:
    return {"Database": _db(glue.get_database(Name=asked["DatabaseName"].lower())["Database"])}


def _tables(glue: Any, asked: Told) -> Told:
    pattern = {"Expression": asked["Expression"]} if asked.get("Expression") else {}
    pages = glue.get_paginator("get_tables").paginate(
        DatabaseName=asked["DatabaseName"].lower(), **pattern
    )
    return {"TableMetadataList": [_metadata(one) for page in pages for one in page["TableList"]]}


def _table(glue: Any, asked: Told) -> Told:
    names = {"DatabaseName": asked["DatabaseName"].lower(), "Name": asked["TableName"].lower()}
    return {"TableMetadata": _metadata(glue.get_table(**names)["Table"])}


def _db(told: Told) -> Told:
    return {name: told[name] for name in ("Name", "Description", "Parameters") if name in told}


def _metadata(told: Told) -> Told:
    columns = told.get("StorageDescriptor", {}).get("Columns", [])
    return {
        "Name": told["Name"],
        "CreateTime": told["CreateTime"],
        "TableType": told.get("TableType", ""),
        "Columns": _columns(columns),
        "PartitionKeys": _columns(told.get("PartitionKeys", [])),
        "Parameters": told.get("Parameters", {}),
    }


def _columns(told: list[Told]) -> list[Told]:
    wanted = ("Name", "Type", "Comment")
    return [{name: column[name] for name in wanted if name in column} for column in told]
