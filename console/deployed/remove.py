"""`lake destroy`: what is deployed goes, and the data with it only if that is said."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.deployed import lake as lakes
from console.deployed.deploy import PLAN
from console.deployed.workspace import Workspace
from console.package import PROJECT
from lakehouse.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from console.deployed.lake import Deployed
    from console.deployed.place import Place
    from console.deployed.terraform import Changes

_PRODUCTION = "prod"
_BATCH = 1000


@dataclass(frozen=True)
class Holdings:
    """What the lake bucket holds, and would be lost."""

    objects: int = 0
    size: int = 0

    def __str__(self) -> str:
        return f"{self.objects:,} files of data, {self.size / 1e6:,.1f} MB"


def holdings(lake: Deployed) -> Holdings:
    """Count them; noncurrent versions are not counted."""
    sizes = [one["Size"] for one in _pages(lake, "list_objects_v2", "Contents", "lake")]
    return Holdings(len(sizes), sum(sizes))


def destroy(
    place: Place,
    say: Callable[[str], None],
    approve: Callable[[Changes, Holdings], None],
    *,
    delete_data: bool = False,
    state_bucket: str = "",
    project: Path = PROJECT,
) -> tuple[Changes, Holdings]:
    """Remove everything; `approve` raises to stop before anything is touched.

    Raises UsageError for production's data without `delete_data`.
    """
    if place.environment.startswith(_PRODUCTION) and not delete_data:
        raise UsageError(
            f"the data of {place.environment} would be lost",
            next_command=f"lake destroy{place.options} --delete-data",
        )
    workspace = Workspace(place, project)
    terraform = workspace.terraform(say)
    terraform.init(*workspace.backend(state_bucket))
    say("terraform plan")
    planned = terraform.plan(PLAN, "-destroy", *workspace.options())
    lake = _known(place)
    held = holdings(lake) if lake else Holdings()
    approve(planned, held)
    if lake and delete_data:
        empty(lake, say)
    terraform.apply(PLAN, planned)
    shutil.rmtree(place.folder)
    return planned, held


def _known(place: Place) -> Deployed | None:
    """The lake, if its deploy came to an end."""
    try:
        return lakes.load(place)
    except ConfigurationError:
        return None


def empty(lake: Deployed, say: Callable[[str], None]) -> None:
    """Delete every version of every object: where Terraform may not, an operator who said so."""
    store = lake.client("s3")
    for use, bucket in lake.outputs["buckets"].items():
        say(f"emptying {bucket}")
        for part in ("Versions", "DeleteMarkers"):
            gone = [
                {"Key": one["Key"], "VersionId": one["VersionId"]}
                for one in _pages(lake, "list_object_versions", part, use)
            ]
            for first in range(0, len(gone), _BATCH):
                batch = {"Objects": gone[first : first + _BATCH], "Quiet": True}
                store.delete_objects(Bucket=bucket, Delete=batch)


def _pages(lake: Deployed, call: str, part: str, use: str) -> Iterator[dict[str, Any]]:
    store = lake.client("s3")
    for page in store.get_paginator(call).paginate(Bucket=lake.outputs["buckets"][use]):
        yield from page.get(part, [])
