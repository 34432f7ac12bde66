"""Threads that repeat one step until they are closed; an error is logged and never ends them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lakehouse import log

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

POLL_SEC = 0.1


class Worker:
    """One thread that repeats `step`."""

    def __init__(self, name: str, step: Callable[[], None], pause_sec: float = POLL_SEC) -> None:
        self._name, self._step, self._pause = name, step, pause_sec
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._step()
            except Exception as error:  # noqa: BLE001  a service goes on after one bad step
                log.warn("emulator.step_failed", worker=self._name, error=repr(error))
            self._closing.wait(self._pause)

    def close(self) -> None:
        """Stop after the step that runs, for which nobody waits."""
        self._closing.set()


class Crew:
    """Workers by key, of which there are always as many as are wanted.

    Each has its own thread, so that a slow function does not keep another queue waiting.
    """

    def __init__(self) -> None:
        self._workers: dict[Hashable, Worker] = {}

    def match(self, wanted: Mapping[Hashable, Callable[[], Callable[[], None]]]) -> None:
        """Start a worker for each new key, with the step its maker gives; stop those not wanted."""
        for key in [k for k in self._workers if k not in wanted]:
            self._workers.pop(key).close()
        for key, make in wanted.items():
            if key not in self._workers:
                self._workers[key] = Worker(str(key), make())

    def close(self) -> None:
        """Stop all."""
        self.match({})
