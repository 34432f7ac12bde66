"""A message of the alert topic as a text for Slack: which job, why, and where the log is."""

from __future__ import annotations

import json
from typing import Any

_MOST_CHARS = 2_500
_CUT = " … (cut)"


def text(subject: str | None, message: str) -> str:
    """The text of a failed run's message, of an alarm's, or of any other."""
    told = _object(message)
    if "lakehouse" in told:
        return _run(told)
    if "AlarmName" in told:
        return _alarm(told)
    return _lines(subject or "A message of the alert topic", {"": message})


def _run(told: dict[str, Any]) -> str:
    title = f"{_shown(told, 'lakehouse')}: {_shown(told, 'job')} failed"
    names = {"why": "Why", "log": "Log", "run": "Run", "execution": "Execution"}
    return _lines(title, {name: _shown(told, key) for key, name in names.items() if key in told})


def _alarm(told: dict[str, Any]) -> str:
    title = f"{_shown(told, 'AlarmName')}: {_shown(told, 'NewStateValue')}"
    facts = {"": _shown(told, "AlarmDescription"), "Why": _shown(told, "NewStateReason")}
    return _lines(title, {name: fact for name, fact in facts.items() if fact})


def _lines(title: str, facts: dict[str, str]) -> str:
    """Title in bold, then a line a fact."""
    named = [f"{name}: {_safe(fact)}" if name else _safe(fact) for name, fact in facts.items()]
    return "\n".join([f"*{_safe(title)}*", *named])


def _safe(fact: str) -> str:
    """A fact as it is read, and short: in Slack these three characters begin links and calls."""
    cut = fact if len(fact) <= _MOST_CHARS else fact[:_MOST_CHARS] + _CUT
    return cut.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _shown(told: dict[str, Any], key: str) -> str:
    found = told.get(key)
    return found if isinstance(found, str) else "" if found is None else json.dumps(found)


def _object(message: str) -> dict[str, Any]:
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
