"""The Trino behind the emulated Athena: who can reach it, and when it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from console.emulator.server import Server
from console.emulator.trino.server import Engine

if TYPE_CHECKING:
    from tests.athena.conftest import Ask

_LISTENS = "0A"
_CHILD = """
import sys, time
from pathlib import Path
from console.emulator.trino.server import Engine
folder = Path(sys.argv[1])
engine = Engine(folder, "http://127.0.0.1:1", "us-east-1",
                {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
with (folder / "log").open("wb") as stream:
    process = engine._launch(stream)
process.stdout.readline()
sys.stdout.write(str(process.pid) + "\\n")
sys.stdout.flush()
time.sleep(600)
"""


def test_nothing_starts_before_a_question(tmp_path: Path) -> None:
    """Who asks Athena nothing waits for no Java and pays no memory."""
    with Server(folder=tmp_path, stand_ins=("athena_queries",)) as server:
        server.client("athena").list_query_executions()
        assert not list(tmp_path.glob("trino-*"))


def _engine_of(emulator: Server) -> int:
    """The pid of the Java that the emulator's folder belongs to."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().decode()
        except OSError:
            continue
        if "py4j.GatewayServer" in command and str(emulator.folder) in command:
            return int(entry.name)
    raise AssertionError("no engine runs")


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="sockets are told by Linux alone")
def test_it_listens_on_loopback_only(ask: Ask, emulator: Server) -> None:
    """Nobody else's machine reaches the engine or the gateway that started it."""
    ask("select 1")
    pid = _engine_of(emulator)
    inodes = set()
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        target = str(handle.readlink())
        if target.startswith("socket:["):
            inodes.add(target[len("socket:[") : -1])
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    listening = [one[1].split(":")[0] for one in lines if one[3] == _LISTENS and one[9] in inodes]
    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "0" * 24 + "01000000"}
    assert len(listening) >= 2
    assert set(listening) <= loopback


def test_it_ends_with_who_started_it(tmp_path: Path) -> None:
    """Even a killed emulator leaves no Java behind."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout
        java = Path(f"/proc/{int(child.stdout.readline())}")
        assert java.exists()
        child.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while java.exists() and "Z" not in (java / "stat").read_text().split(")")[1][:3]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_server_that_does_not_come_up_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the log, and nothing stays behind."""
    from console.emulator.trino import server  # noqa: PLC0415
    from lakehouse.errors import UpstreamError  # noqa: PLC0415

    def fails(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(server, "_run_in", fails)
    access = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    engine = Engine(tmp_path, "http://127.0.0.1:1", "us-east-1", access)
    with pytest.raises(UpstreamError, match=r"did not start; see .*trino\.log"):
        engine.address()
    assert not engine.is_ready
