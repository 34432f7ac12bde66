"""One writer per group: waiting, giving up, and a holder that dies."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from lakehouse.errors import BusyError, ConflictError
from lakehouse.lease import SKEW_SEC, catalog_lease, hold

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
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


class Properties:
    """A catalog's properties: read, and swap if unchanged, as the catalog's commit does."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.lock = threading.Lock()
        self.refusing = False

    def swap(self, name: str, old: str | None, new: str | None) -> bool:
        """Set it to `new` if it still is `old`."""
        with self.lock:
            if self.refusing or self.held.get(name) != old:
                return False
            self.held = {**self.held, name: new} if new else {}
            return True

    def lease(
        self, wait_sec: float = 0, ttl_sec: float = 60, told: Callable[[str], None] = print
    ) -> AbstractContextManager[Callable[[], None]]:
        """Hold the lease of a group in them."""
        return catalog_lease(
            self.held_by, self.swap, "g", wait_sec, told, ttl_sec=ttl_sec, poll_sec=0.02
        )

    def held_by(self, name: str) -> str | None:
        """Who holds it."""
        return self.held.get(name)


def test_one_at_a_time_by_the_catalog() -> None:
    """The second asks in vain and is told who holds it; afterwards it is free."""
    found, told = Properties(), []
    with (
        found.lease() as check,
        pytest.raises(BusyError, match=r"g is held by process .* since "),
        found.lease(told=told.append),
    ):
        pass
    check()
    assert len(told) == 1
    assert found.held == {}
    with found.lease():
        pass


def test_of_many_at_once_each_gets_it_alone() -> None:
    """Four threads want it at once: never two inside, and all get their turn."""
    found, inside, most = Properties(), [], []

    def work() -> None:
        with found.lease(wait_sec=60):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4


def test_a_dead_holders_claim_ends() -> None:
    """A claim whose time is over, and the skew of clocks besides, is taken over; before, not."""
    found = Properties()

    def claim(seconds: float) -> str:
        until = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        said = {"pid": 1, "host": "gone", "since": "then", "until": until.isoformat()}
        return json.dumps(said)

    found.held = {"g": claim(5 - SKEW_SEC)}
    with pytest.raises(BusyError, match="held by process 1 on gone since then"), found.lease():
        pass
    found.held = {"g": claim(-5 - SKEW_SEC)}
    with found.lease() as check:
        check()


_CLAIMER = """
import sys
from lakehouse.lease import _claim
print(_claim(until=sys.argv[1]), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a process began")
def test_a_killed_holder_of_this_machine_claims_nothing() -> None:
    """A claim ends with its process, for who asks on the same machine; elsewhere by its time."""
    found = Properties()
    until = (datetime.now(timezone.utc) + timedelta(minutes=5)).isoformat()
    command = [sys.executable, "-c", _CLAIMER, until]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        claim = process.stdout.readline()
        found.held = {"g": claim}
        with pytest.raises(BusyError, match=f"held by process {process.pid} on "), found.lease():
            pass
        process.kill()
        process.wait()
    found.held = {"g": json.dumps({**json.loads(claim), "machine": "another"})}
    with pytest.raises(BusyError), found.lease():
        pass
    found.held = {"g": claim}
    with found.lease() as check:
        check()


def test_a_living_holder_renews_its_claim() -> None:
    """The claim is put off again and again, and the holder may go on."""
    found = Properties()
    with found.lease(ttl_sec=0.3) as check:
        first = found.held["g"]
        time.sleep(0.6)
        assert found.held["g"] != first
        check()


def test_a_holder_that_lost_its_lease_is_stopped() -> None:
    """Who could not renew in time may not commit: somebody else may be writing."""
    found = Properties()
    with found.lease(ttl_sec=0.2) as check:
        found.refusing = True
        time.sleep(0.3)
        with pytest.raises(ConflictError, match="the lease of g ran out"):
            check()
