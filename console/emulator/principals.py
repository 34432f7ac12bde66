"""Who asks: roles behind access keys, so that the request log tells programs apart."""

from __future__ import annotations

import threading

# Keys of nobody in particular: the operator, Terraform, a test.
_OPERATOR = {"AWS_ACCESS_KEY_ID": "LAKEOPERATOR", "AWS_SECRET_ACCESS_KEY": "emulated"}
_SESSION_SECONDS = 3600
_SESSION = "emulated"
_lock = threading.Lock()
_known: dict[str, str] = {}


def credentials(role: str, region: str) -> dict[str, str]:
    """Credentials of a new session of `role`, as environment variables."""
    if not role:
        return dict(_OPERATOR)
    from moto.sts.models import sts_backends  # noqa: PLC0415

    account = role.split(":")[4]
    with _lock:
        session = sts_backends[account]["aws"].assume_role(
            region_name=region,
            role_session_name=_SESSION,
            role_arn=role,
            policy="",
            duration=_SESSION_SECONDS,
            external_id="",
        )
        _known[session.access_key_id] = role
    return {
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
    }


def principal(access_key: str) -> str:
    """The role behind a key, or the key itself."""
    if access_key in _known:
        return _known[access_key]
    from moto.sts.models import sts_backends  # noqa: PLC0415

    for account in list(sts_backends.values()):
        for backend in list(account.values()):
            session = backend.get_assumed_role_from_access_key(access_key)
            if session is not None:
                _known[access_key] = session.role_arn
                return str(session.role_arn)
    return access_key


def caller(access_key: str) -> str:
    """Who asks as services tell it: the session of a role, or the key itself.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    found = principal(access_key)
    if ":role/" not in found:
        return found
    account, name = found.split(":")[4], found.rpartition("/")[2]
    return f"arn:aws:sts::{account}:assumed-role/{name}/{_SESSION}"
