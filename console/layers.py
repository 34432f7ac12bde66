"""The packages of a Lambda function as the beginning of its zip: locked, stripped, kept by content.

Lambda's python3.11 is Amazon Linux 2 with glibc 2.26: a wheel for a newer one installs here and
fails there, so the locks were made for it and no other wheel is taken.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from console import toolchain
from lakehouse.errors import ConfigurationError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable

# A fixed time, so that an archive depends on names and contents only.
WHEN = (2020, 1, 1, 0, 0, 0)
PYTHON = (3, 11)
_GLIBC_MINORS = range(5, 27)
_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
# Nobody runs these: tests, sources and headers of compiled parts, what pip notes about this very
# installation, and of Arrow its server and second names of libraries.
_LEFT_OUT = re.compile(
    r"(^|/)(__pycache__|tests?)/|\.(pyc|pyi|pyx|pxd|pxi|h|hpp|c|cc|cpp|a)$"
    r"|^bin/|\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$"
    r"|^pyarrow/(include|includes|src)/"
    r"|^pyarrow/(libarrow)?_(python_)?(flight|pyarrow_cpp_tests)\."
    r"|^pyarrow/lib\w+\.so(\.\d+\.\d+\.\d+)?$"
)


@dataclass(frozen=True)
class Target:
    """Which machine the packages are for; `here` is this interpreter, whatever it is."""

    architecture: str
    here: bool = False

    def __post_init__(self) -> None:
        """Refuse what Lambda has not."""
        if self.architecture not in _MACHINES:
            raise ConfigurationError(f"architecture {self.architecture!r}: x86_64 or arm64")

    def options(self) -> list[str]:
        """What pip is told."""
        if self.here:
            return []
        machine = _MACHINES[self.architecture]
        names = [f"manylinux_2_{minor}_{machine}" for minor in _GLIBC_MINORS]
        named = [f"--platform={name}" for name in [*names, f"manylinux2014_{machine}"]]
        return [*named, f"--python-version={PYTHON[0]}.{PYTHON[1]}", "--implementation=cp"]


def this_machine() -> Target:
    """What functions of the emulated place run on: Lambda's own packages wherever they can."""
    arm = platform.machine().lower() in ("arm64", "aarch64")
    same = sys.platform == "linux" and sys.version_info[:2] == PYTHON
    return Target("arm64" if arm else "x86_64", here=not same)


def layer(lock: Path, target: Target, say: Callable[[str], None]) -> Path:
    """The zip of a lock's packages for a target; made once for each content of the lock."""
    key = hashlib.sha256(lock.read_bytes())
    mine = [sys.platform, platform.machine(), str(sys.version_info[:2])] if target.here else []
    key.update("\0".join([_LEFT_OUT.pattern, *target.options(), *mine]).encode())
    found = toolchain.cache_folder() / "layers" / f"{key.hexdigest()}.zip"
    if not found.exists():
        say(f"packages of {lock.name} for {target.architecture}: fetched once")
        found.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            _install(lock, target, Path(scratch))
            partial = found.with_name(f".{found.name}.{os.getpid()}.part")
            pack(Path(scratch), partial)
            partial.replace(found)
    return found


def _install(lock: Path, target: Target, folder: Path) -> None:
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile"),
        *target.options(),
        *("--target", str(folder), "-r", str(lock)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        told = " ".join((done.stdout + done.stderr).split())[-400:]
        raise UpstreamError(f"{lock.name} could not be fetched: {told}", next_command="lake build")


def pack(folder: Path, archive: Path) -> None:
    """Everything of a folder that somebody runs, in the order of its name."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not _LEFT_OUT.search(name):
                add(packed, name, path.read_bytes())


def add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """One file, without the time and the owner it has here."""
    entry = zipfile.ZipInfo(name, WHEN)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
