"""`python -m console.emulator`: serve until a signal says stop."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from console.emulator import background
from console.emulator.server import Server
from lakehouse import log
from lakehouse.errors import LakeError


def main(arguments: list[str]) -> int:
    """Start, announce, and wait."""
    parser = argparse.ArgumentParser(prog="console.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--folder", type=Path, required=True, help="logs and scratch")
    options = parser.parse_args(arguments)
    log.configure()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        with Server(port=options.port, folder=options.folder) as server:
            background.announce(options.folder, server.url)
            log.event("emulator_started", url=server.url)
            ended.wait()
    except LakeError as error:
        log.warn("failed", error=type(error).__name__, reason=str(error))
        return error.exit_code
    log.event("emulator_stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
