"""Events are JSON lines on stderr, and never hold a secret."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from lakehouse import log

if TYPE_CHECKING:
    from collections.abc import Iterator

HIDDEN = "s3cr3t"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave the logger as it was found."""
    logger = logging.getLogger("lake")
    before = (logger.handlers, logger.level, logger.propagate)
    yield
    logger.handlers, logger.level, logger.propagate = before


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one event on stderr; stdout stays empty."""
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_an_event_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Name, level, time and facts stand in one JSON object, letters as they are."""
    log.configure()
    log.event("landed", file="año.xlsx", rows=3)
    found = said(capsys)
    assert found.pop("at").endswith("+00:00")
    assert found == {"level": "info", "event": "landed", "file": "año.xlsx", "rows": 3}


def test_a_warning_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """A warning differs by its level; what JSON does not know is text."""
    log.configure()
    log.configure()
    log.warn("conflict", why=ValueError("no"))
    found = said(capsys)
    assert (found["level"], found["why"]) == ("warning", "no")


SECRETS = [
    f"https://api.example/v1/current.json?key={HIDDEN}&q=Madrid",
    f"https://api.example/v1?q=Madrid&appid={HIDDEN}",
    f"accessToken: {HIDDEN}",
    f"X-ClientId={HIDDEN} and more",
    f'{{"password": "{HIDDEN}", "email": "{HIDDEN}@example.org"}}',
    f"{{'passKey': '{HIDDEN}'}}",
    f'{{"password": "a {HIDDEN} of words"}}',
    f"EMT_PASSWORD={HIDDEN}",
    f"WEATHERAPI_KEY={HIDDEN}",
    f"key={HIDDEN}",
    json.dumps({"password": f'a "{HIDDEN}'}),
    json.dumps({"envelope": json.dumps({"password": f"a {HIDDEN}", "key": HIDDEN})}),
]


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_are_hidden(text: str) -> None:
    """Keys, tokens and passwords never pass, however they are written."""
    assert HIDDEN not in log.redact(text)
    assert "***" in log.redact(text)


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_in_facts_are_hidden(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A text with a secret inside a fact is JSON within JSON: its quotes are escaped."""
    log.configure()
    log.event("reply", body=text, nested={"deep": [text]})
    line = capsys.readouterr().err
    assert HIDDEN not in line
    assert json.loads(line)["event"] == "reply"


@pytest.mark.parametrize(
    "text", ["q=Madrid&aqi=yes", "monkey=3", "the key of the table", "stop=62", "lake.run"]
)
def test_the_rest_stays(text: str) -> None:
    """What is no secret is not touched."""
    assert log.redact(text) == text
