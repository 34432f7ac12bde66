"""EMR Serverless: applications and job runs whose requests are really executed.

https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_Operations.html
Capacity is checked, not allocated; initial capacity, networks and images have no effect.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from console.emulator import emr_sizes, emr_submit, principals
from console.emulator.answers import AwsError, NotEmulatedError
from console.emulator.emr_application import Application
from console.emulator.emr_run import JobRun
from console.emulator.emr_runs import Work

if TYPE_CHECKING:
    from console.emulator.calls import Call
    from console.emulator.server import Server

_LABEL = re.compile(r"emr-(spark-)?\d+\.\d+\.\d+(-\w+)?")
_TOKEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UPDATABLE = ("CREATED", "STOPPED")
_LEAST_MINUTES = 5
_MOST_ATTEMPTS = 10


def install(server: Server) -> None:
    """Answer EMR Serverless in moto's place."""
    service = Service(server)
    server.serve("emr-serverless", service.operations())
    server.page("jobs", lambda _method, _query, _body: {"jobs": service.processes()})
    server.at_stop(service.end)


class Service:
    """All applications, by region; every answer is a plain dictionary."""

    def __init__(self, server: Server) -> None:
        self._work = Work(server)
        self._lock = threading.RLock()
        self._applications: dict[str, Application] = {}
        self._tokens: dict[tuple[str, str], tuple[dict[str, Any], Any]] = {}

    def operations(self) -> dict[str, Any]:
        """The API's operations that are emulated."""
        return {
            "CreateApplication": self._create,
            "GetApplication": lambda p, c: {"application": self._application(p, c).described()},
            "ListApplications": self._list,
            "UpdateApplication": self._update,
            "DeleteApplication": self._delete,
            "StartApplication": self._start,
            "StopApplication": self._stop,
            "StartJobRun": self._start_run,
            "GetJobRun": lambda p, c: {"jobRun": self._run(p, c).described()},
            "ListJobRuns": self._list_runs,
            "ListJobRunAttempts": lambda p, c: {"jobRunAttempts": self._run(p, c).attempts},
            "CancelJobRun": self._cancel,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": lambda p, c: {"tags": self._tagged(p, c)},
        }

    def processes(self) -> list[dict[str, Any]]:
        """Runs whose process is there, for whoever wants to kill one."""
        runs = [r for a in list(self._applications.values()) for r in a.active if r.process]
        return [{"jobRunId": r.id, "state": r.state, "pid": r.process} for r in runs]

    def end(self) -> None:
        """Kill what runs: its own process group would outlive the emulator."""
        for one in self.processes():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(one["pid"], signal.SIGKILL)

    def _create(self, asked: dict[str, Any], call: Call) -> dict[str, Any]:
        if str(asked.get("type", "")).upper() != "SPARK":
            raise NotEmulatedError(f"an application of type {asked.get('type')!r}")
        if not _LABEL.fullmatch(asked.get("releaseLabel", "")):
            _refuse(f"release label {asked.get('releaseLabel')!r} does not exist")
        capacity = asked.get("maximumCapacity")
        if capacity and not {"cpu", "memory"} <= set(capacity):
            _refuse("maximumCapacity needs cpu and memory")
        with self._lock:
            made, known = self._once(call.region, asked, lambda: Application(call.region, asked))
            if not known:
                self._applications[made.id] = made
        return {"applicationId": made.id, "name": made.name, "arn": made.arn}

    def _once(self, scope: str, asked: dict[str, Any], make: Any) -> tuple[Any, bool]:
        """What this client token made before, or what is made now; with the lock held."""
        token = asked.get("clientToken", "")
        if not _TOKEN.fullmatch(token):
            _refuse("clientToken must be 1 to 64 characters of A-Z a-z 0-9 . _ -")
        request = {name: value for name, value in asked.items() if name != "clientToken"}
        before = self._tokens.get((scope, token))
        if before is None:
            made = make()
            self._tokens[scope, token] = (request, made)
            return made, False
        if before[0] != request:
            raise AwsError(
                "ConflictException",
                f"Client token {token} was used before with a different request.",
                409,
            )
        return before[1], True

    def _application(self, asked: dict[str, Any], call: Call) -> Application:
        identity = asked["applicationId"]
        found = self._applications.get(identity)
        if found is None or found.region != call.region:
            raise AwsError(
                "ResourceNotFoundException", f"Application {identity} does not exist", 404
            )
        return found

    def _list(self, asked: dict[str, Any], call: Call) -> dict[str, Any]:
        _whole_list(asked)
        mine = [a for a in list(self._applications.values()) if a.region == call.region]
        states = _several(asked.get("states"))
        found = [a.summary() for a in mine if not states or a.state in states]
        return {"applications": found}

    def _update(self, asked: dict[str, Any], call: Call) -> dict[str, Any]:
        application = self._application(asked, call)
        _must_be(application, _UPDATABLE)
        application.change(asked)
        return {"application": application.described()}

    def _delete(self, asked: dict[str, Any], call: Call) -> dict[str, Any]:
        application = self._application(asked, call)
        _must_be(application, _UPDATABLE)
        application.become("TERMINATED")
        return {}

    def _start(self, asked: dict[str, Any], call: Call) -> dict[str, Any]:
        application = self._application(asked, call)
        _must_be(application, (*_UPDATABLE, "STARTED"))
        application.started()
        return {}

    def _stop(self, asked: dict[str, Any], call: Call) -> dict[str, Any]:
        application = self._application(asked, call)
        if application.active:
            _refuse(f"Application {application.id} has active job runs")
        if application.state == "STARTED":
            application.become("STOPPING")
            application.become("STOPPED")
        return {}

    def _start_run(self, asked: dict[str, Any], call: Call) -> dict[str, Any]:
        application = self._application(asked, call)
        _check_request(asked)
        with self._lock:
            run, known = self._once(application.id, asked, lambda: _run(asked, application, call))
            if not known:
                application.runs[run.id] = run
                self._work.start(run, application)
        return {"applicationId": application.id, "jobRunId": run.id, "arn": run.arn}

    def _run(self, asked: dict[str, Any], call: Call) -> JobRun:
        found = self._application(asked, call).runs.get(asked["jobRunId"])
        if found is None:
            raise AwsError(
                "ResourceNotFoundException", f"Job run {asked['jobRunId']} does not exist", 404
            )
        return found

    def _list_runs(self, asked: dict[str, Any], call: Call) -> dict[str, Any]:
        _whole_list(asked)
        runs = list(self._application(asked, call).runs.values())
        states = _several(asked.get("states"))
        found = [run.summary() for run in reversed(runs) if not states or run.state in states]
        return {"jobRuns": found}

    def _cancel(self, asked: dict[str, Any], call: Call) -> dict[str, Any]:
        run = self._run(asked, call)
        if not run.cancel():
            _refuse(f"Job run {run.id} has ended as {run.state}")
        return {"applicationId": asked["applicationId"], "jobRunId": run.id}

    def _tagged(self, asked: dict[str, Any], call: Call) -> dict[str, str]:
        """The tags of an application, as they are kept."""
        identity = asked["resourceArn"].rpartition("/")[2]
        return self._application({"applicationId": identity}, call).tags

    def _tag(self, asked: dict[str, Any], call: Call) -> dict[str, Any]:
        self._tagged(asked, call).update(asked["tags"])
        return {}

    def _untag(self, asked: dict[str, Any], call: Call) -> dict[str, Any]:
        for name in _several(asked.get("tagKeys")):
            self._tagged(asked, call).pop(name, None)
        return {}


