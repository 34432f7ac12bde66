"""What a deploy found, kept on this machine: names, addresses, and how to reach them."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from console.deployed import place as places
from lakehouse import settings
from lakehouse.errors import ConfigurationError

if TYPE_CHECKING:
    from console.deployed.place import Place
    from lakehouse.settings import Settings

_FILE = "deployed.json"


@dataclass(frozen=True)
class Deployed:
    """A deployed lake: Terraform's outputs, and the endpoint where it is not AWS's own."""

    place: str
    environment: str
    at: str
    endpoint: str
    outputs: dict[str, Any]

    def save(self, place: Place) -> None:
        """Keep it beside Terraform's folder."""
        partial = place.folder / f"{_FILE}.part"
        partial.write_text(json.dumps(asdict(self), indent=2), "utf-8")
        partial.replace(place.folder / _FILE)

    @property
    def name(self) -> str:
        """First part of every name."""
        return str(self.outputs["name"])

    def variables(self) -> dict[str, str]:
        """Variables of a shell, or a program, that works on this lake."""
        region = str(self.outputs["region"])
        found = {**self.outputs["environment"], "LAKE_PLACE": self.place, "LAKE_REGION": region}
        if self.endpoint:
            found |= {"LAKE_ENDPOINT": self.endpoint, **places.access(self.endpoint, region)}
        return {str(name): str(value) for name, value in found.items()}

    def settings(self) -> Settings:
        """The settings of this lake; this process acts there from now on."""
        os.environ.update(self.variables())
        return settings.load()

    def client(self, service: str) -> Any:
        """An SDK client of a service of this lake."""
        import boto3  # noqa: PLC0415

        found = self.variables()
        return boto3.session.Session().client(
            service,
            region_name=found["LAKE_REGION"],
            endpoint_url=self.endpoint or None,
            aws_access_key_id=found.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=found.get("AWS_SECRET_ACCESS_KEY"),
        )


def load(place: Place) -> Deployed:
    """The lake as last deployed from this machine.

    Raises ConfigurationError if none was, or if the emulator that held it has ended.
    """
    file = place.folder / _FILE
    nothing = f"no lake is deployed to {place.name} ({place.environment}) from here"
    if place.is_emulated:
        url = place.emulator().url
    if not file.is_file():
        raise ConfigurationError(nothing, next_command=f"lake deploy{place.options}")
    found = Deployed(**json.loads(file.read_text("utf-8")))
    if place.is_emulated and found.endpoint != url:
        raise ConfigurationError(
            "the emulator that held the lake has ended, and the lake with it",
            next_command=f"lake deploy{place.options}",
        )
    return found
