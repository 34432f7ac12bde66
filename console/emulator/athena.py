"""Athena as Terraform meets it: workgroups that change or have no tags, and deleted queries.

AWS: "ListTagsForResource", "UpdateWorkGroup", "GetNamedQuery" and "DeleteNamedQuery" (Athena API
Reference). moto takes a workgroup without tags for none, cannot change one, nor delete a query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.emulator.answers import AwsError
from console.emulator.clients import last_part
from console.emulator.server import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.answers import Answer
    from console.emulator.calls import Call
    from console.emulator.server import Server


def install(server: Server) -> None:
    """Answer what moto fails at."""
    server.around("athena", "ListTagsForResource", _tags)
    server.around("athena", "UpdateWorkGroup", _update)
    server.around("athena", "GetNamedQuery", _get)
    server.around("athena", "DeleteNamedQuery", _delete)


def _backend(call: Call) -> Any:
    from moto.athena.models import athena_backends  # noqa: PLC0415

    return athena_backends[ACCOUNT][call.region]


def _tags(call: Call, forward: Callable[[], Answer]) -> Answer | dict[str, Any]:
    arn, backend = call.params()["ResourceARN"], _backend(call)
    is_bare = ":workgroup/" in arn and last_part(arn) in backend.work_groups
    return {"Tags": []} if is_bare and not backend.tagger.has_tags(arn) else forward()


def _update(call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
    asked = call.params()
    group = _backend(call).work_groups.get(asked["WorkGroup"])
    if group is None:
        raise AwsError("InvalidRequestException", f"WorkGroup {asked['WorkGroup']} is not found.")
    group.description = asked.get("Description", group.description)
    group.state = asked.get("State", group.state)
    changes = dict(asked.get("ConfigurationUpdates") or {})
    results = changes.pop("ResultConfigurationUpdates", None)
    group.configuration = changed(group.configuration, changes)
    if results:
        known = group.configuration.get("ResultConfiguration") or {}
        group.configuration["ResultConfiguration"] = changed(known, results)
    return {}


def changed(known: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Settings after changes: `RemoveX` takes X away, everything else is set."""
    gone = {name.removeprefix("Remove") for name, yes in changes.items()
            if name.startswith("Remove") and yes}  # fmt: skip
    new = {name: value for name, value in changes.items() if not name.startswith("Remove")}
    return {name: value for name, value in {**known, **new}.items() if name not in gone}


def _known(call: Call) -> str:
    """The id of a query that is there. Raises AwsError if it is not."""
    name = str(call.params()["NamedQueryId"])
    if name not in _backend(call).named_queries:
        raise AwsError("InvalidRequestException", f"NamedQuery {name} was not found")
    return name


def _get(call: Call, forward: Callable[[], Answer]) -> Answer:
    _known(call)
    return forward()


def _delete(call: Call, _forward: Callable[[], Answer]) -> dict[str, Any]:
    del _backend(call).named_queries[_known(call)]
    return {}
