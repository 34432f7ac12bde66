"""Input paths and templates of EventBridge rules and Pipes.

AWS: "Amazon EventBridge input transformation", "Amazon EventBridge Pipes input transformation".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MISSING = object()
_STEP = re.compile(r"\.([\w/-]+)|\[(\d+|\*)\]|\.(\*)")
# A quoted JSON string, a variable, or any other character.
_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")|<(\$[^<>]*|[\w.-]+)>|(.)', re.DOTALL)
_VARIABLE = re.compile(r"<(\$[^<>]*|[\w.-]+)>")


class TemplateError(ValueError):
    """A path or template that AWS would refuse, or whose result is no JSON."""


def steps(path: str) -> list[str]:
    """`$.detail.object.key` → its steps. Raises TemplateError for what is no simple JSONPath."""
    found = [(m.group(), m.group(1) or m.group(2) or m.group(3)) for m in _STEP.finditer(path)]
    if "$" + "".join(text for text, _ in found) != path:
        raise TemplateError(f"{path!r} is not in JSONPath's dot notation")
    return [step for _, step in found]


def find(path: str, document: Any) -> Any:
    """What the path points at, or MISSING."""
    return _walk(steps(path), document)


def _walk(path: list[str], value: Any) -> Any:
    for place, step in enumerate(path):
        if step == "*":
            inner = value.values() if isinstance(value, dict) else value
            found = [_walk(path[place + 1 :], one) for one in inner]
            return [one for one in found if one is not MISSING]
        if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return MISSING
    return value


def fill(template: str, value_of: Callable[[str], Any]) -> str:
    """The template with its variables filled in: JSON, whatever the values hold.

    In quotes a value is text, elsewhere it is JSON. Raises TemplateError if no JSON comes out.
    """
    text = "".join(_token(match, value_of) for match in _TOKEN.finditer(template))
    try:
        json.loads(text)
    except ValueError as error:
        raise TemplateError(f"the template gives no JSON: {text}") from error
    return text


def _token(match: re.Match[str], value_of: Callable[[str], Any]) -> str:
    quoted, name, other = match.groups()
    if quoted is not None:
        return _VARIABLE.sub(lambda inner: _inside(value_of(inner.group(1))), quoted)
    if name is None:
        return str(other)
    value = value_of(name)
    # A path that points at nothing makes no variable, which leaves a hole in the JSON.
    return "" if value is MISSING else json.dumps(value, ensure_ascii=False)


def _inside(value: Any) -> str:
    """A value within a string: escaped, so that the string stays one."""
    if value is MISSING:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False)[1:-1]


def variables(template: str) -> set[str]:
    """The names used in a template."""
    return set(_VARIABLE.findall(template))
