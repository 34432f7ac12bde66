"""`lake deploy`: build, plan, apply; one apply leaves a working lake, its tables included."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from console import build, layers
from console.deployed.lake import Deployed
from console.deployed.workspace import Workspace
from console.package import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from console.deployed.place import Place
    from console.deployed.terraform import Changes, Terraform

PLAN = "lake.tfplan"
_CODE = 'aws_s3_object.code["'


def deploy(
    place: Place,
    say: Callable[[str], None],
    approve: Callable[[Changes], None],
    *,
    target: layers.Target | None = None,
    state_bucket: str = "",
    variables: Sequence[str] = (),
    project: Path = PROJECT,
) -> tuple[Deployed, Changes]:
    """Bring the place to what the code here says; `approve` raises to stop before the apply."""
    terraform, planned = plan(
        place,
        say,
        target=target,
        state_bucket=state_bucket,
        variables=variables,
        project=project,
    )
    say(f"plan: {planned}")
    approve(planned)
    terraform.apply(PLAN, planned)
    found = Deployed(
        place=place.name,
        environment=place.environment,
        at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        endpoint=place.emulator().url if place.is_emulated else "",
        outputs=terraform.outputs(),
    )
    found.save(place)
    return found, planned


def plan(
    place: Place,
    say: Callable[[str], None],
    *,
    target: layers.Target | None = None,
    state_bucket: str = "",
    variables: Sequence[str] = (),
    project: Path = PROJECT,
) -> tuple[Terraform, Changes]:
    """Build the code and plan it; nothing in the place is touched."""
    workspace = Workspace(place, project)
    backend = workspace.backend(state_bucket)
    if place.is_emulated:
        place.emulator()
    say("build")
    built = build.build(place.folder / "build", target or layers.this_machine(), say, project)
    workspace.prepare()
    terraform = workspace.terraform(say)
    say("terraform init")
    terraform.init(*backend)
    told = built.variables()
    workspace.write_variables(told, kept_code(terraform, told), list(variables))
    say("terraform plan")
    return terraform, terraform.plan(PLAN, *workspace.options())


def kept_code(terraform: Terraform, built: dict[str, Any]) -> list[str]:
    """Keys of uploaded code that stay: an execution under way asks for them in its next state.

    They are those of the release before; where the release stays the same, all that are there.
    """
    current = [str(key) for key in terraform.outputs().get("code_keys", [])]
    new = {made["sha256"] for made in built["artifacts"].values()}
    if all(key.split("/")[1] in new for key in current):
        found = terraform.resources()
        return sorted(a[len(_CODE) : -2] for a in found if a.startswith(_CODE))
    return sorted(current)
