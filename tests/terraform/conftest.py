"""A copy of the configuration, initialised with the provider that is on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from console.deployed.terraform import mirror

PROJECT = Path(__file__).parents[2]


class Terraform:
    """Terraform in a copy of `terraform/`, without an account and without a network."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._folder = program, folder

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command; its output tells what went wrong."""
        # No credentials, no endpoints and no other configuration of the caller's.
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.run(
            [self._program, *arguments],
            cwd=self._folder,
            env={**kept, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Terraform, initialised from the lock file as committed."""
    program, plugins = shutil.which("terraform"), mirror()
    if program is None:
        pytest.skip("no terraform on the PATH")
    if plugins is None:
        pytest.skip("no mirror with the AWS provider: name its folder by TF_PLUGIN_DIR")
    place = tmp_path_factory.mktemp("terraform")
    shutil.copytree(
        PROJECT / "terraform",
        place / "terraform",
        ignore=shutil.ignore_patterns(".terraform", "*_override.tf", "*.tfstate*"),
    )
    (place / "sql").symlink_to(PROJECT / "sql")
    (place / "terraform" / "local_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    found = Terraform(program, place / "terraform")
    done = found("init", "-no-color", f"-plugin-dir={plugins}", "-lockfile=readonly")
    assert done.returncode == 0, done.stdout + done.stderr
    return found
