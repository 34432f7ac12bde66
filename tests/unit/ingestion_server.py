"""A provider on loopback that answers what the test wrote down, and remembers what it was asked."""

from __future__ import annotations

import json
import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

from ingestion.clock import SimulatedClock

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 3, 2, 7, 0, tzinfo=timezone.utc)
CANARY = "CANARY-7f3a9"
EMAIL, PASSWORD, KEY, TOKEN = (f"{CANARY}-{name}" for name in ("email", "password", "key", "token"))
ENVIRON = {
    "EMT_EMAIL": EMAIL,
    "EMT_PASSWORD": PASSWORD,
    "WEATHERAPI_KEY": KEY,
    "OPENWEATHER_API_KEY": KEY,
}
LOGIN = "/v1/mobilitylabs/user/login/"


@dataclass(frozen=True)
class Say:
    """One answer. `drip_sec` is the pause before each byte, of the body or the head as well.

    `drop` sends nothing; `said_bytes` is a Content-Length that isn't true.
    """

    body: bytes = b"{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip_sec: float = 0
    drip_from: str = "body"
    drop: bool = False
    said_bytes: int | None = None


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any


def js(payload: Any, status: int = 200, **headers: str) -> Say:
    """An answer in JSON."""
    return Say(
        json.dumps(payload).encode(), status, {k.replace("_", "-"): v for k, v in headers.items()}
    )


def emt(code: str, data: Any = (), description: Any = "said", **more: Any) -> Say:
    """An answer of EMT."""
    return js({"code": code, "description": description, "data": data, **more})


def logged_in(token: str = TOKEN, code: str = "00", lasts: int = 86_399, used: int = 10) -> Say:
    """A login that succeeds; like the real one its description shows the token."""
    told = {
        "accessToken": token,
        "tokenSecExpiration": lasts,
        "email": EMAIL,
        "apiCounter": {"current": used, "dailyUse": 20_000},
    }
    return emt(code, [told], f"Register user: someone with token: {token}")


class Provider:
    """The script: of the answers for parts of paths, the longest part's comes first."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self.url = ""
        self._script: dict[str, deque[Say]] = {}
        self._always: dict[str, Say] = {}

    def say(self, *answers: Say, on: str = "") -> None:
        """Give these answers, one a request."""
        self._script.setdefault(on, deque()).extend(answers)

    def always(self, answer: Say, on: str = "") -> None:
        """Give this answer where no other one is left."""
        self._always[on] = answer

    def paths(self) -> list[str]:
        """The paths that were asked."""
        return [asked.path for asked in self.asked]

    def answer(self, asked: Asked) -> Say:
        """The next answer."""
        self.asked.append(asked)
        for on in sorted({*self._script, *self._always}, key=len, reverse=True):
            if on in asked.path and self._script.get(on):
                return self._script[on].popleft()
            if on in asked.path and on in self._always:
                return self._always[on]
        return Say(b"nothing was written down", 418)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 5
    provider: Provider

    def setup(self) -> None:
        super().setup()
        self.provider.connections += 1

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(content) if content else None
        said = self.provider.answer(Asked(self.command, path, query, dict(self.headers), body))
        if said.drop:
            self.close_connection = True
            return
        with suppress(OSError):
            self._send(said)

    def do_POST(self) -> None:
        self.do_GET()

    def _send(self, said: Say) -> None:
        length = str(said.said_bytes or len(said.body))
        named = {"Content-Type": "application/json", "Content-Length": length, **said.headers}
        lines = [f"HTTP/1.1 {said.status} Said", *(f"{k}: {v}" for k, v in named.items())]
        head = "\r\n".join([*lines, "", ""]).encode()
        self.close_connection = bool(said.said_bytes)
        if not said.drip_sec:
            self.wfile.write(head + said.body)
            return
        at_once = 0 if said.drip_from == "head" else len(head)
        self.wfile.write(head[:at_once])
        for byte in (head + said.body)[at_once:]:
            time.sleep(said.drip_sec)
            self.wfile.write(bytes([byte]))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def serving() -> Iterator[Provider]:
    """A provider with a port of its own."""
    provider = Provider()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": provider}))
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class CountingClock(SimulatedClock):
    """A simulated clock that remembers what it was asked to sleep."""

    def __init__(self, start: datetime = START) -> None:
        super().__init__(start)
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let the time pass, and remember it."""
        self.slept.append(seconds)
        super().sleep(seconds)


def everything_said(error: BaseException) -> str:
    """All texts of an error and of what led to it, shown or not."""
    seen, texts = [error], []
    for one in seen:
        texts.append(f"{one!r} {one}")
        seen += [more for more in (one.__cause__, one.__context__) if more and more not in seen]
    return "\n".join(texts)
