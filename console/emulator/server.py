"""The emulated AWS: one loopback server, moto underneath, a stand-in for each thing it lacks.

Its state is in memory and lives as long as the server: stopping it deletes the lake in it.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from dataclasses import dataclass, field
from importlib import import_module
from inspect import ismethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.emulator import principals
from console.emulator.application import Application
from console.emulator.clock import EmulatedClock
from lakehouse import log
from lakehouse.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from console.emulator.application import Handler, Operation, Page
    from console.emulator.faults import Faults
    from console.emulator.requestlog import RequestLog

HOST = "127.0.0.1"
_POLL_SECONDS = 0.05
ACCOUNT = "123456789012"
REGION = "us-east-1"
STATE = "in memory: it lives as long as this server"
# Each module has one `install(server)`; order matters only where one wraps another's call.
STAND_INS = (
    "glue", "functions", "emr", "steps", "s3", "sqs", "athena", "athena_catalog", "athena_queries",
    "kinesis", "lakeformation", "events", "pipes", "mappings", "schedules", "firehose",
)  # fmt: skip


def _scratch() -> Path:
    """A folder that goes with this process."""
    folder = Path(tempfile.mkdtemp(prefix="lake-emulator-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@dataclass
class Server:
    """A running emulator and what its stand-ins share."""

    port: int = 0
    stand_ins: tuple[str, ...] = STAND_INS
    folder: Path = field(default_factory=_scratch)
    region: str = REGION
    clock: EmulatedClock = field(default_factory=EmulatedClock, init=False)
    stopping: threading.Event = field(default_factory=threading.Event, init=False)
    _application: Application = field(default_factory=Application, init=False, repr=False)
    _undo: list[Callable[[], None]] = field(default_factory=list, init=False, repr=False)
    _clients: dict[tuple[str, str, str], Any] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _http: Any = field(default=None, init=False, repr=False)

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return f"http://{HOST}:{self.port}"

    @property
    def faults(self) -> Faults:
        """The fault layer."""
        return self._application.faults

    @property
    def requests(self) -> RequestLog:
        """The request log."""
        return self._application.requests

    def start(self) -> Self:
        """Listen, and install the stand-ins."""
        from moto.moto_server.werkzeug_app import MotoRequestHandler  # noqa: PLC0415
        from werkzeug.serving import make_server  # noqa: PLC0415

        spoken = {"log": lambda *_: None, "connection_dropped": _dropped}
        quiet = type("_Quiet", (MotoRequestHandler,), spoken)
        try:
            self._http = make_server(
                HOST, self.port, self._application, threaded=True, request_handler=quiet
            )
        except (OSError, SystemExit) as error:
            raise ConfigurationError(
                f"port {self.port} of {HOST} is taken", next_command="lake up --port 0"
            ) from error
        self.port = self._http.server_port
        self.page("", lambda _method, _query, _body: self._about())
        for name in self.stand_ins:
            import_module(f"console.emulator.{name}").install(self)
        self.spawn("http", self._http.serve_forever, _POLL_SECONDS)
        return self

    def stop(self) -> None:
        """Stop listening, give moto back as it was, and forget everything."""
        from moto.moto_api._internal.models import moto_api_backend  # noqa: PLC0415

        self.stopping.set()
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
        while self._undo:
            self._undo.pop()()
        moto_api_backend.reset()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def around(self, service: str, operation: str, handler: Handler) -> None:
        """Answer one call by `handler(call, forward)`; `forward()` is what answered it before."""
        self._application.around(service, operation, handler)

    def serve(self, service: str, operations: dict[str, Operation]) -> None:
        """Answer a whole service by functions of the call's parameters; others are refused."""
        self._application.serve(service, operations)

    def page(self, name: str, page: Page) -> None:
        """Answer `/_lake/<name>` by `page(method, query, body)`, in JSON."""
        self._application.page(name, page)

    def replace(self, owner: Any, name: str, value: Any) -> None:
        """Put `value` in the place of an attribute of moto's until the server stops."""
        old = getattr(owner, name)
        setattr(owner, name, _unbound(value) if isinstance(owner, type) else value)
        self._undo.append(lambda: setattr(owner, name, old))

    def at_stop(self, undo: Callable[[], None]) -> None:
        """Call `undo` when the server stops; the last one first."""
        self._undo.append(undo)

    def spawn(self, name: str, work: Callable[..., Any], *arguments: Any) -> threading.Thread:
        """Run `work` beside; it ends with the server at the latest if it heeds `stopping`."""

        def guarded() -> None:
            try:
                work(*arguments)
            except Exception as error:  # noqa: BLE001  nobody else would hear of it
                if not self.stopping.is_set():
                    log.warn("emulator_work_failed", work=name, error=repr(error))

        thread = threading.Thread(target=guarded, name=f"lake-{name}", daemon=True)
        thread.start()
        return thread

    def running(self, name: str) -> int:
        """How much of the work that was spawned by this name has not ended."""
        return sum(thread.name == f"lake-{name}" for thread in threading.enumerate())

    def client(self, service: str, *, role: str = "", region: str = "") -> Any:
        """An SDK client of this server, acting as `role` so that the request log tells who."""
        where = region or self.region
        with self._lock:
            made = self._clients.get((service, role, where))
            if made is None:
                made = self._clients[service, role, where] = self._client(service, role, where)
        return made

    def _client(self, service: str, role: str, region: str) -> Any:
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        who = self.credentials(role)
        return boto3.session.Session().client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=who["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=who["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=who.get("AWS_SESSION_TOKEN"),
            config=Config(retries={"total_max_attempts": 3, "mode": "standard"}),
        )

    def credentials(self, role: str = "") -> dict[str, str]:
        """Environment variables of a program that runs as `role` (nobody's, for none)."""
        return principals.credentials(role, self.region)

    def environment(self, role: str = "", region: str = "") -> dict[str, str]:
        """What a program started here needs to find this server, and to be `role` there."""
        where = region or self.region
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": where,
            "AWS_DEFAULT_REGION": where,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.credentials(role),
        }

    def _about(self) -> dict[str, Any]:
        return {"url": self.url, "state": STATE, "stand_ins": list(self.stand_ins)}


def _dropped(handler: Any, error: BaseException, _environ: Any = None) -> None:
    """Say whose answer was lost: the client went, or was cut off, before it had all of it."""
    log.warn("emulator_connection_lost", path=getattr(handler, "path", ""), error=repr(error))


def _unbound(value: Any) -> Any:
    """A bound method as a function, so that as a class's attribute it is given the instance."""
    if not ismethod(value):
        return value

    def function(*given: Any, **named: Any) -> Any:
        return value(*given, **named)

    return function
