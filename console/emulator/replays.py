"""A creation or removal that is asked for again gets its answer again, if that was lost.

SDKs number what they ask for and keep the number when they try again (`amz-sdk-invocation-id`).
AWS's front ends do not lose an answer to the machine's load; a process on a busy machine may, and
then the second try is told that the thing exists, or is gone. An injected fault stays what it is:
an answer that was made to be lost is not kept.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import TYPE_CHECKING

from lakehouse import log

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.answers import Answer
    from console.emulator.calls import Call

_KEPT = 500
_ERROR = 400
_PREFIXES = ("Create", "Delete")
_NUMBER = "Amz-Sdk-Invocation-Id"
_Key = tuple[str, str, str, str]


class Replays:
    """The newest answers to creations and removals, by what asked for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[_Key, Future[Answer]] = OrderedDict()

    def answer(self, call: Call, make: Callable[[], Answer]) -> Answer:
        """What was answered to this very call, or what is answered now; an error is not kept."""
        key = _key(call)
        if key is None:
            return make()
        mine: Future[Answer] = Future()
        with self._lock:
            known = self._answers.setdefault(key, mine)
            if len(self._answers) > _KEPT:
                self._answers.popitem(last=False)
        if known is not mine:
            answer = known.result()  # also that of a first try which is still under way
            if answer.status < _ERROR:
                log.warn("emulator_answered_again", service=call.service, call=call.operation)
                return answer
            return make()
        try:
            answer = make()
        except BaseException as error:
            mine.set_exception(error)
            self._forget(key)
            raise
        mine.set_result(answer)
        if answer.status >= _ERROR:
            self._forget(key)
        return answer

    def _forget(self, key: _Key) -> None:
        with self._lock:
            self._answers.pop(key, None)


def _key(call: Call) -> _Key | None:
    number = call.header(_NUMBER)
    if not number or not call.operation.startswith(_PREFIXES):
        return None
    return call.service, call.operation, number, hashlib.sha256(call.body()).hexdigest()
