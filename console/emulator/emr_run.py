"""One job run: its request, its state, and what the API tells of it."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from console.emulator import aws_events
from console.emulator.emr_sizes import workers
from console.emulator.emr_submit import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = "aws.emr-serverless"
TERMINAL = ("SUCCESS", "FAILED", "CANCELLED")
DEFAULT_MINUTES = 720


def now() -> datetime:
    """The time, aware."""
    return datetime.now(timezone.utc)


class JobRun:
    """A run of one request; a client token names the request it was started by."""

    def __init__(
        self, identity: str, arn: str, region: str, creator: str, request: Mapping[str, Any],
        release: str,
    ) -> None:  # fmt: skip
        self.id = identity
        self.arn = arn
        self.region = region
        self.request = request
        self.release = release
        self.cancelled = threading.Event()
        self.process = 0
        self.state = "SUBMITTED"
        self.attempt = 1
        self.attempts: list[dict[str, Any]] = []
        self._creator = creator
        self._details = ""
        self._created = self._updated = self._attempt_created = now()
        self._started: datetime | None = None
        self._ended: datetime | None = None
        self._used: list[float] = []
        self._lock = threading.Lock()
        self._tell("SUBMITTED", "")

    @property
    def timeout_minutes(self) -> int:
        """How long it may run; 0 is for ever."""
        return int(self.request.get("executionTimeoutMinutes", DEFAULT_MINUTES))

    @property
    def most_attempts(self) -> int:
        """How often it may be tried."""
        return int((self.request.get("retryPolicy") or {}).get("maxAttempts", 1))

    @property
    def log_path(self) -> str:
        """Where its logs lie below the log URI; with a retry policy each attempt has its own."""
        path = f"applications/{self.request['applicationId']}/jobs/{self.id}"
        return f"{path}/attempts/{self.attempt}" if self.most_attempts > 1 else path

    def become(self, state: str, details: str = "") -> None:
        """Change the state and tell the event bus; a run that has ended stays as it is."""
        with self._lock:
            before = self.state
            if before in TERMINAL or before == state:
                return
            if before == "CANCELLING" and state != "CANCELLED":
                state, details = "CANCELLED", "Job run cancelled."
            self.state, self._details, self._updated = state, details, now()
            if state in TERMINAL:
                self._ended = self._updated
                self._keep_attempt(details)
        self._tell(state, before)

    def running(self, process: int) -> None:
        """Its process is there."""
        self.process = process
        self._started = self._started or now()
        self.become("RUNNING")

    def retry(self, attempt: int, why: str) -> None:
        """The next attempt begins, for the one before failed; EMR tells it by an event."""
        detail = {
            **self._facts(),
            "previousAttempt": self.attempt,
            "previousAttemptState": "FAILED",
            "previousAttemptCreatedAt": self._attempt_created.isoformat(),
            "previousAttemptEndedAt": now().isoformat(),
        }
        self._keep_attempt(why)
        self.attempt, self._attempt_created = attempt, now()
        aws_events.publish(self.region, SOURCE, "EMR Serverless Job Run Retry", detail, [self.arn])

    def cancel(self) -> bool:
        """Ask it to end; whether it still could be."""
        with self._lock:
            if self.state in TERMINAL:
                return False
        self.become("CANCELLING")
        self.cancelled.set()
        return True

    def bill(self, seconds: float) -> None:
        """Count an attempt's time."""
        self._used.append(seconds)

    def summary(self) -> dict[str, Any]:
        """What ListJobRuns tells."""
        return {
            "applicationId": self.request["applicationId"],
            "id": self.id,
            "name": self.request.get("name", ""),
            "mode": self.request.get("mode", "BATCH"),
            "arn": self.arn,
            "createdBy": self._creator,
            "createdAt": self._created,
            "updatedAt": self._updated,
            "executionRole": self.request["executionRoleArn"],
            "state": self.state,
            "stateDetails": self._details,
            "releaseLabel": self.release,
            "type": "Spark",
            "attempt": self.attempt,
            "attemptCreatedAt": self._attempt_created,
            "attemptUpdatedAt": self._updated,
        }

    def described(self) -> dict[str, Any]:
        """What GetJobRun tells."""
        told = self.summary()
        told["jobRunId"] = told.pop("id")
        told.pop("type")
        given = ("configurationOverrides", "jobDriver", "retryPolicy", "executionIamPolicy")
        asked = {name: self.request[name] for name in given if name in self.request}
        queued = (self._started or self._ended or now()) - self._created
        size = workers(parse(self.request).conf)
        optional = {"startedAt": self._started, "endedAt": self._ended}
        return {
            **told,
            **asked,
            **{name: value for name, value in optional.items() if value},
            "tags": self.request.get("tags", {}),
            "executionTimeoutMinutes": self.timeout_minutes,
            "totalExecutionDurationSeconds": int(sum(self._used)),
            "queuedDurationMilliseconds": int(queued.total_seconds() * 1000),
            "totalResourceUtilization": size.used(sum(self._used)),
            "billedResourceUtilization": _sum(size.billed(seconds) for seconds in self._used),
        }

    def _keep_attempt(self, why: str) -> None:
        self.attempts.append(
            {
                "applicationId": self.request["applicationId"],
                "id": self.id,
                "arn": self.arn,
                "attempt": self.attempt,
                "createdAt": self._created,
                "jobCreatedAt": self._created,
                "updatedAt": now(),
                "executionRole": self.request["executionRoleArn"],
                "state": self.state if self.state in TERMINAL else "FAILED",
                "stateDetails": why,
                "releaseLabel": self.release,
            }
        )

    def _facts(self) -> dict[str, Any]:
        return {
            "jobRunId": self.id,
            "applicationId": self.request["applicationId"],
            "arn": self.arn,
            "releaseLabel": self.release,
            "state": self.state,
            "createdBy": self._creator,
            "createdAt": self._created.isoformat(),
            "updatedAt": self._updated.isoformat(),
        }

    def _tell(self, state: str, before: str) -> None:
        """The event of a change; it has neither the run's name nor the reason, as on EMR."""
        detail = {**self._facts(), "state": state, "previousState": before}
        kind = "EMR Serverless Job Run State Change"
        aws_events.publish(self.region, SOURCE, kind, detail, [self.arn])


def _sum(parts: Any) -> dict[str, float]:
    total = {"vCPUHour": 0.0, "memoryGBHour": 0.0, "storageGBHour": 0.0}
    for part in parts:
        for name, value in part.items():
            total[name] = round(total[name] + value, 3)
    return total
