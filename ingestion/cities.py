"""The cities whose weather is asked for: `NAME:q=Riohacha,CO` or `NAME:lat=-41.8&lon=-68.9`.

A city's name is the lake's own, and its key there; what the provider calls it is the provider's.
`zone=America/Bogota` besides tells the clocks of answers that don't; of a dropped file also
`units=standard` (kelvin) or `units=metric` may be told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from lakehouse.errors import ConfigurationError, UsageError

EXAMPLE = "riohacha:q=Riohacha,CO;patagonia:lat=-41.810147&lon=-68.906269"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}\Z")
_BOUNDS = {"lat": 90.0, "lon": 180.0}
_UNITS = ("metric", "standard")
_KNOWN = ("q", "lat", "lon", "zone", "units")
_FOLDER = "city-"
_DAY = re.compile(r"ingest_date=(\d{4}-\d\d-\d\d)\Z")


@dataclass(frozen=True)
class City:
    """A city by its name in the lake; `told` is what is known of it, by the names above."""

    name: str
    told: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> City:
        """`NAME` or `NAME:key=value&…`. Raises UsageError saying what is wrong with it."""
        name, _, rest = text.strip().partition(":")
        if not _NAME.match(name):
            raise UsageError(
                f"{name!r} is no city's name: lower-case letters, figures, _ and -, from a letter"
            )
        told: dict[str, str] = {}
        for part in filter(None, rest.split("&")):
            key, _, value = (piece.strip() for piece in part.partition("="))
            if key not in _KNOWN or key in told or not value.isprintable() or not value:
                expected = ", ".join(_KNOWN)
                raise UsageError(f"{name}: {part!r} is not one of {expected}, each once, as k=v")
            told[key] = value
        _check(name, told)
        return cls(name, told)

    @property
    def asked(self) -> dict[str, str]:
        """What the provider is asked by: its own name for the place, else the coordinates."""
        by = ("q",) if "q" in self.told else ("lat", "lon")
        return {key: self.told[key] for key in by if key in self.told}

    def landed(self, parts: tuple[str, ...]) -> dict[str, str]:
        """The request that a dropped file answers; its path may tell the day it was made."""
        days = [found[1] for part in parts if (found := _DAY.match(part))]
        day = {"ingest_date": days[-1]} if days else {}
        return {"city": self.name, **self.told, **day}


def configured(text: str) -> dict[str, City]:
    """The cities of the setting, by name, in its order.

    Raises ConfigurationError for what is no city, a city named twice, or one that can't be asked.
    """
    found: dict[str, City] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        try:
            city = City.parse(part)
        except UsageError as error:
            raise _wrong(error.message) from error
        if city.name in found:
            raise _wrong(f"{city.name} stands there twice")
        if not city.asked:
            raise _wrong(f"{city.name} has neither q nor lat and lon")
        if "units" in city.told:
            raise _wrong(f"{city.name}: units are for dropped files, the lake asks in metric ones")
        found[city.name] = city
    if not found:
        raise _wrong("no city")
    return found


def in_path(parts: tuple[str, ...]) -> str:
    """The NAME of the last folder city-NAME of a path, in lower case; empty if there is none."""
    names = [part[len(_FOLDER) :].lower() for part in parts[:-1] if part.startswith(_FOLDER)]
    return names[-1] if names else ""


def known(text: str, setting: str) -> str:
    """A city as told; a bare name with what the setting tells of it."""
    city = City.parse(text)
    if city.told or city.name not in (cities := configured(setting)):
        return text
    told = "&".join(f"{key}={value}" for key, value in cities[city.name].told.items())
    return f"{city.name}:{told}"


def _check(name: str, told: dict[str, str]) -> None:
    if ("lat" in told) != ("lon" in told):
        raise UsageError(f"{name}: lat and lon go together")
    for key, most in _BOUNDS.items():
        if key in told and not _within(told[key], most):
            raise UsageError(f"{name}: {key}={told[key]} is no number from {-most:g} to {most:g}")
    if told.get("units", _UNITS[0]) not in _UNITS:
        raise UsageError(f"{name}: units={told['units']} are neither {' nor '.join(_UNITS)}")
    if "zone" in told:
        try:
            ZoneInfo(told["zone"])
        except (KeyError, ValueError, OSError) as error:
            raise UsageError(f"{name}: zone={told['zone']} is no time zone") from error


def _within(text: str, most: float) -> bool:
    try:
        return -most <= float(text) <= most
    except ValueError:
        return False


def _wrong(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"LAKE_OPENWEATHER_CITIES: {why}",
        next_command=f"export LAKE_OPENWEATHER_CITIES='{EXAMPLE}'",
    )
