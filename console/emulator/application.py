"""The WSGI side: own pages, faults, stand-ins, then moto; every call is logged."""

from __future__ import annotations

import json
import threading
import traceback
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from console.emulator import principals
from console.emulator.answers import (
    NOT_IMPLEMENTED,
    Answer,
    AwsError,
    NotEmulatedError,
    failure,
    from_moto,
    success,
)
from console.emulator.calls import identify
from console.emulator.faults import BEFORE, Faults, fault
from console.emulator.named import named
from console.emulator.replays import Replays
from console.emulator.requestlog import RequestLog
from console.emulator.turns import Turns
from lakehouse.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from console.emulator.calls import Call

    Forward = Callable[[], Answer]
    Handler = Callable[[Call, Forward], Answer | dict[str, Any]]
    Operation = Callable[[dict[str, Any], Call], dict[str, Any]]
    Page = Callable[[str, dict[str, str], Any], Any]

PAGES = "/_lake"


class Application:
    """One callable for all services."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.requests = RequestLog()
        self._moto: Any = None
        self._making = threading.Lock()
        self._turns, self._replays = Turns(), Replays()
        self._handlers: dict[tuple[str, str], list[Handler]] = {}
        self._services: dict[str, dict[str, Operation]] = {}
        self._pages: dict[str, Page] = {"requests": self._requests, "faults": self._faults}

    def around(self, service: str, operation: str, handler: Handler) -> None:
        """The newest handler of a call is asked first, and forwards to the one before."""
        self._handlers.setdefault((service, operation), []).append(handler)

    def serve(self, service: str, operations: dict[str, Operation]) -> None:
        """Answer a whole service."""
        self._services[service] = operations

    def page(self, name: str, page: Page) -> None:
        """Answer an own page."""
        self._pages[name] = page

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI entry."""
        path = environ.get("PATH_INFO", "")
        if path == PAGES or path.startswith(f"{PAGES}/"):
            answer = self._own(path[len(PAGES) :].strip("/"), environ)
        else:
            answer = self._aws(environ)
        told = {name.lower() for name, _ in answer.headers}
        length = () if "content-length" in told else (("Content-Length", str(len(answer.body))),)
        start(f"{answer.status} {_phrase(answer.status)}", [*answer.headers, *length])
        return [answer.body]

    def _aws(self, environ: dict[str, Any]) -> Answer:
        call = identify(environ)
        # Both now: whoever answers may use the body up, and after the effect nothing may fail.
        about, who = named(call), principals.principal(call.access_key)
        struck = self.faults.strike(call)
        if struck is not None and struck.when == BEFORE:
            answer = failure(call, struck.error)
        elif struck is not None:
            self._answer(call)
            answer = failure(call, struck.error)
        else:
            answer = self._replays.answer(call, partial(self._answer, call))
        self.requests.record(call, who, answer.status, struck.when if struck else "", about)
        return answer

    def _answer(self, call: Call) -> Answer:
        try:
            return self._through(call, len(self._handlers.get((call.service, call.operation), ())))
        except AwsError as error:
            return failure(call, error)
        except NotImplementedError as error:
            what = f"{call.service} {call.operation} ({error})"
            return failure(call, NotEmulatedError(what))
        except Exception as error:  # noqa: BLE001  a defect here must not look like a hung service
            told = "".join(traceback.format_exception(error)[-3:])
            defect = AwsError("EmulatorDefect", told, NOT_IMPLEMENTED)
            return failure(call, from_moto(error) or defect)

    def _through(self, call: Call, depth: int) -> Answer:
        """The answer of the handlers below `depth`, then of the service, then of moto."""
        if depth:
            call.body()  # kept, so that a handler can still read it after forwarding
            handler = self._handlers[call.service, call.operation][depth - 1]
            answer = handler(call, partial(self._through, call, depth - 1))
            return answer if isinstance(answer, Answer) else success(call, answer)
        if call.service in self._services:
            operation = self._services[call.service].get(call.operation)
            if operation is None:
                raise NotEmulatedError(f"{call.service} {call.operation}")
            return success(call, operation(call.params(), call))
        with self._turns.of(call):
            return self._forward(call.environ)

    def _dispatcher(self) -> Any:
        """Moto's own application, made by the first call."""
        from moto.moto_server.werkzeug_app import (  # noqa: PLC0415
            DomainDispatcherApplication,
            create_backend_app,
        )

        with self._making:
            if self._moto is None:
                self._moto = DomainDispatcherApplication(create_backend_app)
            return self._moto

    def _forward(self, environ: dict[str, Any]) -> Answer:
        told: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], None]:
            told[:] = [int(status.split(" ", 1)[0]), tuple(headers)]
            return lambda _: None

        parts = self._dispatcher()(environ, start)
        try:
            body = b"".join(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
        return Answer(told[0], told[1], body)

    def _own(self, name: str, environ: dict[str, Any]) -> Answer:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        page = self._pages.get(name)
        try:
            if page is None:
                return _json({"error": f"no page {name!r}; there are {sorted(self._pages)}"}, 404)
            sent = json.loads(environ["wsgi.input"].read(length)) if length else None
            return _json(page(environ["REQUEST_METHOD"], query, sent))
        except LakeError as error:
            return _json({"error": str(error)}, 400)

    def _requests(self, method: str, query: dict[str, str], _body: Any) -> Any:
        if method == "DELETE":
            self.requests.clear()
        return self.requests.told(query)

    def _faults(self, method: str, _query: dict[str, str], body: Any) -> Any:
        if method == "DELETE":
            self.faults.clear()
        if method == "POST":
            self.faults.add(fault(body))
        return {"faults": self.faults.told()}


def _json(value: Any, status: int = 200) -> Answer:
    body = json.dumps(value).encode()
    return Answer(status, (("Content-Type", "application/json"),), body)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
