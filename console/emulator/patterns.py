"""Event patterns: whether an event matches, and a refusal of operators that are not known.

AWS: "Comparison operators for use in event patterns in Amazon EventBridge".
"""

from __future__ import annotations

import re
from operator import eq, ge, gt, le, lt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMERIC: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, "=": eq, ">=": ge, ">": gt}
_IGNORE_CASE = "equals-ignore-case"
_TEXT = ("prefix", "suffix", "wildcard", _IGNORE_CASE)
_OPERATORS = (*_TEXT, "anything-but", "numeric", "exists")
_MISSING = object()


class PatternError(ValueError):
    """A pattern that EventBridge would refuse, or that this stand-in does not know."""


def check(pattern: Any, where: str = "") -> None:
    """Raise PatternError, which names the place, for a pattern that cannot be matched."""
    if not isinstance(pattern, dict) or not pattern:
        raise PatternError(f"{where or 'the pattern'} must be an object with fields")
    for name, inner in pattern.items():
        here = f"{where}.{name}" if where else name
        if name == "$or":
            _check_or(inner, where)
        elif isinstance(inner, list) and inner:
            for rule in inner:
                _check_rule(rule, here)
        elif isinstance(inner, list):
            raise PatternError(f"{here}: empty arrays are not allowed")
        else:
            check(inner, here)


def _check_or(choices: Any, where: str) -> None:
    if not isinstance(choices, list) or len(choices) < 2:  # noqa: PLR2004
        raise PatternError(f"{where or 'the pattern'}: $or needs an array of two or more")
    for choice in choices:
        check(choice, where)


def _check_rule(rule: Any, where: str) -> None:
    if not isinstance(rule, dict):
        if isinstance(rule, list):
            raise PatternError(f"{where}: an array in an array is not allowed")
        return
    if len(rule) != 1 or next(iter(rule)) not in _OPERATORS:
        raise PatternError(f"{where}: {sorted(rule)} is none of {', '.join(_OPERATORS)}")
    [(operator, wanted)] = rule.items()
    checks: dict[str, Callable[[Any], bool]] = {
        "exists": lambda one: isinstance(one, bool),
        "numeric": _is_numeric,
        "anything-but": _is_anything_but,
    }
    if not checks.get(operator, lambda one: _is_text(operator, one))(wanted):
        raise PatternError(f"{where}: {operator} cannot be {wanted!r}")


def _is_text(operator: str, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return operator in ("prefix", "suffix") and list(wanted) == [_IGNORE_CASE]
    return isinstance(wanted, str) and not (operator == "wildcard" and "**" in wanted)


def _is_numeric(wanted: Any) -> bool:
    return (
        isinstance(wanted, list)
        and len(wanted) in (2, 4)
        and all(operator in _NUMERIC for operator in wanted[::2])
        and all(_is_number(bound) for bound in wanted[1::2])
    )


def _is_anything_but(wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return len(wanted) == 1 and next(iter(wanted)) in _TEXT
    return isinstance(wanted, (str, int, float, list)) and wanted != []


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Whether every field of the pattern is met by the event."""
    if isinstance(event, list):
        return any(matches(pattern, one) for one in event)
    fields = event if isinstance(event, dict) else {}
    return all(
        any(matches(choice, fields) for choice in inner)
        if name == "$or"
        else _field(inner, fields.get(name, _MISSING))
        for name, inner in pattern.items()
    )


def _field(inner: Any, value: Any) -> bool:
    if isinstance(inner, dict):
        return matches(inner, {} if value is _MISSING else value)
    values = value if isinstance(value, list) and value else [value]
    return any(_rule(rule, one) for rule in inner for one in values)


def _rule(rule: Any, value: Any) -> bool:
    if not isinstance(rule, dict):
        return _same(rule, value)
    [(operator, wanted)] = rule.items()
    if operator == "exists":
        # Only leaves exist: an object is no leaf.
        return bool(wanted) == (value is not _MISSING and not isinstance(value, dict))
    if value is _MISSING:
        return False
    if operator == "numeric":
        return _is_number(value) and all(
            _NUMERIC[sign](value, bound) for sign, bound in zip(wanted[::2], wanted[1::2])
        )
    if operator == "anything-but":
        return not _is_one_of(wanted, value)
    return _text(operator, wanted, value)


def _is_one_of(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, dict):
        [(operator, texts)] = wanted.items()
        choices = texts if isinstance(texts, list) else [texts]
        return any(_text(operator, text, value) for text in choices)
    return any(_same(one, value) for one in (wanted if isinstance(wanted, list) else [wanted]))


def _text(operator: str, wanted: Any, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if isinstance(wanted, dict):
        return _text(operator, wanted[_IGNORE_CASE].lower(), value.lower())
    if operator == "prefix":
        return value.startswith(str(wanted))
    if operator == "suffix":
        return value.endswith(str(wanted))
    if operator == "wildcard":
        return re.fullmatch(_wildcard(wanted), value, re.DOTALL) is not None
    return value.lower() == str(wanted).lower()


def _wildcard(text: str) -> str:
    """`*` is any run of characters; a backslash makes the next `*` or backslash itself."""
    parts = re.findall(r"\\[*\\]|.", text, re.DOTALL)
    return "".join(".*" if p == "*" else re.escape(p[-1]) for p in parts)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same(wanted: Any, value: Any) -> bool:
    """Equal, and of the same kind: JSON's true is not 1."""
    if _is_number(wanted) and _is_number(value):
        return bool(wanted == value)
    return type(wanted) is type(value) and bool(wanted == value)
