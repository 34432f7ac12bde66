"""Texts without secrets, the wire's own log included."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lakehouse.log import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

_WIRE_LOG = "urllib3.connectionpool"


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` without these, and without what looks like a secret."""
    for secret in tuple(secrets):
        text = text.replace(secret, "***")
    return redact(text)


def hush(secrets: Iterable[str]) -> None:
    """Let the wire's log, which shows whole URLs, never show these."""
    log = logging.getLogger(_WIRE_LOG)
    known = next((one for one in log.filters if isinstance(one, _Masked)), None)
    if known is None:
        known = _Masked()
        log.addFilter(known)
    known.secrets.update(secrets)


class _Masked(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self.secrets: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = masked(record.getMessage(), self.secrets), ()
        return True
