"""Delivery to Iceberg tables: one append a table and buffer, at least once.

AWS: "Deliver data to Apache Iceberg Tables with Amazon Data Firehose": "Considerations and
limitations", "Route records to different Iceberg tables", "Handle data delivery failures". The
codes of its errors are not documented; these say what is wrong.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from console.emulator.clients import last_part
from console.emulator.firehose import values
from console.emulator.firehose.records import Failure, Record
from console.emulator.targets import error_of

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table as IcebergTable

    from console.emulator.clients import Clients
    from console.emulator.firehose.settings import Settings
    from console.emulator.server import Server

Route = tuple[str, str]
_PAUSE_SEC, _LONGEST_PAUSE_SEC = 0.2, 5.0
_FORMAT = 2


class RecordError(ValueError):
    """A record that cannot be delivered anywhere; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def route(record: Record, settings: Settings) -> Route:
    """The table a record goes to. Raises RecordError if none, or more than one, could be meant."""
    told = record.route
    operation = str(told.get("operation", "insert"))
    if operation != "insert":
        message = f"{operation!r} needs unique keys, and this table only grows"
        raise RecordError("Iceberg.UnsupportedOperation", message)
    database, table = told.get("destinationDatabaseName"), told.get("destinationTableName")
    if database and table:
        return str(database), str(table)
    if len(settings.tables) != 1 or database or table:
        raise RecordError("Iceberg.MissingRoute", "the record names no destination table")
    return settings.tables[0].database, settings.tables[0].name


def parse(record: Record) -> dict[str, Any]:
    """The record's one JSON object. Raises RecordError for anything else."""
    try:
        found = json.loads(record.data, parse_constant=_no_number)
    except ValueError as error:
        raise RecordError(
            "Iceberg.InvalidJson", f"the record is not one JSON object: {error}"
        ) from error
    if not isinstance(found, dict):
        raise RecordError("Iceberg.InvalidJson", "the record is no JSON object")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


class Tables:
    """The tables of one stream's catalog."""

    def __init__(self, server: Server, clients: Clients, region: str) -> None:
        self._server, self._clients, self._region = server, clients, region
        self._catalogs: dict[str, Catalog] = {}

    def _catalog(self, role: str) -> Catalog:
        if role not in self._catalogs:
            from pyiceberg.catalog.glue import GlueCatalog  # noqa: PLC0415

            who = self._server.credentials(role)
            self._catalogs[role] = GlueCatalog(
                f"firehose-{last_part(role)}",
                self._clients.of("glue", self._region, role),
                **{
                    "s3.endpoint": self._server.url,
                    "s3.region": self._region,
                    "s3.access-key-id": who["AWS_ACCESS_KEY_ID"],
                    "s3.secret-access-key": who["AWS_SECRET_ACCESS_KEY"],
                    "s3.session-token": who.get("AWS_SESSION_TOKEN", ""),
                },
            )
        return self._catalogs[role]

    def append(
        self, settings: Settings, to: Route, records: list[Record]
    ) -> tuple[int, list[Failure]]:
        """How many rows were committed, and the records that were not.

        What may pass (a conflict, a lost answer) is tried again for the stream's retry duration; a
        commit whose answer was lost is so repeated.
        """
        until, attempts = time.monotonic() + settings.retry_sec, 0
        while True:
            attempts += 1
            try:
                return self._append(settings, to, records, attempts)
            except RecordError as error:
                return 0, [self._failure(r, error, attempts, to) for r in records]
            except Exception as error:  # noqa: BLE001  the store, the catalog, or another writer
                pause = min(_LONGEST_PAUSE_SEC, _PAUSE_SEC * 2.0 ** min(attempts, 10))
                if time.monotonic() + pause > until or self._server.stopping.wait(pause):
                    code, message = error_of(error)
                    final = RecordError(f"Iceberg.{code}", message)
                    return 0, [self._failure(r, final, attempts, to) for r in records]

    def _append(
        self, settings: Settings, to: Route, records: list[Record], attempts: int
    ) -> tuple[int, list[Failure]]:
        table = self._load(settings.role, to)
        outcomes = [self._row(record, table, attempts, to) for record in records]
        rows = [one for one in outcomes if isinstance(one, dict)]
        if rows:
            _commit(table, rows)
        return len(rows), [one for one in outcomes if isinstance(one, Failure)]

    def _row(
        self, record: Record, table: IcebergTable, attempts: int, to: Route
    ) -> dict[str, Any] | Failure:
        try:
            return _row(record, table)
        except RecordError as error:
            return self._failure(record, error, attempts, to)

    def _load(self, role: str, to: Route) -> IcebergTable:
        from pyiceberg.exceptions import NoSuchIcebergTableError, NoSuchTableError  # noqa: PLC0415

        try:
            table = self._catalog(role).load_table(to)
        except (NoSuchTableError, NoSuchIcebergTableError) as error:
            raise RecordError(
                "Iceberg.NoSuchTable", f"there is no Iceberg table {'.'.join(to)}"
            ) from error
        if table.format_version != _FORMAT:
            message = f"{'.'.join(to)} has format version {table.format_version}, not {_FORMAT}"
            raise RecordError("Iceberg.UnsupportedTable", message)
        return table

    def _failure(self, record: Record, error: RecordError, attempts: int, to: Route) -> Failure:
        facts = {"dataCatalogTable": {"databaseName": to[0], "tableName": to[1]}}
        return Failure(record, error.code, error.message, attempts, self._server.clock.now(), facts)


def _row(record: Record, table: IcebergTable) -> dict[str, Any]:
    columns = table.schema().fields
    found = parse(record)
    missing = "Iceberg.MissingColumnWithinRecord"
    if not any(column.name in found for column in columns):
        raise RecordError(missing, "the record has no column of the table")
    try:
        return values.row(found, columns)
    except values.MissingError as error:
        raise RecordError(missing, str(error)) from error
    except values.MismatchError as error:
        raise RecordError("Iceberg.TypeMismatch", str(error)) from error


def _commit(table: IcebergTable, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa  # noqa: PLC0415

    table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))
