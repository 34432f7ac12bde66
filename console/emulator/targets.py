"""Delivery of one payload to one target: retries, then the dead-letter queue.

AWS: "How EventBridge retries delivering events", "Using dead-letter queues to process
undelivered events" (EventBridge), "Configuring a dead-letter queue" (EventBridge Scheduler).
"""

from __future__ import annotations

import heapq
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from console.emulator.clients import Clients, region_of, service_of
from console.emulator.workers import Worker
from lakehouse import log

if TYPE_CHECKING:
    from console.emulator.server import Server

SERVICES = ("lambda", "sns", "sqs", "states")
_SERVER_ERROR = 500
_TOO_MANY = 429


@dataclass(frozen=True)
class Retries:
    """How long to wait between two tries: doubled each time, up to `cap_sec`.

    AWS does not say how long it waits; whoever watches an emulator should not wait long.
    """

    first_sec: float = 0.05
    cap_sec: float = 5.0

    def pause(self, failures: int) -> float:
        """The seconds to wait after that many failures."""
        return min(self.cap_sec, self.first_sec * 2.0 ** min(failures - 1, 16))


@dataclass(frozen=True)
class Delivery:
    """What goes where, for whom, how often, and where it ends if it cannot be delivered.

    `facts` are the dead letter's attributes beside the error; `dead_body` is its body.
    """

    arn: str
    payload: str
    caller: str
    dead_body: str
    max_retries: int = 185
    max_age_sec: int = 86_400
    dead_letter: str = ""
    group: str = ""
    facts: dict[str, str] = field(default_factory=dict)


@dataclass
class _Parcel:
    """A delivery on its way."""

    what: Delivery
    since: float
    failures: int = 0


class Courier:
    """Delivers, tries again, and gives up into the dead-letter queue."""

    def __init__(self, server: Server, retries: Retries | None = None) -> None:
        self._retries = retries or Retries()
        self._clients = Clients(server)
        self._closing = threading.Event()

    def close(self) -> None:
        """Wait for no further try."""
        self._closing.set()

    def deliver(self, delivery: Delivery) -> None:
        """Bring it; blocks until the target took it or all tries are used up."""
        parcel = self.parcel(delivery)
        while not self._closing.is_set():
            pause = self.attempt(parcel)
            if pause is None:
                return
            self._closing.wait(pause)

    def parcel(self, delivery: Delivery) -> _Parcel:
        """A delivery that begins now; setting the emulated clock ahead makes it no older."""
        return _Parcel(delivery, time.monotonic())

    def attempt(self, parcel: _Parcel) -> float | None:
        """Try once; the seconds until the next try, or None if there is none."""
        try:
            self._send(parcel.what)
        except Exception as error:  # noqa: BLE001  whatever it is, it was not delivered
            parcel.failures += 1
            age = time.monotonic() - parcel.since
            end = _end(error, parcel.failures, age, parcel.what)
            if end is None:
                return self._retries.pause(parcel.failures)
            self._bury(parcel.what, error, parcel.failures - 1, end)
        return None

    def _send(self, what: Delivery) -> None:
        service, region = service_of(what.arn), region_of(what.arn)
        client = self._clients.of(
            "stepfunctions" if service == "states" else service, region, what.caller
        )
        if service == "states":
            client.start_execution(stateMachineArn=what.arn, input=what.payload)
        elif service == "lambda":
            client.invoke(FunctionName=what.arn, InvocationType="Event", Payload=what.payload)
        elif service == "sns":
            client.publish(TopicArn=what.arn, Message=what.payload)
        else:
            group = {"MessageGroupId": what.group} if what.group else {}
            url = self._clients.queue_url(what.arn)
            client.send_message(QueueUrl=url, MessageBody=what.payload, **group)

    def _bury(self, what: Delivery, error: Exception, retries: int, end: str) -> None:
        code, message = error_of(error)
        log.warn("emulator.undelivered", target=what.arn, error=f"{code}: {message}", end=end)
        if not what.dead_letter:
            return
        facts = {
            **what.facts,
            "TARGET_ARN": what.arn,
            "ERROR_CODE": code,
            "ERROR_MESSAGE": message,
            "RETRY_ATTEMPTS": str(retries),
            **({"EXHAUSTED_RETRY_CONDITION": end} if end else {}),
        }
        client = self._clients.of("sqs", region_of(what.dead_letter), what.caller)
        client.send_message(
            QueueUrl=self._clients.queue_url(what.dead_letter),
            MessageBody=what.dead_body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value or "-"}
                for name, value in facts.items()
            },
        )


