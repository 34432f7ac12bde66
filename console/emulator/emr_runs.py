"""Job runs: started once for each client token, executed, retried, cancelled, billed and told.

https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/job-states.html
https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-resiliency.html
https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html
"""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

from console.emulator import emr_process
from console.emulator.emr_process import Attempt
from console.emulator.emr_run import DEFAULT_MINUTES, JobRun
from console.emulator.emr_sizes import gigabytes, workers
from console.emulator.emr_submit import parse

if TYPE_CHECKING:
    from console.emulator.emr_application import Application
    from console.emulator.emr_process import Ended
    from console.emulator.server import Server

# How long a minute of a run's time-out lasts.
MINUTE_SECONDS = 60.0
_PAUSE_SECONDS = 0.1
_LARGEST_DETAILS = 256
_TROUBLE = re.compile(r"^(?:Caused by: )?[\w.]*(?:Error|Exception)\b.*", re.MULTILINE)


class Work:
    """Executes job runs, one `spark-submit` at a time: this machine is one small worker."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._slots = threading.Semaphore(1)

    def start(self, run: JobRun, application: Application) -> None:
        """Execute it beside."""
        self._server.spawn("job-run", self._execute, run, application)

    def _execute(self, run: JobRun, application: Application) -> None:
        run.become("PENDING")
        application.started()
        run.become("SCHEDULED")
        too_small = _too_small(run, application)
        if too_small:
            run.become("FAILED", too_small)
            return
        while not self._slots.acquire(timeout=_PAUSE_SECONDS):
            if run.cancelled.is_set():
                break
        else:
            self._with_slot(run)
            application.used()
            return
        run.become("CANCELLED", "Job run cancelled.")

    def _with_slot(self, run: JobRun) -> None:
        try:
            self._attempts(run)
        finally:
            self._slots.release()

    def _attempts(self, run: JobRun) -> None:
        """Attempts until one succeeds, none is left, or the run is stopped."""
        deadline = time.monotonic() + run.timeout_minutes * MINUTE_SECONDS
        endless = run.timeout_minutes == 0
        for attempt in range(1, run.most_attempts + 1):
            began = time.monotonic()

            def over() -> bool:
                late = not endless and time.monotonic() > deadline
                return run.cancelled.is_set() or late or self._server.stopping.is_set()

            ended = emr_process.run(self._server, self._attempt(run), over, run.running)
            run.bill(time.monotonic() - began)
            if ended.stopped:
                _stopped(run)
                return
            if ended.code == 0:
                run.become("SUCCESS")
                return
            if attempt < run.most_attempts:
                run.retry(attempt + 1, _details(ended))
        run.become("FAILED", _details(ended))

    def _attempt(self, run: JobRun) -> Attempt:
        overrides = run.request.get("configurationOverrides") or {}
        return Attempt(
            submission=parse(run.request),
            monitoring=overrides.get("monitoringConfiguration") or {},
            role=run.request["executionRoleArn"],
            region=run.region,
            log_path=run.log_path,
            scratch=self._server.folder / "jobs",
        )


def _stopped(run: JobRun) -> None:
    if not run.cancelled.is_set():
        run.become("CANCELLING")
        minutes = run.request.get("executionTimeoutMinutes", DEFAULT_MINUTES)
        run.become("CANCELLED", f"Job run timed out after {minutes} minutes.")
    else:
        run.become("CANCELLED", "Job run cancelled.")


def _too_small(run: JobRun, application: Application) -> str:
    """Why the application could never start this run's workers, or nothing."""
    capacity = application.settings.get("maximumCapacity")
    if not capacity:
        return ""
    cpu = float(capacity["cpu"].split()[0])
    if workers(parse(run.request).conf).fits(cpu, gigabytes(capacity["memory"])):
        return ""
    return (
        "Job failed. ApplicationMaxCapacityExceededException: Worker could not be allocated as "
        f"the application has exceeded maximumCapacity settings: [cpu: {capacity['cpu']}, "
        f"memory: {capacity['memory']}]"
    )[:_LARGEST_DETAILS]


def _details(ended: Ended) -> str:
    """EMR's sentence for a failed job, with the last exceptions of its log."""
    logged = (ended.stderr + ended.stdout).decode("utf-8", "replace")  # a traceback is in stdout
    troubles = _TROUBLE.findall(logged)
    told = (
        "Job failed, please check complete logs in configured logging destination. "
        f"ExitCode: {ended.code}. Last few exceptions: {'; '.join(troubles[-2:])}"
    )
    return told[:_LARGEST_DETAILS]
