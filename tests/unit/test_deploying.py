"""The commands around Terraform: what they read of it, keep of it, and refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from console.deployed import deploy, place, remove, runs, terraform
from console.deployed.lake import Deployed, load
from console.deployed.place import Place
from console.deployed.terraform import Changes, Terraform
from console.deployed.workspace import Workspace
from lakehouse.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT = Path(__file__).parents[2]
SAID = {
    "planned": [
        {"type": "change_summary", "changes": {"add": 2, "change": 1, "remove": 0}},
    ],
    "applied": [
        {"type": "apply_complete", "hook": {"action": "read"}},
        {"type": "apply_complete", "hook": {"action": "create"}},
        {"type": "change_summary", "changes": {"add": 1, "change": 0, "remove": 0}},
    ],
    "failed": [
        {"type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "old"}},
        {
            "type": "diagnostic",
            "diagnostic": {"severity": "error", "summary": "no", "detail": "such\ntable",
                           "address": "aws_lambda_invocation.tables"},
        },
    ],
    "refused": [
        {
            "type": "diagnostic",
            "diagnostic": {"severity": "error", "summary": "invoking Lambda Function (tables)",
                           "detail": json.dumps({"errorMessage": "only widening is possible",
                                                 "stackTrace": ["File …"]})},
        },
    ],
}  # fmt: skip


def pretender(folder: Path, said: str, code: int = 0) -> str:
    """A program in Terraform's place that says what Terraform was heard to say."""
    script = folder / "terraform"
    lines = "\n".join(json.dumps(line) for line in SAID[said])
    script.write_text(f"#!/bin/sh\ncat <<'END'\nno JSON\n{lines}\nEND\nexit {code}\n")
    script.chmod(0o755)
    return str(script)


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The `lake` command without a terminal."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("AWS_", "LAKE_"))}
    return subprocess.run(
        [sys.executable, "-m", "console.main", *words],
        cwd=PROJECT,
        env={**kept, "PYTHONPATH": str(PROJECT), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_plan_is_counted(tmp_path: Path) -> None:
    """What Terraform would add, change and remove is read from its own summary."""
    found = Terraform(tmp_path, os.environ, print, pretender(tmp_path, "planned"))
    assert found.plan("x") == Changes(add=2, change=1)
    assert str(Changes(add=2, change=1)) == "2 to add, 1 to change, 0 to remove"


def test_progress_counts_resources(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Reading a data source is no progress; the rest is told on stderr."""
    found = Terraform(tmp_path, os.environ, print, pretender(tmp_path, "applied"))
    assert found.apply("x", Changes(add=2)) == Changes(add=1)
    said = capsys.readouterr().err
    assert "terraform apply: 1 of 2" in said
    assert "2 of 2" not in said


def test_an_error_of_terraform_is_told_with_its_place(tmp_path: Path) -> None:
    """The resource and the reason come first, on one line; warnings are no errors."""
    said: list[str] = []
    found = Terraform(tmp_path, os.environ, said.append, pretender(tmp_path, "failed", 1))
    with pytest.raises(ConfigurationError) as caught:
        found.apply("x", Changes(add=1))
    assert said == ["aws_lambda_invocation.tables: no such table"]
    assert caught.value.message == "terraform apply: aws_lambda_invocation.tables: no such table"


def test_a_function_that_refused_is_told_by_its_reason(tmp_path: Path) -> None:
    """Of what a Lambda function answers only its own words reach the operator, not its trace."""
    done = Terraform(tmp_path, {}, lambda _: None, program=pretender(tmp_path, "refused", 1))
    with pytest.raises(ConfigurationError) as failed:
        done.apply("saved", Changes(add=1))
    assert failed.value.message == "terraform apply: only widening is possible"


def test_a_mirror_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TF_PLUGIN_DIR names the folder, or one above it; no path of a machine is known."""
    (tmp_path / "mirror" / "registry.terraform.io" / "hashicorp" / "aws").mkdir(parents=True)
    for named in (tmp_path, tmp_path / "mirror"):
        monkeypatch.setenv("TF_PLUGIN_DIR", str(named))
        assert terraform.mirror() == tmp_path / "mirror"


class _State:
    """As much of Terraform as says what is deployed."""

    def __init__(self, keys: Sequence[str], older: Sequence[str] = ()) -> None:
        self._keys, self._older = keys, older

    def outputs(self) -> dict[str, Any]:
        """The current release."""
        return {"code_keys": list(self._keys)} if self._keys else {}

    def resources(self) -> list[str]:
        """All that is uploaded, and something else."""
        named = [f'aws_s3_object.code["{key}"]' for key in (*self._keys, *self._older)]
        return [*named, "aws_s3_bucket.this"]


def test_the_release_before_stays() -> None:
    """New code keeps the code that runs; the same code again keeps all that is there."""
    old, new = "code/" + "a" * 64 + "/lake.zip", "code/" + "b" * 64 + "/lake.zip"
    built = {"artifacts": {"jobs": {"sha256": "b" * 64}}}
    first: Any = _State([])
    assert deploy.kept_code(first, built) == []
    changed: Any = _State([old], older=["code/" + "0" * 64 + "/lake.zip"])
    assert deploy.kept_code(changed, built) == [old]
    again: Any = _State([new], older=[old])
    assert deploy.kept_code(again, built) == [old, new]


@pytest.fixture
def emulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The emulated place with an emulator that is said to run."""
    running = SimpleNamespace(pid=1, url="http://127.0.0.1:1")
    monkeypatch.setattr(Place, "emulator", lambda _: running)
    return Place("emulated", "dev", tmp_path)


def test_a_working_folder_is_of_its_own(emulated: Place) -> None:
    """It has the configuration, what makes it local, and nothing of the project's state."""
    workspace = Workspace(emulated, PROJECT)
    workspace.prepare()
    (workspace.folder / "gone.tf").write_text("")
    (workspace.folder / "terraform.tfstate").write_text("{}")
    workspace.prepare()
    assert 'backend "local"' in (workspace.folder / "emulated_override.tf").read_text()
    assert (workspace.folder.parent / "sql" / "gold").is_dir()
    assert not (workspace.folder / "gone.tf").exists()
    assert not (workspace.folder / "tests").exists()
    assert (workspace.folder / "terraform.tfstate").exists()


def test_the_state_of_an_ended_emulator_is_dropped(
    emulated: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another emulator holds nothing of what the state tells."""
    workspace = Workspace(emulated, PROJECT)
    workspace.prepare()
    (workspace.folder / "terraform.tfstate").write_text("{}")
    other = SimpleNamespace(pid=2, url="http://127.0.0.1:1")
    monkeypatch.setattr(Place, "emulator", lambda _: other)
    workspace.prepare()
    assert not (workspace.folder / "terraform.tfstate").exists()


def test_the_emulated_place_is_never_an_account(
    emulated: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Terraform gets no credentials of the caller's there, and no budget, which is not emulated."""
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "something")
    workspace = Workspace(emulated, PROJECT)
    workspace.prepare()
    workspace.write_variables({}, [], ["batch_seconds=5"])
    found = workspace.terraform(print).environment
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & set(found)
    told = json.loads((workspace.folder / "deployment.tfvars.json").read_text())
    assert told == {"budget_enabled": False, "previous_code": []}
    assert workspace.options()[-1] == "-var=batch_seconds=5"


def test_an_unknown_environment_is_refused(emulated: Place) -> None:
    """An environment is a file of variables."""
    with pytest.raises(ConfigurationError, match=r"no terraform/environments/test\.tfvars"):
        Workspace(Place("emulated", "test", emulated.home), PROJECT).prepare()


def test_the_state_of_aws_needs_a_bucket(tmp_path: Path) -> None:
    """Nothing is guessed where the state lies."""
    workspace = Workspace(Place("aws", "prod", tmp_path), PROJECT)
    with pytest.raises(ConfigurationError, match="which"):
        workspace.backend("")
    assert workspace.backend("mine") == [
        "-backend-config=environments/prod.s3.tfbackend",
        "-backend-config=bucket=mine",
    ]


def test_a_deployed_lake_is_found_while_its_emulator_lives(
    emulated: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was kept of it leads there; once the emulator has ended that is said."""
    emulated.folder.mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="no lake is deployed"):
        load(emulated)
    outputs = {"name": "l", "region": "eu-west-1", "environment": {"LAKE_PREFIX": "l"}}
    kept = Deployed("emulated", "dev", "now", "http://127.0.0.1:1", outputs)
    kept.save(emulated)
    assert load(emulated) == kept
    assert kept.variables()["LAKE_ENDPOINT"] == "http://127.0.0.1:1"
    assert kept.variables()["LAKE_PLACE"] == "emulated"
    other = SimpleNamespace(pid=2, url="http://127.0.0.1:2")
    monkeypatch.setattr(Place, "emulator", lambda _: other)
    with pytest.raises(ConfigurationError, match="has ended"):
        load(emulated)


def test_production_keeps_its_data(tmp_path: Path) -> None:
    """Not even a yes removes it: it must be said that the data goes, before anything is asked."""
    with pytest.raises(UsageError, match="would be lost"):
        remove.destroy(Place("aws", "prod", tmp_path), print, lambda *_: None)
    done = run("destroy", "--env", "prod", "--yes", LAKE_HOME=str(tmp_path))
    assert done.returncode == 2
    assert "next:  lake destroy --env prod --delete-data" in done.stderr


def test_the_machines_folder_is_kept_in_a_shell_of_the_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `lake env` LAKE_HOME is a bucket; the emulator's folder is still the same one."""
    monkeypatch.setenv("LAKE_HOME", str(tmp_path))
    monkeypatch.delenv("LAKE_PLACE", raising=False)
    before = place.choose()
    monkeypatch.setenv("LAKE_HOME", "s3://bucket")
    monkeypatch.setenv("LAKE_PLACE", "emulated")
    monkeypatch.setenv("LAKE_FOLDER", str(tmp_path))
    assert place.choose() == before == Place("emulated", "dev", tmp_path)
    monkeypatch.setenv("LAKE_PLACE", "aws")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert place.choose().name == "aws"
    with pytest.raises(UsageError, match="local"):
        place.choose("local")


def test_aws_is_not_reached_by_another_endpoint(tmp_path: Path) -> None:
    """In a shell of the emulated lake nothing is deployed to, or removed from, AWS by mistake."""
    shell = {"LAKE_HOME": str(tmp_path), "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    done = run("deploy", "--place", "aws", "--state-bucket", "b", **shell)
    assert done.returncode == 78
    assert "AWS_ENDPOINT_URL is set" in done.stderr


@pytest.mark.parametrize(
    "words", [("status",), ("logs",), ("cancel", "x"), ("env",), ("tick",), ("deploy",)]
)
def test_without_an_emulator_it_says_what_to_type(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Whatever needs one names the command that starts one."""
    done = run(*words, LAKE_HOME=str(tmp_path))
    assert done.returncode == 78
    assert done.stderr.endswith("error: no emulator runs\nnext:  lake up\n")


@pytest.mark.parametrize("command", ["up", "deploy", "destroy", "status", "logs", "tick", "build"])
def test_help_is_quick(command: str) -> None:
    """Help loads neither AWS's SDK nor Spark nor Arrow."""
    script = (
        "import sys; from console.main import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = {'boto3', 'pyspark', 'pyarrow', 'pyiceberg', 'moto'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, command, "--help"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f" {command} " in done.stdout


class Refusing:
    """EMR's client, for a job run that has ended or is ending."""

    exceptions = SimpleNamespace(ValidationException=KeyError)

    def __init__(self, state: str) -> None:
        self.state = state

    def cancel_job_run(self, **_: str) -> None:
        """Refused."""
        raise self.exceptions.ValidationException

    def get_job_run(self, **_: str) -> dict[str, Any]:
        """Its state."""
        return {"jobRun": {"state": self.state}}


def test_a_run_that_its_execution_has_cancelled_is_no_error() -> None:
    """A stopped execution cancels its job run itself, now and then before the operator does."""
    assert not runs._cancelled(Refusing("CANCELLED"), "a", "r")
    with pytest.raises(KeyError):
        runs._cancelled(Refusing("RUNNING"), "a", "r")
