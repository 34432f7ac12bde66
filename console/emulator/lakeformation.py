"""Lake Formation: grants as they are listed and revoked, data cells filters, and opt-ins.

AWS: "ListPermissions", "RevokePermissions", "CreateDataCellsFilter", "CreateLakeFormationOptIn" and
their siblings (Lake Formation API Reference). moto has neither filters nor opt-ins, forgets whether
a location's access is hybrid, stumbles over grants of columns and of all tables, and revokes what
was never granted without a word, for which Terraform waits in vain. All of it is kept, not applied:
no engine here asks Lake Formation.
"""

from __future__ import annotations

import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from console.emulator.answers import AwsError, NotEmulatedError
from console.emulator.server import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.answers import Answer
    from console.emulator.calls import Call
    from console.emulator.server import Server

    Key = tuple[str, ...]

_KEY = ("TableCatalogId", "DatabaseName", "TableName", "Name")
_KINDS = ("ColumnNames", "ColumnWildcard")
_TYPES = {
    "CATALOG": {"Catalog"},
    "DATABASE": {"Database"},
    "TABLE": {"Table", "TableWithColumns"},
    "DATA_LOCATION": {"DataLocation"},
}


class Filters:
    """All data cells filters."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Key, dict[str, Any]] = {}

    def create(self, call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
        """CreateDataCellsFilter."""
        asked = _checked(call)
        with self._lock:
            if _key(asked) in self._kept:
                raise AwsError("AlreadyExistsException", "The filter already exists")
            self._kept[_key(asked)] = asked
        return {}

    def update(self, call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
        """UpdateDataCellsFilter."""
        asked = _checked(call)
        with self._lock:
            self._find(asked)
            self._kept[_key(asked)] = asked
        return {}

    def get(self, call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
        """GetDataCellsFilter."""
        with self._lock:
            return {"DataCellsFilter": self._find(call.params())}

    def delete(self, call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
        """DeleteDataCellsFilter."""
        with self._lock:
            self._kept.pop(_key(self._find(call.params())))
        return {}

    def list(self, call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
        """ListDataCellsFilter, of one table or of all."""
        table = call.params().get("Table") or {}
        wanted = {"DatabaseName": table.get("DatabaseName"), "TableName": table.get("Name")}
        with self._lock:
            found = [
                kept
                for kept in self._kept.values()
                if all(value is None or kept[name] == value for name, value in wanted.items())
            ]
        return {"DataCellsFilters": found}

    def _find(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = self._kept.get(_key(asked))
        if found is None:
            raise AwsError("EntityNotFoundException", "The filter does not exist")
        return found


def _key(told: dict[str, Any]) -> Key:
    return tuple(str(told.get(name)) for name in _KEY)


def _checked(call: Call) -> dict[str, Any]:
    asked = dict(call.params()["TableData"])
    if sum(asked.get(kind) is not None for kind in _KINDS) != 1:
        raise AwsError("InvalidInputException", f"Exactly one of {_KINDS} must be given")
    return {**asked, "VersionId": uuid4().hex}


class OptIns:
    """Who is held to the grants on what, where access is hybrid."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[dict[str, Any]] = []

    def create(self, call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
        """CreateLakeFormationOptIn; what a second one of the same answers is not documented."""
        asked = {name: call.params()[name] for name in ("Principal", "Resource")}
        with self._lock:
            if self._find(asked):
                raise NotEmulatedError("CreateLakeFormationOptIn of what is opted in already")
            self._kept.append({**asked, "LastModified": time.time(), "LastUpdatedBy": ACCOUNT})
        return {}

    def delete(self, call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
        """DeleteLakeFormationOptIn."""
        with self._lock:
            found = self._find(call.params())
            if not found:
                raise AwsError("EntityNotFoundException", "The opt-in does not exist")
            self._kept.remove(found[0])
        return {}

    def listed(self, call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
        """ListLakeFormationOptIns, of a principal, of a resource, or all."""
        if call.params().get("NextToken"):
            raise NotEmulatedError("ListLakeFormationOptIns of a further page")
        with self._lock:
            return {"LakeFormationOptInsInfoList": self._find(call.params())}

    def _find(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            kept
            for kept in self._kept
            if asked.get("Principal") in (None, kept["Principal"])
            and _is_on(asked.get("Resource") or {}, kept["Resource"])
        ]


class Registrations:
    """How the registered locations are governed: what moto forgets of RegisterResource."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}

    def register(self, call: Call, forward: Callable[[], Answer]) -> Answer:
        """RegisterResource."""
        answer, asked = forward(), call.params()
        if answer.status == HTTPStatus.OK:
            self._kept[asked["ResourceArn"]] = {
                "HybridAccessEnabled": bool(asked.get("HybridAccessEnabled")),
                "WithFederation": bool(asked.get("WithFederation")),
                "LastModified": time.time(),
            }
        return answer

    def describe(self, call: Call, forward: Callable[[], Answer]) -> Answer | dict[str, Any]:
        """DescribeResource."""
        answer = forward()
        if answer.status != HTTPStatus.OK:
            return answer
        told = answer.json()["ResourceInfo"]
        return {"ResourceInfo": {**told, **self._kept.get(call.params()["ResourceArn"], {})}}


def _permissions(call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
    """ListPermissions: the grants to a principal, on a resource, or on resources of a type."""
    asked = call.params()
    kind = asked.get("ResourceType")
    if asked.get("NextToken") or (kind and kind not in _TYPES):
        raise NotEmulatedError(f"ListPermissions of {kind or 'a further page'}")
    return {
        "PrincipalResourcePermissions": [
            grant.to_external_form()
            for grant in _grants(call)
            if asked.get("Principal") in (None, grant.principal)
            and (not kind or set(grant.resource) & _TYPES[kind])
            and _is_on(asked.get("Resource") or {}, grant.resource)
        ]
    }


def _grants(call: Call) -> list[Any]:
    from moto.lakeformation.models import lakeformation_backends  # noqa: PLC0415

    catalog = call.params().get("CatalogId") or ACCOUNT
    kept = lakeformation_backends[ACCOUNT][call.region].grants.get(catalog)
    return list(kept.permissions) if kept else []


def _revoke(call: Call, forward: Callable[[], Answer]) -> Answer:
    """RevokePermissions: refused, if there is nothing to revoke."""
    asked = call.params()
    mine = [g for g in _grants(call) if g.principal == asked["Principal"]]
    if not any(
        grant.resource == asked["Resource"] and set(grant.permissions) & set(asked["Permissions"])
        for grant in mine
    ):
        raise AwsError(
            "InvalidInputException",
            "No permissions revoked. Grantee has no permissions and no grantable permissions "
            "on resource.",
        )
    return forward()


def _is_on(wanted: dict[str, Any], granted: dict[str, Any]) -> bool:
    """Whether a grant is on the resource; one on columns is on their table too."""
    for kind, fields in wanted.items():
        kinds = _TYPES["TABLE"] if kind == "Table" else {kind}
        found = next((granted[one] for one in kinds if one in granted), None)
        if found is None or not _agrees(fields, found):
            return False
    return True


def _agrees(fields: dict[str, Any], found: dict[str, Any]) -> bool:
    """Whether what is asked for is there; a catalog that is not named is the account's own."""
    own = {"CatalogId": ACCOUNT}
    return all({**own, **found}.get(name) == value for name, value in fields.items())


def install(server: Server) -> None:
    """List and revoke grants, keep filters and opt-ins."""
    server.around("lakeformation", "RevokePermissions", _revoke)
    server.around("lakeformation", "ListPermissions", _permissions)
    filters = Filters()
    server.around("lakeformation", "CreateDataCellsFilter", filters.create)
    server.around("lakeformation", "UpdateDataCellsFilter", filters.update)
    server.around("lakeformation", "GetDataCellsFilter", filters.get)
    server.around("lakeformation", "DeleteDataCellsFilter", filters.delete)
    server.around("lakeformation", "ListDataCellsFilter", filters.list)
    registrations = Registrations()
    server.around("lakeformation", "RegisterResource", registrations.register)
    server.around("lakeformation", "DescribeResource", registrations.describe)
    opt_ins = OptIns()
    server.around("lakeformation", "CreateLakeFormationOptIn", opt_ins.create)
    server.around("lakeformation", "DeleteLakeFormationOptIn", opt_ins.delete)
    server.around("lakeformation", "ListLakeFormationOptIns", opt_ins.listed)