class Post:
    """Parcels on their way, in no promised order; one that waits keeps nobody else waiting."""

    def __init__(self, courier: Courier, couriers: int = 4) -> None:
        self._courier, self._lock = courier, threading.Condition()
        self._due: list[tuple[float, int, _Parcel]] = []
        self._number, self._open, self._closing = 0, 0, False
        self._workers = [Worker(f"post {n}", self._step, pause_sec=0) for n in range(couriers)]

    def put(self, delivery: Delivery) -> None:
        """Take it; it is delivered soon."""
        with self._lock:
            self._open += 1
        self._push(self._courier.parcel(delivery), 0)

    def try_now(self, delivery: Delivery) -> None:
        """Deliver it at once if it can be; if not, go on trying beside."""
        parcel = self._courier.parcel(delivery)
        pause = self._courier.attempt(parcel)
        if pause is not None:
            with self._lock:
                self._open += 1
            self._push(parcel, pause)

    @property
    def open(self) -> int:
        """How many were taken and are neither delivered nor given up."""
        with self._lock:
            return self._open

    def _push(self, parcel: _Parcel, pause_sec: float) -> None:
        with self._lock:
            self._number += 1
            heapq.heappush(self._due, (time.monotonic() + pause_sec, self._number, parcel))
            self._lock.notify()

    def _step(self) -> None:
        parcel = self._next()
        if parcel is None:
            return
        pause: float | None = None
        try:
            pause = self._courier.attempt(parcel)
        finally:
            if pause is None:
                with self._lock:
                    self._open -= 1
            else:
                self._push(parcel, pause)

    def _next(self) -> _Parcel | None:
        """The parcel that is due, or None after a while."""
        with self._lock:
            if self._closing:
                return None
            wait = self._due[0][0] - time.monotonic() if self._due else 1.0
            if wait > 0:
                self._lock.wait(min(wait, 1.0))
            if self._due and self._due[0][0] <= time.monotonic():
                return heapq.heappop(self._due)[2]
            return None

    def close(self) -> None:
        """Stop; what is not delivered yet is lost, like everything in the emulator."""
        self._courier.close()
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        for worker in self._workers:
            worker.close()


def error_of(error: Exception) -> tuple[str, str]:
    """Code and message of a failed call."""
    answer = getattr(error, "response", {}).get("Error", {})
    return answer.get("Code", type(error).__name__), answer.get("Message", str(error))


def _end(error: Exception, failures: int, age_sec: float, what: Delivery) -> str | None:
    """Why there is no further try: the exhausted condition, "" for a lasting error; None: go on."""
    if not _may_pass(error):
        return ""
    if failures > what.max_retries:
        return "MaximumRetryAttempts"
    return "MaximumEventAgeInSeconds" if age_sec >= what.max_age_sec else None


def _may_pass(error: Exception) -> bool:
    """Whether trying again can help: throttling, a failing service, a lost connection."""
    response = getattr(error, "response", None)
    if response is None:
        return True
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR)
    code = response.get("Error", {}).get("Code", "")
    return status >= _SERVER_ERROR or status == _TOO_MANY or "Throttl" in code


def text_of(value: object) -> str:
    """A payload as the target gets it: JSON, compact."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
