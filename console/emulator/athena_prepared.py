"""Prepared statements, which belong to a workgroup, made by SQL or by the API.

AWS: "CreatePreparedStatement" and its siblings (Athena API Reference), and "Use parameterized
queries" (User Guide). moto keeps one of a name for all workgroups, and cannot tell of it.
"""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from console.emulator.answers import AwsError
from console.emulator.server import ACCOUNT
from console.emulator.trino.statements import bare

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.answers import Answer
    from console.emulator.athena_query import Query
    from console.emulator.calls import Call
    from console.emulator.server import Server

    Key = tuple[str, str, str]

_PREPARE = re.compile(r"\s*PREPARE\s+(\w+)\s+FROM\s+(.*)", re.IGNORECASE | re.DOTALL)
_DEALLOCATE = re.compile(r"\s*DEALLOCATE\s+PREPARE\s+(\w+)\s*", re.IGNORECASE)


class Prepared:
    """Statements by region, workgroup and name."""

    def __init__(self, server: Server) -> None:
        self._known: dict[Key, dict[str, Any]] = {}
        operations = {
            "CreatePreparedStatement": self._create,
            "GetPreparedStatement": self._get,
            "UpdatePreparedStatement": self._update,
            "DeletePreparedStatement": self._delete,
            "ListPreparedStatements": self._list,
        }
        for name, operation in operations.items():
            server.around("athena", name, partial(_answer, operation))

    @staticmethod
    def group(region: str, name: str) -> Any:
        """The workgroup. Raises AwsError for one that is not there, or is off."""
        from moto.athena.models import athena_backends  # noqa: PLC0415

        found = athena_backends[ACCOUNT][region].work_groups.get(name)
        if found is None:
            raise AwsError("InvalidRequestException", "WorkGroup is not found.")
        if found.state != "ENABLED":
            raise AwsError("InvalidRequestException", f"WorkGroup {name} is disabled.")
        return found

    def of(self, region: str, group: str) -> dict[str, str]:
        """Statements of a workgroup by name."""
        return {
            key[2]: told["QueryStatement"]
            for key, told in self._known.items()
            if key[:2] == (region, group)
        }

    def take(self, query: Query) -> bool:
        """Whether the query is about prepared statements alone, and was done here."""
        made, gone = _PREPARE.fullmatch(bare(query.sql)), _DEALLOCATE.fullmatch(bare(query.sql))
        if made is None and gone is None:
            return False
        name = (made or gone)[1]  # type: ignore[index]
        key = (query.region, query.group, name)
        query.completed = time.time()
        query.state = "SUCCEEDED"
        if made:
            self._known[key] = _told(query.group, name, made[2])
        elif self._known.pop(key, None) is None:
            query.state, query.reason = "FAILED", _missing(name, query.group)
        return True

    def _key(self, call: Call, *, is_there: bool) -> Key:
        asked = call.params()
        group, name = asked["WorkGroup"], asked["StatementName"]
        self.group(call.region, group)
        key = (call.region, group, name)
        if is_there and key not in self._known:
            raise AwsError("ResourceNotFoundException", _missing(name, group))
        if not is_there and key in self._known:
            raise AwsError(
                "InvalidRequestException",
                f"PreparedStatement {name} already exists in WorkGroup {group}",
            )
        return key

    def _create(self, call: Call) -> dict[str, Any]:
        self._put(self._key(call, is_there=False), call)
        return {}

    def _update(self, call: Call) -> dict[str, Any]:
        self._put(self._key(call, is_there=True), call)
        return {}

    def _put(self, key: Key, call: Call) -> None:
        asked = call.params()
        told = _told(key[1], key[2], asked["QueryStatement"])
        if asked.get("Description"):
            told["Description"] = asked["Description"]
        self._known[key] = told

    def _get(self, call: Call) -> dict[str, Any]:
        return {"PreparedStatement": self._known[self._key(call, is_there=True)]}

    def _delete(self, call: Call) -> dict[str, Any]:
        del self._known[self._key(call, is_there=True)]
        return {}

    def _list(self, call: Call) -> dict[str, Any]:
        group = call.params()["WorkGroup"]
        self.group(call.region, group)
        found = [
            {"StatementName": told["StatementName"], "LastModifiedTime": told["LastModifiedTime"]}
            for key, told in sorted(self._known.items())
            if key[:2] == (call.region, group)
        ]
        return {"PreparedStatements": found}


def _answer(
    operation: Callable[[Call], dict[str, Any]], call: Call, _: Callable[[], Answer]
) -> dict[str, Any]:
    return operation(call)


def _told(group: str, name: str, sql: str) -> dict[str, Any]:
    return {
        "StatementName": name,
        "QueryStatement": sql,
        "WorkGroupName": group,
        "LastModifiedTime": time.time(),
    }


def _missing(name: str, group: str) -> str:
    return f"PreparedStatement {name} was not found in workGroup {group}"
