"""Cells, names and nesting: what random input may never do."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import caps
from ingestion.cells import LITERAL_CHARS, structured
from ingestion.names import safe_name
from ingestion.rows import Header, flaw

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = (
    st.none() | st.booleans() | st.integers() | TEXT | st.floats(allow_nan=False, width=64)
).filter(lambda value: value not in (float("inf"), float("-inf")))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=10
)
STRUCTURES = st.lists(VALUES) | st.dictionaries(TEXT, VALUES)
LOOKALIKES = st.text("[]{}()'\"\\,: #_0123456789eE.-+abNTnoeruFlsx\n", max_size=30)
WORDS = ("None", "null", "True", "true", "NaN", "inf", "'", '"', "\\", ",", ":", "1", "[", "]", "b")


def same(one: Any, other: Any) -> bool:
    """Equal also in type: 1, 1.0 and True are three values."""
    return json.dumps(one) == json.dumps(other)


def judged(text: str) -> Any:
    """The slow and plain way: JSON, else Python's own parser, else the text."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        found = json.loads(text, parse_constant=refuse)
    except ValueError:
        try:
            found = ast.literal_eval(text)
            again = json.loads(json.dumps(found, allow_nan=False))
        except (ValueError, SyntaxError, TypeError):
            return text
        if again != found:  # a tuple, or a key that is no text
            return text
    return found if isinstance(found, (list, dict)) else text


@given(STRUCTURES)
def test_a_python_literal_is_its_value(value: Any) -> None:
    """What Python wrote into a cell is read as the very value it was."""
    assert same(structured(repr(value)), value)


@pytest.mark.parametrize(
    "text", [r"['\/', 'a']", r"['\ud83d\ude00', 'a']", "['a', \"l'a\", 'b\"c']"]
)
@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
def test_escapes_are_pythons(text: str) -> None:
    """Where JSON would read an escape otherwise, Python's reading holds."""
    assert structured(text) == ast.literal_eval(text)


@given(STRUCTURES)
def test_json_in_a_cell_is_its_value(value: Any) -> None:
    """JSON in a cell is read as the value it is, escapes included."""
    assert same(structured(json.dumps(value)), value)


@given(LOOKALIKES.map(lambda inner: f"[{inner}]") | LOOKALIKES.map(lambda inner: f"{{{inner}}}"))
@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
def test_the_fast_way_is_the_plain_way(text: str) -> None:
    """The quick respelling never reads anything but what the plain parsers read."""
    assert same(structured(text), judged(text))


@given(st.lists(st.sampled_from(WORDS), max_size=8).map(lambda words: f"[{''.join(words)}]"))
@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
def test_words_of_two_languages_are_not_mixed(text: str) -> None:
    """`None` beside `null` is neither Python nor JSON, and stays text."""
    assert same(structured(text), judged(text))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5_000 + "]" * 5_000,
        "[" + "[1]," * 3 + "'",
        "[(1, 2)]",
        "{1: 2}",
        "{'a'}",
        "[1e999]",
        "[NaN]",
        "[__import__('os')]",
        "[b'x']",
        "['a' 'b', 1j]",
        "['\\ud800',",
        "['" + "\\x41" * LITERAL_CHARS + "']",
    ],
    ids=range(12),
)
def test_what_only_looks_like_a_list_stays_text(text: str) -> None:
    """Cut, deep, huge, or no JSON value: the text is kept as it is, and nothing is run."""
    assert structured(text) == text


@given(st.text())
def test_a_safe_name_is_one_harmless_part_of_a_path(name: str) -> None:
    """The written path is always right below its folder, visible, short, and UTF-8."""
    root = Path("/lake/originals")
    safe = safe_name(name)
    path = (root / safe).resolve()
    assert path.parent == root
    assert safe.isprintable()
    assert not safe.startswith(".")
    assert not set(safe) & {"/", "\\"}
    assert safe != "reason.json"
    assert len(safe.encode()) <= 160
    assert safe_name(safe) == safe


@given(st.lists(st.text(".ab", max_size=5), max_size=5), st.lists(st.integers(), max_size=5))
def test_a_row_is_placed_whole_or_refused(names: list[str], values: list[int]) -> None:
    """Every value of a row is in its payload, once; a row that can't be is refused."""
    names = list(dict.fromkeys(names))
    try:
        payload = Header.of(names).payload(values)
    except ValueError:
        return
    assert sorted(leaves(payload)) == sorted(values)


def leaves(value: Any) -> list[int]:
    """All numbers in nested objects."""
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    return [value]


def nested(levels: int) -> Any:
    """Lists in lists."""
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"a": float("nan")}, "no JSON value"),
        ({"a": "\ud800"}, "surrogate"),
        ({"a": b"x"}, "no JSON value"),
        ({"a": "x" * (caps.ROW_BYTES + 1)}, "in one row"),
        (nested(caps.DEPTH + 1), "nested deeper"),
        (nested(50_000), "nested deeper"),
    ],
    ids=["NaN", "half a surrogate pair", "bytes", "large", "deep", "deeper than Python's stack"],
)
def test_a_payload_that_cannot_be_a_line_of_json_says_why(payload: Any, reason: str) -> None:
    """Bronze could not write it, or Spark not read it: it is a bad row before that."""
    assert reason in flaw(payload)


def test_a_wide_or_just_deep_enough_payload_is_kept() -> None:
    """The depth is measured, not the number of brackets."""
    assert flaw([nested(caps.DEPTH - 1), *([[]] * 1000)]) == ""
