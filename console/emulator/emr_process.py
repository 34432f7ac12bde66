"""One attempt of a job run: its files fetched, `spark-submit` run, its logs written as EMR does.

https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html
"""

from __future__ import annotations

import contextlib
import gzip
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console import toolchain
from console.emulator import clients, emr_submit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from console.emulator.emr_submit import Submission
    from console.emulator.server import Server

_PAUSE_SECONDS = 0.1
_PASSED_ON = ("PATH", "LANG", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_LOG_GROUP = "/aws/emr-serverless"
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Attempt:
    """What an attempt needs to know of its run."""

    submission: Submission
    monitoring: Mapping[str, Any]
    role: str
    region: str
    log_path: str
    scratch: Path


@dataclass(frozen=True)
class Ended:
    """How the process ended; `stopped` says that it was made to."""

    code: int
    stopped: bool
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)


def spark_submit() -> str:
    """The `spark-submit` of this machine's Spark."""
    import pyspark  # noqa: PLC0415

    return str(Path(pyspark.__file__).parent / "bin" / "spark-submit")


def run(
    server: Server,
    attempt: Attempt,
    should_stop: Callable[[], bool],
    started: Callable[[int], None],
) -> Ended:
    """Fetch, run, and write the logs; `started` hears the process's id."""
    with _folder(attempt.scratch) as folder:
        try:
            files = _fetch(server, attempt, folder)
        except Exception as error:  # noqa: BLE001  EMR fails the job run for whatever it cannot read
            ended = Ended(1, stopped=False, stdout=b"", stderr=f"{error}\n".encode())
        else:
            ended = _execute(server, attempt, files, folder, should_stop, started)
    _write_logs(server, attempt, ended)
    return ended


@contextlib.contextmanager
def _folder(scratch: Path) -> Iterator[Path]:
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _fetch(server: Server, attempt: Attempt, folder: Path) -> dict[str, Path]:
    """Local copies of what the request names, read by the job's role, and the image's own jars."""
    s3 = server.client("s3", role=attempt.role, region=attempt.region)
    submission, files = attempt.submission, {}
    named = (submission.entry_point, *submission.py_files, *submission.jars)
    for place, uri in enumerate(named):
        for artifact in emr_submit.IMAGE_JARS.get(uri, ()):
            files[artifact] = toolchain.jar(artifact)
        if uri.startswith("s3://"):
            bucket, _, key = uri[len("s3://") :].partition("/")
            target = folder / str(place) / Path(key).name
            target.parent.mkdir()
            try:
                s3.download_file(bucket, key, str(target))
            except s3.exceptions.ClientError as error:
                raise FileNotFoundError(f"{uri}: {error}") from error
            files[uri] = target
    return {**files, **{name: toolchain.jar(name) for name in emr_submit.S3_JARS}}


def _execute(
    server: Server,
    attempt: Attempt,
    files: Mapping[str, Path],
    folder: Path,
    should_stop: Callable[[], bool],
    started: Callable[[int], None],
) -> Ended:
    conf = emr_submit.local_conf(attempt.submission, server.url, attempt.region)
    conf["spark.local.dir"] = conf["spark.sql.warehouse.dir"] = str(folder)
    command = emr_submit.command(spark_submit(), attempt.submission, conf, files)
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(server, attempt, folder),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        started(process.pid)
        stopped = False
        while process.poll() is None and not stopped:
            stopped = should_stop()
            time.sleep(_PAUSE_SECONDS)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    stdout, stderr = ((folder / name).read_bytes() for name in ("stdout", "stderr"))
    return Ended(process.returncode, stopped, stdout, stderr)


def _environment(server: Server, attempt: Attempt, folder: Path) -> dict[str, str]:
    """The driver's environment: its own, its role's credentials, and nothing of the operator's."""
    python = str(_isolated_python(folder))
    return {
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        **attempt.submission.environment,
        **server.environment(attempt.role, attempt.region),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "JAVA_HOME": str(toolchain.java_home()),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
    }


def _isolated_python(folder: Path) -> Path:
    """This interpreter without its packages: as on EMR, code has what it ships and Spark."""
    script = folder / "python3"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n', "utf-8")
    script.chmod(0o755)
    return script


def _write_logs(server: Server, attempt: Attempt, ended: Ended) -> None:
    """The driver's output, gzipped in the request's bucket, and in CloudWatch if it asks."""
    told = {"stdout": ended.stdout, "stderr": ended.stderr}
    uri = (attempt.monitoring.get("s3MonitoringConfiguration") or {}).get("logUri")
    if uri:
        bucket, _, prefix = uri[len("s3://") :].partition("/")
        base = f"{prefix.rstrip('/')}/{attempt.log_path}".lstrip("/")
        s3 = server.client("s3", role=attempt.role, region=attempt.region)
        for name, text in told.items():
            key = f"{base}/SPARK_DRIVER/{name}.gz"
            s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress(text))
    cloudwatch = attempt.monitoring.get("cloudWatchLoggingConfiguration") or {}
    if cloudwatch.get("enabled"):
        _log_events(server, attempt, cloudwatch, told)


def _log_events(
    server: Server, attempt: Attempt, cloudwatch: Mapping[str, Any], told: Mapping[str, bytes]
) -> None:
    """The driver's streams; without log types these are all that EMR sends."""
    logs = server.client("logs", role=attempt.role, region=attempt.region)
    group = cloudwatch.get("logGroupName") or _LOG_GROUP
    prefix = cloudwatch.get("logStreamNamePrefix", "")
    stamp = int(time.time() * 1000)
    for name, text in told.items():
        stream = f"{prefix}/{attempt.log_path}/SPARK_DRIVER/{name}".lstrip("/")
        lines = text[-_MEGABYTE:].decode("utf-8", "replace").splitlines()
        clients.make_log_stream(logs, group, stream)
        events = [{"timestamp": stamp, "message": line} for line in lines if line]
        for first in range(0, len(events), 1000):
            logs.put_log_events(
                logGroupName=group, logStreamName=stream, logEvents=events[first : first + 1000]
            )
