"""Terraform as a program that is watched: what it does is told while it does it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console import talk
from lakehouse.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PROVIDER = "registry.terraform.io/hashicorp/aws"
_FUNCTION_ERROR = re.compile(r'\{\s*"errorMessage".*\}', re.DOTALL)
_DEPTH = 3
_QUIET_SECONDS = 15.0


def found_program() -> str:
    """Terraform on the PATH. Raises ConfigurationError if it is not there."""
    found = shutil.which("terraform")
    if found is None:
        raise ConfigurationError(
            "terraform is not on the PATH; 1.11 or later is needed", next_command="lake doctor"
        )
    return found


def _roots() -> Iterator[Path]:
    """Where a mirror of providers may lie: named, the user's, the machine's."""
    if named := os.environ.get("TF_PLUGIN_DIR"):
        yield Path(named)
    home = Path.home()
    yield from (home / ".terraform.d", home / ".local/share/terraform")
    yield from (Path("/usr/local/share"), Path("/usr/share/terraform"), Path("/opt"))


def mirror() -> Path | None:
    """The first folder on this machine that holds the AWS provider; else Terraform's registry."""
    for root in _roots():
        for depth in range(_DEPTH):
            for found in root.glob("*/" * depth + _PROVIDER):
                return found.parents[2]
    return None


@dataclass(frozen=True)
class Changes:
    """How many resources a plan adds, changes and removes, or an apply has."""

    add: int = 0
    change: int = 0
    remove: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.add + self.change + self.remove

    def __str__(self) -> str:
        return f"{self.add} to add, {self.change} to change, {self.remove} to remove"


@dataclass
class Terraform:
    """Terraform in a folder, with an environment; `say` hears how far it is."""

    folder: Path
    environment: Mapping[str, str]
    say: Callable[[str], None]
    program: str = field(default_factory=found_program)

    def init(self, *options: str) -> None:
        """Fetch the provider, from a mirror on this machine if there is one."""
        found = mirror()
        plugins = (f"-plugin-dir={found}",) if found else ()
        done = self._run("init", "-input=false", "-no-color", "-reconfigure", *plugins, *options)
        if done.returncode:
            raise ConfigurationError(
                f"terraform init failed: {_squeezed(done.stderr)}",
                next_command="name the folder of a provider mirror by TF_PLUGIN_DIR",
            )

    def plan(self, out: str, *options: str) -> Changes:
        """Plan into a file."""
        return self._watched("plan", f"-out={out}", *options)

    def apply(self, plan: str, planned: Changes) -> Changes:
        """Apply a plan."""
        return self._watched("apply", plan, expected=planned.total)

    def outputs(self) -> dict[str, Any]:
        """The outputs; empty before the first apply."""
        done = self._run("output", "-json")
        if done.returncode:
            raise ConfigurationError(f"terraform output failed: {_squeezed(done.stderr)}")
        return {name: told["value"] for name, told in json.loads(done.stdout).items()}

    def show(self, plan: str) -> str:
        """A plan for people."""
        return self._run("show", "-no-color", plan).stdout

    def state(self) -> dict[str, Any]:
        """All that is deployed, with its values."""
        return dict(json.loads(self._run("show", "-json").stdout))

    def resources(self) -> list[str]:
        """The addresses in the state."""
        done = self._run("state", "list")
        return done.stdout.split() if done.returncode == 0 else []

    def _environment(self) -> dict[str, str]:
        return {**self.environment, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *words],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def _watched(self, verb: str, *words: str, expected: int = 0) -> Changes:
        """Run a command that tells JSON lines. Raises ConfigurationError with its errors."""
        watch = _Watch(verb, self.say, expected)
        with subprocess.Popen(
            [self.program, verb, "-json", "-input=false", *words],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout or ():
                watch.hear(line)
        if process.returncode:
            told = (watch.errors or [f"exit code {process.returncode}"])[0]
            more = f" (and {len(watch.errors) - 1} more, above)" if len(watch.errors) > 1 else ""
            raise ConfigurationError(
                f"terraform {verb}: {told}{more}",
                next_command="the same command once it is mended: it goes on from there",
            )
        return watch.changes


class _Watch:
    """What is told of Terraform's messages: progress, long waits, errors, the sum."""

    def __init__(self, verb: str, say: Callable[[str], None], expected: int) -> None:
        self.errors: list[str] = []
        self.changes = Changes()
        self._say = say
        self._progress = talk.progress(expected, f"terraform {verb}")
        self._expected, self._done = expected, 0
        self._told = time.monotonic()

    def hear(self, line: str) -> None:
        """One line of output."""
        try:
            message = json.loads(line)
        except ValueError:
            return
        kind = message.get("type")
        if kind == "apply_complete" and message["hook"].get("action") != "read":
            self._done += 1
            self._progress(self._done)
            self._told = time.monotonic()
        elif kind == "apply_progress" and time.monotonic() - self._told > _QUIET_SECONDS:
            self._say(message["@message"])
            self._told = time.monotonic()
        elif kind == "change_summary":
            told = message["changes"]
            self.changes = Changes(told["add"], told["change"], told["remove"])
        elif kind == "diagnostic" and message["diagnostic"]["severity"] == "error":
            self.errors.append(_error(message["diagnostic"]))
            self._say(self.errors[-1])


def _error(told: dict[str, Any]) -> str:
    where = told.get("address", "")
    text = _reason(" ".join(filter(None, (told.get("summary"), told.get("detail")))))
    return f"{where}: {_squeezed(text)}" if where else _squeezed(text)


def _reason(text: str) -> str:
    """What a Lambda function that failed says of it, without its trace; other texts whole."""
    found = _FUNCTION_ERROR.search(text)
    try:
        return str(json.loads(found[0])["errorMessage"]) if found else text
    except ValueError:
        return text


def _squeezed(text: str) -> str:
    return " ".join(text.split())[:2000]
