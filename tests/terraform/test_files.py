"""Rules of the configuration's text, and of the workflows that apply it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ROOT = PROJECT / "terraform"
FILES = sorted(path for path in ROOT.rglob("*.tf") if not path.name.endswith("_override.tf"))
WORKFLOWS = [PROJECT / ".github" / "workflows" / f"{name}.yml" for name in ("plan", "apply")]


def blocks(kind: str, *paths: Path) -> dict[str, str]:
    """The blocks of a kind, by name: from their first line to a brace in the first column."""
    pattern = re.compile(rf'^{kind} "(\w+)" \{{\n(.*?)^\}}', re.MULTILINE | re.DOTALL)
    return {m[1]: m[2] for path in paths for m in pattern.finditer(path.read_text("utf-8"))}


def statements(text: str) -> list[str]:
    """The statements of the policy documents in a file."""
    parts = re.split(r'^ *(?:dynamic "statement"|statement) (?==|\{)', text, flags=re.MULTILINE)
    return parts[1:]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_variables_and_outputs_are_told(path: Path) -> None:
    """A variable has a sentence, a type and no null; an output has a sentence."""
    for name, text in blocks("variable", path).items():
        for needed in ("description", "type", "nullable"):
            assert re.search(rf"^  {needed} +=", text, re.MULTILINE), f"{name}: no {needed}"
        assert "any" not in re.findall(r"^  type +=(.*)", text, re.MULTILINE)[0], name
    for name, text in blocks("output", path).items():
        assert re.search(r"^  description +=", text, re.MULTILINE), name


def test_wrong_values_are_refused_and_it_is_shown() -> None:
    """Every variable that can be wrong has a validation, and a test in which it refuses."""
    tests = (ROOT / "tests" / "variables.tftest.hcl").read_text("utf-8")
    refused = set(
        re.findall(
            r"\bvar\.(\w+)", "".join(re.findall(r"expect_failures = \[.*?\]", tests, re.DOTALL))
        )
    )
    found = blocks("variable", *ROOT.glob("*.tf"))
    can_be_wrong = {
        n for n, text in found.items() if not re.search(r"^  type +=\s+bool", text, re.MULTILINE)
    }
    validated = {name for name, text in found.items() if "\n  validation {" in text}
    assert can_be_wrong <= validated
    assert refused == validated


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_star_says_why(path: Path) -> None:
    """A statement over all resources names, in a comment, the call which forces it."""
    text = path.read_text("utf-8")
    if path.name == "keys.tf":  # there it means the key itself
        assert 'Resource "*" of a key' in text
        return
    for statement in statements(text):
        before, *star = re.split(r'resources += \["\*"\]', statement)
        if star:
            assert re.search(r"# .*\b(knows? no|no ARN)\b", before), statement


def test_no_secret_can_enter_the_state() -> None:
    """Secrets are made empty; their values are put by hand."""
    for path in FILES:
        text = path.read_text("utf-8")
        assert "aws_secretsmanager_secret_version" not in text, path.name
        assert not re.search(r"secret_string|password +=|api_key", text), path.name


def test_no_table_belongs_to_terraform() -> None:
    """An apply that wrote a table could put back an old snapshot."""
    for path in FILES:
        assert "aws_glue_catalog_table" not in path.read_text("utf-8"), path.name


def test_no_other_place_stands_in_the_root() -> None:
    """Endpoints and keys of the emulated place are its own business."""
    for path in FILES:
        assert not re.search(
            r"\b(endpoints {|access_key|localhost|127[.]0)", path.read_text("utf-8")
        )


def test_both_majors_of_the_provider_are_allowed() -> None:
    """The lock file pins what the tests ran with, within what the configuration allows."""
    lock = (ROOT / ".terraform.lock.hcl").read_text("utf-8")
    assert '">= 5.100.0, < 7.0.0"' in lock
    assert len(re.findall(r'"h1:', lock)) >= 1
    for path in ROOT.rglob("versions.tf"):
        assert '">= 5.100.0, < 7.0.0"' in path.read_text("utf-8"), path
    for path in FILES:
        # The one is unknown to 5.100, the other deprecated in 6.
        assert not re.search(r"data[.]aws_region[.]\w+[.](name|region)\b", path.read_text("utf-8"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_hold_no_key(path: Path) -> None:
    """A workflow has an identity, no secret; its actions are pinned; it calls make only."""
    text = path.read_text("utf-8")
    assert "id-token: write" in text
    assert "contents: read" in text
    assert "secrets." not in text
    assert all(line.startswith("make ") for line in re.findall(r"- run: (.*)", text))
    assert all(re.search(r"@[0-9a-f]{40} # v", use) for use in re.findall(r"uses: (.*)", text))


def test_an_apply_is_approved() -> None:
    """The job that applies waits for its environment and applies the plan that was made."""
    text = WORKFLOWS[1].read_text("utf-8")
    apply = text.partition("\n  apply:\n")[2]
    assert "environment:" in apply
    assert "needs: plan" in apply
    assert "make apply" in apply
    assert "make apply" not in text.partition("\n  apply:\n")[0]
    assert "make apply" not in WORKFLOWS[0].read_text("utf-8")
