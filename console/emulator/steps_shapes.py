"""EMR Serverless's requests and answers as Step Functions writes them: PascalCase.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-parameters.html
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

SERVICE = "emr-serverless"


def operation(action: str) -> Any:
    """The SDK's model of `startJobRun`."""
    return _model().operation_model(_upper(action))


@cache
def _model() -> Any:
    from botocore.session import Session  # noqa: PLC0415

    return Session().get_service_model(SERVICE)


def unknown_fields(value: Any, shape: Any, path: str = "") -> list[str]:
    """Fields of a request's parameters that the API does not have; `.$` marks a path's value."""
    if shape.type_name == "list" and isinstance(value, list):
        return [f for item in value for f in unknown_fields(item, shape.member, path)]
    if shape.type_name != "structure" or not isinstance(value, dict):
        return []
    found = []
    for name, inner in value.items():
        plain = name.removesuffix(".$")
        member = shape.members.get(_lower(plain))
        if member is None or plain[:1].islower():
            found.append(f"{path}{plain}")
        elif not name.endswith(".$"):
            found += unknown_fields(inner, member, f"{path}{plain}.")
    return found


def request(value: Any, shape: Any) -> Any:
    """PascalCase parameters as the SDK takes them; keys of maps (tags, properties) stay."""
    if shape.type_name == "structure" and isinstance(value, dict):
        members = shape.members
        return {_lower(k): request(v, members[_lower(k)]) for k, v in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [request(item, shape.member) for item in value]
    return value


def answer(value: Any, shape: Any) -> Any:
    """An SDK's answer as Step Functions tells it; times are milliseconds since 1970."""
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    if shape.type_name == "structure" and isinstance(value, dict):
        members = shape.members
        return {_upper(k): answer(v, members[k]) for k, v in value.items() if k in members}
    if shape.type_name == "list" and isinstance(value, list):
        return [answer(item, shape.member) for item in value]
    return value


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _upper(name: str) -> str:
    return name[:1].upper() + name[1:]
