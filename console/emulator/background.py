"""The emulator as a process of its own: started, found again by its file, stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.request import urlopen

from console.emulator.application import PAGES
from lakehouse.errors import BusyError, UpstreamError

_PROJECT = Path(__file__).parents[2]
_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Background:
    """A running emulator process."""

    pid: int
    url: str

    def answers(self) -> bool:
        """Whether it is there and is an emulator, not another program on its old port."""
        try:
            with urlopen(f"{self.url}{PAGES}", timeout=5) as reply:  # noqa: S310  loopback http
                return bool(json.loads(reply.read())["url"] == self.url)
        except (HTTPException, OSError, ValueError, KeyError):  # ended, or ending as it answers
            return False


def _file(folder: Path) -> Path:
    return folder / "emulator.json"


def running(folder: Path) -> Background | None:
    """The emulator started for this folder, if it still answers."""
    try:
        found = Background(**json.loads(_file(folder).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.answers() else None


def start(folder: Path, port: int = 0) -> Background:
    """Start one for this folder; its log is `emulator.log` there.

    Raises BusyError where one runs already, UpstreamError where it does not come up.
    """
    if running(folder):
        raise BusyError(f"an emulator runs for {folder} already", next_command="lake down")
    folder.mkdir(parents=True, exist_ok=True)
    _file(folder).unlink(missing_ok=True)
    command = [sys.executable, "-m", "console.emulator", "--port", str(port), "--folder"]
    with (folder / "emulator.log").open("ab") as log:
        process = _detached([*command, str(folder)], log)
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        found = running(folder)
        if found:
            return found
        time.sleep(_PAUSE_SECONDS)
    process.kill()
    raise UpstreamError(f"the emulator did not start; see {folder / 'emulator.log'}")


def _detached(command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """A process that outlives this one and its terminal."""
    path = os.pathsep.join(filter(None, (str(_PROJECT), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    # A long-lived starter takes note of its end, so that no zombie is left.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def stop(folder: Path) -> bool:
    """Stop it, and with it everything in it; whether there was one."""
    found = running(folder)
    if found is None:
        return False
    os.kill(found.pid, signal.SIGTERM)
    until = time.monotonic() + _STOP_SECONDS
    while found.answers() and time.monotonic() < until:
        time.sleep(_PAUSE_SECONDS)
    if found.answers():
        os.kill(found.pid, signal.SIGKILL)
    _file(folder).unlink(missing_ok=True)
    return True


def announce(folder: Path, url: str) -> None:
    """Leave word of this process, whole or not at all."""
    told = json.dumps(asdict(Background(os.getpid(), url)))
    partial = _file(folder).with_suffix(".part")
    partial.write_text(told, "utf-8")
    partial.replace(_file(folder))
