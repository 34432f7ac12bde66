"""Where a lake is deployed to, and the folder on this machine that knows of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import settings
from lakehouse.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from console.emulator.background import Background
    from lakehouse.settings import Settings

PLACES = ("emulated", "aws")
_HOME = ".lake"
# Where this machine's own folder is while LAKE_HOME names the deployed bucket (`lake env`).
FOLDER = "LAKE_FOLDER"
_ACCESS = "AWS_"
_ENDPOINT = "AWS_ENDPOINT_URL"


@dataclass(frozen=True)
class Place:
    """A place and an environment in it; `home` holds what this machine knows of all of them."""

    name: str
    environment: str
    home: Path

    def __post_init__(self) -> None:
        """Refuse what cannot be deployed to."""
        if self.name not in PLACES:
            raise UsageError(f"the place is {self.name!r}; a lake is deployed to {PLACES}")

    @property
    def is_emulated(self) -> bool:
        """Whether it lives as long as an emulator."""
        return self.name == "emulated"

    @property
    def folder(self) -> Path:
        """Terraform's working folder and what the last deploy found."""
        return self.home / "deployed" / f"{self.name}-{self.environment}"

    @property
    def emulator_folder(self) -> Path:
        """The emulator's own: its address, its log, its scratch."""
        return self.home / "emulator"

    @property
    def options(self) -> str:
        """The same as words of a command, without what is the default."""
        place = "" if self.is_emulated else f" --place {self.name}"
        return f"{place} --env {self.environment}"

    def emulator(self) -> Background:
        """The emulator that runs for this folder.

        Raises ConfigurationError if there is none.
        """
        from console.emulator import background  # noqa: PLC0415

        found = background.running(self.emulator_folder)
        if found is None:
            raise ConfigurationError("no emulator runs", next_command="lake up")
        return found


def choose(name: str = "", environment: str = "dev") -> Place:
    """The place as named; by default the one of the settings, or the emulated one.

    Raises ConfigurationError for AWS in a shell that leads to the emulator.
    """
    loaded = settings.load()
    chosen = name or (loaded.place if loaded.in_bucket else PLACES[0])
    if chosen == "aws" and os.environ.get(_ENDPOINT):
        raise ConfigurationError(
            f"{_ENDPOINT} is set: what is meant for AWS would go there",
            next_command=f"unset {_ENDPOINT}, or a new shell",
        )
    return Place(chosen, environment, own_folder(loaded))


def own_folder(loaded: Settings) -> Path:
    """What this machine keeps to itself: beside the lake's files, or where its bucket was made."""
    home = os.environ.get(FOLDER) or (_HOME if loaded.in_bucket else loaded.home)
    return Path(home).absolute()


def access(url: str, region: str = "") -> dict[str, str]:
    """Variables by which any AWS program finds the emulator, as its operator."""
    from console.emulator import principals  # noqa: PLC0415

    return {
        _ENDPOINT: url,
        "AWS_EC2_METADATA_DISABLED": "true",
        **({"AWS_REGION": region, "AWS_DEFAULT_REGION": region} if region else {}),
        **principals.credentials("", region),
    }


def without_access() -> dict[str, str]:
    """This process's environment without anything that leads to an account."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_ACCESS)}