def _run(asked: dict[str, Any], application: Application, call: Call) -> JobRun:
    """A new run, if the application can take one."""
    state = application.state
    starts = application.settings["autoStartConfiguration"].get("enabled", True)
    if state == "TERMINATED" or (state != "STARTED" and not starts):
        _refuse(f"Application {application.id} is {state} and does not start for a job run")
    identity = f"00{uuid4().hex[:14]}"
    creator = principals.caller(call.access_key)
    arn = f"{application.arn}/jobruns/{identity}"
    return JobRun(identity, arn, call.region, creator, asked, application.release)


def _check_request(asked: dict[str, Any]) -> None:
    """Refuse what EMR refuses at once; the rest fails the run."""
    minutes = asked.get("executionTimeoutMinutes", 0)
    if minutes and minutes < _LEAST_MINUTES:
        _refuse(f"executionTimeoutMinutes must be 0 or at least {_LEAST_MINUTES}")
    attempts = (asked.get("retryPolicy") or {}).get("maxAttempts", 1)
    if not 1 <= attempts <= _MOST_ATTEMPTS:
        _refuse(f"maxAttempts must be 1 to {_MOST_ATTEMPTS}")
    if asked.get("mode", "BATCH") != "BATCH":
        raise NotEmulatedError(f"a job run of mode {asked['mode']}")
    if asked.get("executionIamPolicy"):
        raise NotEmulatedError("an execution IAM policy of a job run")
    if not re.fullmatch(r"arn:aws:iam::\d{12}:role/.+", asked.get("executionRoleArn", "")):
        _refuse("executionRoleArn is no role's ARN")
    emr_sizes.workers(emr_submit.parse(asked).conf)


def _must_be(application: Application, states: tuple[str, ...]) -> None:
    if application.state not in states:
        _refuse(
            f"Application {application.id} must be in one of the following statuses "
            f"[{', '.join(states)}]. Current status: {application.state}"
        )


def _refuse(message: str) -> None:
    raise AwsError("ValidationException", message)


def _whole_list(asked: dict[str, Any]) -> None:
    for name in ("nextToken", "createdAtAfter", "createdAtBefore"):
        if asked.get(name):
            raise NotEmulatedError(f"a list by {name}")


def _several(value: Any) -> list[str]:
    """A query's values: none, one or more."""
    return [value] if isinstance(value, str) else list(value or ())
