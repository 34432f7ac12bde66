"""One writer per group: waiting, giving up, and a holder that dies."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from lakehouse.errors import BusyError
from lakehouse.lease import hold

if TYPE_CHECKING:
    from pathlib import Path

_HOLDER = """
import sys, time
from pathlib import Path
from lakehouse.lease import hold
with hold(Path(sys.argv[1]), "g", 0):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_at_a_time(tmp_path: Path) -> None:
    """The second asks in vain, is told who holds it, and gets it when it is free."""
    told: list[str] = []
    with (
        hold(tmp_path, "g", 0),
        pytest.raises(BusyError, match=r"g is held by process .* since "),
        hold(tmp_path, "g", 0, told.append),
    ):
        pass
    assert len(told) == 1
    assert "g is held by process" in told[0]
    with hold(tmp_path, "g", 0):
        pass


def test_groups_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Two groups have two leases."""
    with hold(tmp_path, "g", 0), hold(tmp_path, "h", 0):
        pass


def test_an_error_frees_the_lease(tmp_path: Path) -> None:
    """A run that fails holds nothing afterwards."""
    with pytest.raises(ValueError, match="no"), hold(tmp_path, "g", 0):
        raise ValueError("no")
    with hold(tmp_path, "g", 0):
        pass


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    """The kernel frees the lock of a killed process: no lease outlives its holder."""
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with (
            pytest.raises(BusyError, match=f"held by process {process.pid} on "),
            hold(tmp_path, "g", 0),
        ):
            pass
        process.kill()
        process.wait()
        start = time.monotonic()
        with hold(tmp_path, "g", 5):
            assert time.monotonic() - start < 2
