"""The simulator over HTTP, on a free port of this machine."""

from __future__ import annotations

import json
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from console.simulator.answers import Answers
from console.simulator.faults import Fault, Faults
from ingestion.clock import SystemClock

if TYPE_CHECKING:
    from types import TracebackType

    from console.simulator.network import Network
    from ingestion.clock import Clock

_HEAD_SEC = 10
_DRIP_SEC = 0.02
_CLOSING_SEC = 0.02
_PAGE = b"<!DOCTYPE html><html><body><h1>Servicio en mantenimiento</h1></body></html>"


@dataclass(frozen=True)
class Call:
    """One call that was made: neither headers nor query, which hold secrets."""

    method: str
    path: str


class Simulator:
    """The APIs of a made-up city, while the context is open.

    `password` and `key`, if given, are the only ones it accepts; `daily_calls` is EMT's quota.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        clock: Clock | None = None,
        password: str = "",
        key: str = "",
        token_sec: int = 86_399,
        daily_calls: int = 20_000,
    ) -> None:
        self.clock = clock or SystemClock()
        self.calls: list[Call] = []
        self._answers = Answers(
            seed, self.clock,
            password=password, key=key, token_sec=token_sec, daily_calls=daily_calls,
        )  # fmt: skip
        self._faults = Faults()
        self._server = _Server(self)

    def __enter__(self) -> Simulator:  # noqa: PYI034 - typing has Self from 3.11 on
        """Start to answer."""
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self._server.stop()

    @property
    def network(self) -> Network:
        """The city's stops and lines."""
        return self._answers.network

    @property
    def emt_url(self) -> str:
        """The base URL of EMT MobilityLabs."""
        return self._server.url

    @property
    def weatherapi_url(self) -> str:
        """The base URL of WeatherAPI; the paths tell the two apart."""
        return self._server.url

    @property
    def openweather_url(self) -> str:
        """The base URL of OpenWeather."""
        return self._server.url

    def fail_next(
        self, kind: str, *, times: int = 1, path: str = "", retry_after: str = ""
    ) -> None:
        """Let the next calls fail, those whose path holds `path`. Kinds: `faults.KINDS`."""
        self._faults.add(Fault(kind, times, path, retry_after))

    def reply(self, call: _Handler) -> tuple[int, Any, Fault | None]:
        """Status, body and fault of a call."""
        parts = urlsplit(call.path)
        self.calls.append(Call(call.command, parts.path))
        fault = self._faults.take(parts.path)
        played = fault.answer(parts.path) if fault else None
        if fault and fault.kind == "expired_token":
            self._answers.expire_tokens()
        if played:
            return (*played, fault)
        query = dict(parse_qsl(parts.query))
        return (*self._answers.answer(call.command, parts.path, query, call.words), fault)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, simulator: Simulator) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.simulator = simulator
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(
            target=self.serve_forever, args=(_CLOSING_SEC,), daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.closing.set()
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the server."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Nagle's algorithm would hold each reply back for 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = _HEAD_SEC
    server: _Server

    @property
    def words(self) -> dict[str, str]:
        """The headers."""
        return dict(self.headers.items())

    def do_GET(self) -> None:
        """Answer."""
        self._answer()

    def do_POST(self) -> None:
        """Answer; the body decides nothing here."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Stay silent: a request line can hold a key."""

    def _answer(self) -> None:
        status, payload, fault = self.server.simulator.reply(self)
        content = json.dumps(payload, ensure_ascii=False).encode()
        kind = fault.kind if fault else ""
        if kind == "reset":
            self.close_connection = True
        elif kind == "throttled" and fault:
            self._send(429, b"{}", {"Retry-After": fault.retry_after} if fault.retry_after else {})
        elif kind == "unavailable":
            self._send(503, b"{}")
        elif kind == "html":
            self._send(200, _PAGE, {"Content-Type": "text/html"})
        elif kind == "broken":
            self._send(200, content[: len(content) // 2])
        elif kind in {"drip", "drip_headers"}:
            self._drip(content, from_head=kind == "drip_headers")
        else:
            self._send(status, content)

    def _send(self, status: int, content: bytes, more: dict[str, str] | None = None) -> None:
        words = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        head = "".join(f"{key}: {value}\r\n" for key, value in {**words, **(more or {})}.items())
        self.wfile.write(f"HTTP/1.1 {status} {_REASON}\r\n{head}\r\n".encode() + content)
        self.wfile.flush()

    def _drip(self, content: bytes, *, from_head: bool) -> None:
        """A byte at a time, until the client goes or the server stops."""
        head = f"HTTP/1.1 200 {_REASON}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        slow = head + content if from_head else content
        self.close_connection = True
        with suppress(OSError):
            self.wfile.write(b"" if from_head else head)
            for byte in slow:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if self.server.closing.wait(_DRIP_SEC):
                    return


_REASON = "Simulated"
