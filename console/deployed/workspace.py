"""Terraform's working folder of one deployment: a copy of the configuration, and its own state.

The emulated place adds what makes it local; the configuration itself knows nothing of it.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

from console.deployed import place as places
from console.deployed.terraform import Terraform
from lakehouse.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from console.deployed.place import Place

_OVERRIDE = """\
# The emulated place: state in this folder, services on loopback (AWS_ENDPOINT_URL says where).
terraform {
  backend "local" {}
}

provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
"""
# What the emulator does not know (docs/aws.md).
_EMULATED_VARIABLES = {"budget_enabled": False}
_OWN = (".terraform", "*_override.tf", "*.tfstate*", "*.tfplan", "tests")
VARIABLES = "deployment.tfvars.json"
_OPTIONS = "options.json"


class Workspace:
    """The folder of one deployment."""

    def __init__(self, place: Place, project: Path) -> None:
        self.place = place
        self.folder = place.folder / "terraform"
        self._project = project

    def prepare(self) -> None:
        """Copy the configuration anew; state, plan and provider stay.

        Raises ConfigurationError for an environment that has no variables.
        """
        source = self._project / "terraform"
        if not (source / "environments" / f"{self.place.environment}.tfvars").is_file():
            raise ConfigurationError(
                f"no terraform/environments/{self.place.environment}.tfvars in {self._project}",
                next_command="lake deploy --env dev",
            )
        for old in (*self.folder.glob("*.tf"), self.folder / "modules"):
            shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
        shutil.copytree(
            source, self.folder, ignore=shutil.ignore_patterns(*_OWN), dirs_exist_ok=True
        )
        link = self.folder.parent / "sql"
        link.unlink(missing_ok=True)
        link.symlink_to((self._project / "sql").absolute())
        if self.place.is_emulated:
            self.forget_lost_state()
            (self.folder / "emulated_override.tf").write_text(_OVERRIDE, "utf-8")

    def forget_lost_state(self) -> None:
        """Drop the state of an emulator that has ended: what it tells of is gone with it."""
        now = self.place.emulator()
        note = self.folder / "emulator.json"
        told = json.dumps({"pid": now.pid, "url": now.url})
        if not note.exists() or note.read_text("utf-8") != told:
            for old in (*self.folder.glob("*.tfstate*"), *self.folder.glob("*.tfplan")):
                old.unlink()
            (self.place.folder / "deployed.json").unlink(missing_ok=True)
            note.write_text(told, "utf-8")

    def terraform(self, say: Callable[[str], None]) -> Terraform:
        """Terraform in this folder, with what leads to the place and to no other."""
        if not self.folder.is_dir():
            raise ConfigurationError(
                f"nothing was deployed to {self.place.name} from here",
                next_command=f"lake deploy{self.place.options}",
            )
        if self.place.is_emulated:
            url = self.place.emulator().url
            return Terraform(self.folder, {**places.without_access(), **places.access(url)}, say)
        return Terraform(self.folder, os.environ, say)

    def backend(self, state_bucket: str) -> list[str]:
        """What `terraform init` is told of the state."""
        if self.place.is_emulated:
            return []
        if not state_bucket:
            raise ConfigurationError(
                "the state of AWS lies in a bucket: which?",
                next_command=f"lake deploy{self.place.options} --state-bucket <bucket>",
            )
        named = f"environments/{self.place.environment}.s3.tfbackend"
        return [f"-backend-config={named}", f"-backend-config=bucket={state_bucket}"]

    def write_variables(self, built: dict[str, Any], previous: list[str], more: list[str]) -> None:
        """Write what this deployment adds to the environment's variables; `more` is name=value."""
        own = _EMULATED_VARIABLES if self.place.is_emulated else {}
        told = {**built, **own, "previous_code": previous}
        (self.folder / VARIABLES).write_text(json.dumps(told, indent=2), "utf-8")
        options = [
            f"-var-file=environments/{self.place.environment}.tfvars",
            f"-var-file={VARIABLES}",
            *(f"-var={variable}" for variable in more),
        ]
        (self.folder / _OPTIONS).write_text(json.dumps(options), "utf-8")

    def options(self) -> list[str]:
        """The options by which Terraform plans this deployment, to make it or to remove it."""
        return [str(option) for option in json.loads((self.folder / _OPTIONS).read_text("utf-8"))]
