"""The simulator as a server on this machine: a free port, HTTP/1.1, both APIs, faults on demand."""

from __future__ import annotations

import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from console.simulator.answers import Answer, Answers, Request
from console.simulator.faults import Fault, Faults
from console.simulator.sessions import Sessions

if TYPE_CHECKING:
    from types import TracebackType

    from ingestion.clock import Clock

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
_NOT_FOUND = Fault(404, (("Content-Type", "text/html"),), b"<html><body>Not found</body></html>")


class Simulator:
    """Both sources over HTTP while the `with` block lasts; answers follow from seed and clock.

    `places` are the locations whose weather is known, in small letters; `daily_quota` is EMT's.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        seed: int = 1,
        places: tuple[str, ...] = ("madrid",),
        daily_quota: int = 20_000,
    ) -> None:
        self.calls: list[str] = []
        self._sessions = Sessions(seed, clock, daily_quota)
        self._faults = Faults()
        self._answers = Answers(seed, clock, self._sessions, places)
        self._server: _Server | None = None
        self._thread: Thread | None = None

    def __enter__(self) -> Simulator:
        self._server = _Server(self)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server and self._thread:
            self._server.stop()
            self._thread.join()

    @property
    def emt_url(self) -> str:
        """Where EMT's API is."""
        if self._server is None:
            raise RuntimeError("the simulator serves inside its `with` block only")
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def weatherapi_url(self) -> str:
        """Where WeatherAPI is: the same server, as no path is in both."""
        return self.emt_url

    def fail_next(self, *faults: Fault, on: str = "") -> None:
        """Each fault answers one of the next requests whose path holds `on`."""
        self._faults.add(faults, on)

    def expire_tokens(self) -> None:
        """Let every token given so far be dead."""
        self._sessions.expire()

    def reply(self, request: Request) -> Answer | Fault:
        """What a request gets; its path, without the query, is added to `calls`."""
        self.calls.append(f"{request.method} {request.path}")
        return self._faults.take(request.path) or self._answers.of(request) or _NOT_FOUND


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, simulator: Simulator) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.simulator = simulator
        self.stopping = Event()
        self._open: set[socket.socket] = set()
        self._lock = Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """End the connections that clients keep, so that every thread ends too."""
        self.stopping.set()
        self.shutdown()
        with self._lock:
            for connection in self._open:
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        reply = self.server.simulator.reply(self._request())
        if isinstance(reply, Fault):
            self._fail(reply)
            return
        body = json.dumps(reply.payload, ensure_ascii=False, separators=(",", ":")).encode()
        kind = ("Content-Type", "application/json;charset=UTF-8")
        self.wfile.write(_head(reply.status, (kind,), len(body)) + body)

    def _request(self) -> Request:
        url = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(content) if content else None
        except ValueError:
            body = None
        return Request(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )

    def _fail(self, fault: Fault) -> None:
        if fault.hang_up:
            self.close_connection = True
            return
        head = _head(fault.status, fault.headers, len(fault.body))
        if not fault.byte_every_sec:
            self.wfile.write(head + fault.body)
            return
        self.wfile.write(head)
        for byte in fault.body:
            if self.server.stopping.wait(fault.byte_every_sec):
                return
            self.wfile.write(bytes([byte]))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's word
        """No line on stderr: `calls` has them."""


def _head(status: int, headers: tuple[tuple[str, str], ...], length: int) -> bytes:
    """The status line and the headers, to be sent together with the body."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Fault')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode("latin-1")
