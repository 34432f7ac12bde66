"""The one reader of the environment: every setting is a variable `LAKE_…` too."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACES = ("local", "emulated", "aws")
_BUCKET = "s3://"


@dataclass(frozen=True)
class Settings:
    """What the operator may choose.

    `delay_ratio_thresh`: an estimate this many times the expected headway is a delay.
    `wx_recent_minutes`: the farthest an observation may be from an arrival, in minutes, inclusive.
    `spark_java`: options of Spark's Java; by default only the quick compiler, because a small
    batch spends more time compiling than running; empty it for big ones.
    `openweather_cities`: the cities whose weather is asked for, as `ingestion.cities` reads them.
    `place`: where the lake is; `home`: its folder, or `s3://<bucket>` in the other places.
    `endpoint`, `region`: of AWS's services; an endpoint only where it is not AWS's own.
    `lease_wait_sec`: how long a run waits for another one before it says who holds the lease.
    `trash_days`: how long files that maintenance removed can be brought back, in a folder.
    """

    place: str = "local"
    home: str = ".lake"
    prefix: str = ""
    weather_location: str = "madrid"
    delay_ratio_thresh: float = 1.30
    wx_recent_minutes: int = 60
    time_zone: str = "Europe/Madrid"
    lease_wait_sec: int = 120
    trash_days: int = 14
    spark_memory: str = "4g"
    spark_cores: int = 2
    spark_java: str = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m"
    emt_url: str = "https://openapi.emtmadrid.es"
    weatherapi_url: str = "https://api.weatherapi.com"
    openweather_url: str = "https://api.openweathermap.org"
    openweather_cities: str = "riohacha:q=Riohacha,CO;patagonia:lat=-41.810147&lon=-68.906269"
    emt_daily_quota: int = 20_000
    calls_per_minute: int = 100
    secret_id: str = ""
    endpoint: str = ""
    region: str = ""

    def __post_init__(self) -> None:
        """Refuse values that would give a wrong number later."""
        if self.place not in PLACES:
            raise ConfigurationError(f"LAKE_PLACE is {self.place!r}; known places: {PLACES}")
        if self.in_bucket != (self.place != "local"):
            wanted = "a folder" if self.place == "local" else "s3://<bucket>"
            raise ConfigurationError(
                f"LAKE_HOME is {self.home!r}: in the place {self.place} it is {wanted}"
            )
        if not self.delay_ratio_thresh > 0:
            raise ConfigurationError("LAKE_DELAY_RATIO_THRESH must be greater than 0")
        if self.wx_recent_minutes < 0:
            raise ConfigurationError("LAKE_WX_RECENT_MINUTES must not be negative")
        if not self.weather_location.strip():
            raise ConfigurationError("LAKE_WEATHER_LOCATION must not be empty")

    @property
    def in_bucket(self) -> bool:
        """Whether the lake's files are in a bucket, not in a folder."""
        return self.home.startswith(_BUCKET)

    @property
    def root(self) -> Path:
        """The folder of the local lake, absolute. Raises ConfigurationError for a bucket."""
        if self.in_bucket:
            raise ConfigurationError(f"{self.home} is no folder: only the local place has one")
        return Path(self.home).absolute()

    @property
    def uri(self) -> str:
        """The URI of the lake: raw, bronze, originals and the warehouse lie below it."""
        return self.home.rstrip("/") if self.in_bucket else f"file://{self.root}"


def _convert(name: str, kind: str, text: str) -> Any:
    converters = {"int": int, "float": float, "str": str}
    try:
        return converters[kind](text)
    except ValueError as error:
        raise ConfigurationError(f"LAKE_{name.upper()} is {text!r}, not a number") from error


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Settings from the environment; an override wins over it.

    Raises ConfigurationError for an unknown place or a value that is no number.
    """
    environ = os.environ if environ is None else environ
    values = {
        field.name: _convert(field.name, str(field.type), environ["LAKE_" + field.name.upper()])
        for field in fields(Settings)
        if environ.get("LAKE_" + field.name.upper())
    }
    # AWS's own programs set these for whatever they run.
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    return Settings(
        **{"region": region, **values, **{k: v for k, v in overrides.items() if v is not None}}
    )
