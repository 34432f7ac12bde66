"""CI and the two commands: the README names them, `.ci/run` and the workflow call make only."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_ci_calls_what_the_readme_names() -> None:
    """One door for a stranger and for CI."""
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme
    assert "make test" in readme
    called = (PROJECT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert "make check" in called
    assert "make test ARGS=\"-m 'deployed or not deployed'\"" in called


def test_the_workflow_calls_make_only() -> None:
    """What CI does can be done by hand; actions are pinned by commit."""
    workflow = (PROJECT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert all(line.startswith("make ") for line in re.findall(r"- run: (.*)", workflow))
    assert all(re.search(r"@[0-9a-f]{40}\b", use) for use in re.findall(r"uses: (.*)", workflow))


def test_every_make_target_explains_itself() -> None:
    """`make help` lists what there is."""
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^\.PHONY: ([\w-]+)$", makefile, flags=re.MULTILINE)
    explained = re.findall(r"^([\w-]+):.*## \S", makefile, flags=re.MULTILINE)
    assert sorted(targets) == sorted(explained)
