"""AWS: "Comparison operators for use in event patterns in Amazon EventBridge"."""

from __future__ import annotations

from typing import Any

import pytest

from console.emulator import patterns

EVENT = {
    "source": "aws.s3",
    "detail": {
        "bucket": {"name": "lake"},
        "object": {"key": "raw/emt/arrivals/año 1.xlsx", "size": 5},
        "tags": ["a", "b"],
        "gone": None,
    },
}


def meets(rule: Any, *path: str) -> bool:
    """Whether a field's rule is met by the event."""
    pattern: dict[str, Any] = {path[-1]: [rule]}
    for name in reversed(path[:-1]):
        pattern = {name: pattern}
    patterns.check(pattern)
    return patterns.matches(pattern, EVENT)


KEY, SIZE = ("detail", "object", "key"), ("detail", "object", "size")


@pytest.mark.parametrize(
    ("rule", "path", "met"),
    [
        ("aws.s3", ("source",), True),
        ("aws.S3", ("source",), False),
        ({"prefix": "raw/"}, KEY, True),
        ({"prefix": "bronze/"}, KEY, False),
        ({"prefix": {"equals-ignore-case": "RAW/"}}, KEY, True),
        ({"suffix": ".xlsx"}, KEY, True),
        ({"suffix": ".csv"}, KEY, False),
        ({"wildcard": "raw/*/arrivals/*.xlsx"}, KEY, True),
        ({"wildcard": "raw/*.csv"}, KEY, False),
        ({"wildcard": "raw/\\*"}, KEY, False),
        ({"equals-ignore-case": "AWS.S3"}, ("source",), True),
        ({"numeric": [">", 0]}, SIZE, True),
        ({"numeric": [">", 5]}, SIZE, False),
        ({"numeric": [">=", 5, "<", 6]}, SIZE, True),
        ({"numeric": [">", 0]}, KEY, False),
        (5.0, SIZE, True),
        ("5", SIZE, False),
        (True, SIZE, False),
        (None, ("detail", "gone"), True),
        ({"exists": True}, KEY, True),
        ({"exists": False}, KEY, False),
        ({"exists": False}, ("detail", "object", "version-id"), True),
        ({"exists": True}, ("detail", "object"), False),
        ({"anything-but": "lake"}, ("detail", "bucket", "name"), False),
        ({"anything-but": ["other"]}, ("detail", "bucket", "name"), True),
        ({"anything-but": {"prefix": "raw/"}}, KEY, False),
        ({"anything-but": {"wildcard": ["*.csv", "*.json"]}}, KEY, True),
        ({"anything-but": "x"}, ("detail", "nowhere"), False),
        ("b", ("detail", "tags"), True),
        ("c", ("detail", "tags"), False),
    ],
)
def test_a_rule_is_met_as_documented(rule: Any, path: tuple[str, ...], met: bool) -> None:  # noqa: FBT001
    """Each operator of the documentation's table decides as its example there does."""
    assert meets(rule, *path) is met


def test_a_list_is_an_or_and_fields_are_an_and() -> None:
    """One of a field's rules is enough; every field has to be met; $or joins fields."""
    both = {"source": ["other", "aws.s3"], "detail": {"object": {"size": [5]}}}
    assert patterns.matches(both, EVENT)
    assert not patterns.matches({**both, "detail": {"object": {"size": [6]}}}, EVENT)
    either = {"$or": [{"source": ["other"]}, {"detail": {"object": {"size": [5]}}}]}
    patterns.check(either)
    assert patterns.matches(either, EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"source": "aws.s3"},
        {"source": []},
        {"source": [{"cidr": "10.0.0.0/24"}]},
        {"source": [{"prefix": "a", "suffix": "b"}]},
        {"source": [{"prefix": 3}]},
        {"detail": {"size": [{"numeric": ["=>", 3]}]}},
        {"detail": {"size": [{"numeric": [">"]}]}},
        {"detail": {"size": [{"exists": "yes"}]}},
        {"source": [{"wildcard": "a**b"}]},
        {"$or": [{"source": ["a"]}]},
    ],
)
def test_what_cannot_be_matched_is_refused(pattern: Any) -> None:
    """A pattern that AWS refuses, or an operator that is not served, never passes silently."""
    with pytest.raises(patterns.PatternError):
        patterns.check(pattern)
