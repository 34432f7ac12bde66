"""A copy of the configuration, initialised with the provider that is on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
_PROVIDER = "registry.terraform.io/hashicorp/aws"
_DEPTH = 3


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


def _roots() -> Iterator[Path]:
    """Where a mirror of providers may lie: named, the user's, the machine's."""
    if named := os.environ.get("TF_PLUGIN_DIR"):
        yield Path(named)
    home = Path.home()
    yield from (home / ".terraform.d", home / ".local/share/terraform")
    yield from (Path("/usr/local/share"), Path("/usr/share/terraform"), Path("/opt"))


def _mirror() -> Path | None:
    """The first folder that holds the AWS provider."""
    for root in _roots():
        for depth in range(_DEPTH):
            for found in root.glob("*/" * depth + _PROVIDER):
                return found.parents[2]
    return None


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Terraform, initialised from the lock file as committed."""
    program, mirror = shutil.which("terraform"), _mirror()
    if program is None:
        pytest.skip("no terraform on the PATH")
    if mirror is None:
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
    done = found("init", "-no-color", f"-plugin-dir={mirror}", "-lockfile=readonly")
    assert done.returncode == 0, done.stdout + done.stderr
    return found
