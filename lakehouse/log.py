"""Events as JSON lines on stderr: a name, facts, and the run they belong to; never a secret."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import datetime, timezone
from typing import Any

_SECRET = re.compile(
    r"((?<![A-Za-z])(?:(?:pass|api)?key|appid|(?:access)?token|password|email|clientid|secret)"
    r"\\*[\"']?\s*[=:]\s*)"
    # A JSON string, one within a JSON string (its quotes are escaped), Python's, or a bare word.
    r"(?:\"(?:[^\"\\]|\\.)*\"|\\+\"[^\"]*\"|'[^']*'|[^&\s\"',}]+)",
    re.IGNORECASE,
)
_LOGGER = logging.getLogger("lake")


def redact(text: str) -> str:
    """`text` without the values of keys, tokens and passwords."""
    return _SECRET.sub(r"\1***", text)


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        facts = getattr(record, "facts", {})
        line = {"at": now, "level": record.levelname.lower(), "event": record.getMessage(), **facts}
        return json.dumps(_clean(line), ensure_ascii=False)


def _clean(value: Any) -> Any:
    """The value with every text in it redacted; what JSON does not know becomes text."""
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(inner) for inner in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return redact(str(value))


def configure(level: str = "INFO") -> None:
    """Send the lake's events to stderr; called once, by a program's entry point."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    _LOGGER.handlers = [handler]
    _LOGGER.setLevel(level)
    _LOGGER.propagate = False


def event(name: str, **facts: Any) -> None:
    """Say that `name` happened, with its facts."""
    _LOGGER.info(name, extra={"facts": facts})


def warn(name: str, **facts: Any) -> None:
    """Say that `name` happened and somebody should look."""
    _LOGGER.warning(name, extra={"facts": facts})
