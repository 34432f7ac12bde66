"""An EMR Serverless application: its settings and its state.

https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/applications.html
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from console.emulator import aws_events
from console.emulator.emr_run import SOURCE, TERMINAL, now
from console.emulator.server import ACCOUNT

if TYPE_CHECKING:
    from console.emulator.emr_run import JobRun

# An idle minute before an application stops by itself lasts a second here.
_IDLE_MINUTE_SECONDS = 1.0
_NOT_SETTINGS = ("clientToken", "applicationId", "name", "releaseLabel", "type", "tags")


class Application:
    """An application and the state it is in."""

    def __init__(self, region: str, asked: dict[str, Any]) -> None:
        self.id = f"00{uuid4().hex[:14]}"
        self.arn = f"arn:aws:emr-serverless:{region}:{ACCOUNT}:/applications/{self.id}"
        self.region = region
        self.asked = asked
        self.name = asked.get("name", "")
        self.release = asked["releaseLabel"]
        self.tags: dict[str, str] = dict(asked.get("tags") or {})
        self.settings: dict[str, Any] = {
            "architecture": "X86_64",
            "autoStartConfiguration": {"enabled": True},
            "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": 15},
        }
        self.runs: dict[str, JobRun] = {}
        self._state = "CREATED"
        self._created = self._updated = now()
        self._used = time.monotonic()
        self.change(asked)

    @property
    def state(self) -> str:
        """Its state; one that was idle for long enough has stopped."""
        stop = self.settings["autoStopConfiguration"]
        idle = time.monotonic() - self._used
        if (
            self._state == "STARTED"
            and stop.get("enabled", True)
            and not self.active
            and idle > stop.get("idleTimeoutMinutes", 15) * _IDLE_MINUTE_SECONDS
        ):
            self.become("STOPPED")
        return self._state

    @property
    def active(self) -> list[JobRun]:
        """Runs that have not ended."""
        return [run for run in self.runs.values() if run.state not in TERMINAL]

    def change(self, asked: dict[str, Any]) -> None:
        """Take new settings."""
        self.release = asked.get("releaseLabel") or self.release
        self.settings.update({k: v for k, v in asked.items() if k not in _NOT_SETTINGS and v})
        self._updated = now()

    def become(self, state: str) -> None:
        """Change the state and tell the event bus."""
        before, self._state, self._updated = self._state, state, now()
        detail = {
            "applicationId": self.id,
            "applicationName": self.name,
            "arn": self.arn,
            "releaseLabel": self.release,
            "applicationType": "SPARK",
            "state": state,
            "previousState": before,
            "createdAt": self._created.isoformat(),
            "updatedAt": self._updated.isoformat(),
            "autoStopConfig": self.settings["autoStopConfiguration"],
        }
        kind = "EMR Serverless Application State Change"
        aws_events.publish(self.region, SOURCE, kind, detail, [self.arn])

    def started(self) -> None:
        """Be started for a run, or by call."""
        self.used()
        if self._state != "STARTED":
            self.become("STARTING")
            self.become("STARTED")

    def used(self) -> None:
        """It was in use until now."""
        self._used = time.monotonic()

    def summary(self) -> dict[str, Any]:
        """What ListApplications tells."""
        return {
            "id": self.id,
            "name": self.name,
            "arn": self.arn,
            "releaseLabel": self.release,
            "type": "Spark",
            "state": self.state,
            "stateDetails": "",
            "createdAt": self._created,
            "updatedAt": self._updated,
            "architecture": self.settings["architecture"],
        }

    def described(self) -> dict[str, Any]:
        """What GetApplication tells."""
        told = self.summary()
        told["applicationId"] = told.pop("id")
        return {**told, **self.settings, "tags": self.tags}
