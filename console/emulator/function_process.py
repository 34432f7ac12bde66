"""One invocation of a function: its zip, unpacked, in a process of its own with its environment."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.emulator.answers import NotEmulatedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOOTSTRAP = Path(__file__).with_name("lambda_bootstrap.py")
# What AWS's Python runtimes bring; everything else must be in the zip, here as there.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html#python-sdk-included
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_PAYLOAD = 6_291_556
_PASSED_ON = ("PATH", "LANG", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True)
class Function:
    """What an invocation needs to know of a function."""

    name: str
    arn: str
    version: str
    handler: str
    role: str
    region: str
    timeout: float
    memory: int
    sha256: str
    log_group: str
    code: bytes = field(repr=False)
    variables: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended; `error` is Lambda's word for it, or nothing."""

    request_id: str
    payload: bytes
    error: str
    log: str
    seconds: float


def runtime_packages(folder: Path) -> Path:
    """A folder with only what AWS's runtime brings, out of this interpreter's packages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in RUNTIME_PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise NotEmulatedError(f"a Lambda runtime without {name}")
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        link = folder / source.name
        if not link.exists():
            link.symlink_to(source)
    return folder


def unpacked(function: Function, folder: Path) -> Path:
    """The zip's content, unpacked once for each content."""
    target = folder / "".join(c if c.isalnum() else "_" for c in function.sha256)
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=folder))
        with zipfile.ZipFile(io.BytesIO(function.code)) as archive:
            archive.extractall(scratch)
        with contextlib.suppress(OSError):  # another invocation was quicker
            scratch.rename(target)
    return target


def run(
    function: Function, event: Any, request_id: str, folder: Path, environment: Mapping[str, str]
) -> Outcome:
    """Run the handler on the event, and stop it when its time is over."""
    root, packages = unpacked(function, folder / "code"), runtime_packages(folder / "runtime")
    told = {
        "handler": function.handler,
        "root": str(root),
        "event": event,
        "context": _context(function, request_id),
    }
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        result = Path(scratch) / ".result"
        command = [sys.executable, "-I", "-S", str(_BOOTSTRAP), str(result), str(packages)]
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        with subprocess.Popen(
            command,
            cwd=root,
            env={**passed, **_variables(function, root, scratch), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            log, late = _wait(process, json.dumps(told).encode(), function.timeout)
        written = result.read_text("utf-8") if result.exists() and not late else ""
    seconds = time.monotonic() - started
    if late:
        written = "1" + _sandbox(
            request_id, "Sandbox.Timedout", f"Task timed out after {function.timeout:.2f} seconds"
        )
    elif not written:
        written = "1" + _sandbox(
            request_id,
            "Runtime.ExitError",
            f"Runtime exited with error: exit status {process.returncode}",
        )
    elif len(written) > LARGEST_PAYLOAD:
        written = "1" + _too_large(len(written) - 1)
    return _outcome(request_id, written, log, seconds)


def _wait(process: subprocess.Popen[bytes], told: bytes, timeout: float) -> tuple[str, bool]:
    """The process's log, and whether its time ran out; then all of its children are ended too."""
    late = False
    try:
        log, _ = process.communicate(told, timeout=timeout)
    except subprocess.TimeoutExpired:
        late = True
        _end(process)
        log, _ = process.communicate()
    else:
        _end(process)
    return log.decode("utf-8", "replace"), late


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _outcome(request_id: str, written: str, log: str, seconds: float) -> Outcome:
    error = "Unhandled" if written[0] == "1" else ""
    return Outcome(request_id, written[1:].encode(), error, log, seconds)


def _sandbox(request_id: str, kind: str, message: str) -> str:
    return json.dumps(
        {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {message}"}
    )


def _too_large(size: int) -> str:
    return json.dumps(
        {
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage": f"Response payload size ({size} bytes) exceeded maximum allowed "
            f"payload size ({LARGEST_PAYLOAD} bytes).",
        }
    )


def _context(function: Function, request_id: str) -> dict[str, Any]:
    return {
        "aws_request_id": request_id,
        "function_name": function.name,
        "function_version": function.version,
        "invoked_function_arn": function.arn,
        "memory_limit_in_mb": str(function.memory),
        "log_group_name": function.log_group,
        "log_stream_name": "",
        "identity": None,
        "client_context": None,
        "timeout_seconds": function.timeout,
    }


def _variables(function: Function, root: Path, scratch: str) -> dict[str, str]:
    """The function's own variables, and those the runtime reserves.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    return {
        **function.variables,
        "TZ": ":UTC",
        "HOME": scratch,
        "TMPDIR": scratch,
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": str(root),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info[0]}.{sys.version_info[1]}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
    }
