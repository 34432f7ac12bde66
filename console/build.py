"""`lake build`: all that is uploaded to AWS, in content-addressed files, told to Terraform.

The same code gives the same bytes; what differs between machines is only the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console import contracts, layers, package
from console.package import PROJECT
from lakehouse import catalog
from lakehouse.errors import ConfigurationError
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from console.layers import Target

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_FUNCTION = 250 * 1024 * 1024
_DESCRIPTION = "artifacts.json"
_CONTRACTS = "console/contracts.json"


@dataclass(frozen=True)
class Function:
    """A Lambda zip: the module of its handlers, and whose code is in it."""

    name: str
    handlers: str
    sources: tuple[str, ...]


FUNCTIONS = (
    Function("ingestion", "ingestion/functions.py", ("ingestion", "lakehouse")),
    Function(
        "tables",
        "console/functions.py",
        (
            "lakehouse",
            "console/__init__.py",
            "console/athena.py",
            "console/contracts.py",
            "console/functions.py",
            "console/questions/__init__.py",
            "console/questions/files.py",
            "console/questions/remote.py",
            "console/reading.py",
            "console/tables.py",
            "sql/__init__.py",
            "sql/athena",
        ),
    ),
    Function(
        "streaming",
        "streaming/functions.py",
        # Of the jobs only the stream's contract, which needs no Spark.
        ("streaming", "ingestion", "lakehouse", "jobs/__init__.py", "jobs/bronze"),
    ),
    Function("notify", "notify/functions.py", ("notify", "ingestion", "lakehouse")),
)


@dataclass(frozen=True)
class Built:
    """What was built: each part's file, and what Terraform must know of the code in them."""

    parts: dict[str, Path]
    target: Target
    contracts_digest: str

    def variables(self, seen_from: Path | None = None) -> dict[str, Any]:
        """Terraform's variables; paths as seen from its folder, or absolute."""

        def shown(path: Path) -> str:
            return os.path.relpath(path, seen_from) if seen_from else str(path)

        return {
            "artifacts": {
                part: {"path": shown(path), "sha256": _sha256(path)}
                for part, path in self.parts.items()
            },
            "contracts_digest": self.contracts_digest,
            "function_architecture": self.target.architecture,
            "governed_tables": governed_tables(),
            "spark_conf": spark_conf(),
        }


def spark_conf() -> dict[str, str]:
    """Spark's settings for the lake in a bucket; Terraform puts the bucket's name in."""
    return catalog.spark_conf(Settings(place="aws", home="s3://${lake}"))


def governed_tables() -> dict[str, dict[str, Any]]:
    """What Terraform grants by, for each silver and gold table: see `terraform/grants.tf`.

    `hidden` are the columns marked sensitive; `line` and `city` name the column that tells whose
    row it is, empty where none does.
    """
    from jobs.pipeline import TABLES  # noqa: PLC0415  imports pyspark

    return {
        table.full_name: {
            "hidden": sorted(c.name for c in table.all_columns if c.sensitive),
            "line": next((n for n in ("label", "line") if n in table.names), ""),
            "city": next((n for n in ("location", "city") if n in table.names), ""),
        }
        for table in TABLES
        if table.database.endswith(("_silver", "_gold"))
    }


def build(
    folder: Path, target: Target, say: Callable[[str], None], project: Path = PROJECT
) -> Built:
    """Build everything into `<folder>/code` and describe it in `<folder>/artifacts.json`.

    Raises ConfigurationError for code that is not there, or a zip that Lambda would refuse.
    """
    from jobs.pipeline import TABLES  # noqa: PLC0415  imports pyspark

    for function in FUNCTIONS:
        _check(project, function)
    code = folder / "code"
    jobs, entry = package.build(code)
    parts = {"jobs": jobs, "entry": _kept(code, "main.py", entry.read_bytes())}
    for function in FUNCTIONS:
        data = {_CONTRACTS: contracts.as_json(TABLES)} if function.name == "tables" else {}
        parts[function.name] = pack(project, code, function, target, say, data)
    built = Built(parts, target, contracts.digest(TABLES))
    _describe(folder, built, project)
    return built


def _check(project: Path, function: Function) -> None:
    missing = [s for s in (*function.sources, function.handlers) if not (project / s).exists()]
    if missing:
        raise ConfigurationError(
            f"the zip {function.name} needs {', '.join(missing)}, which is not in {project}",
            next_command="git status",
        )


def pack(
    project: Path,
    code: Path,
    function: Function,
    target: Target,
    say: Callable[[str], None],
    data: dict[str, str],
) -> Path:
    """One function's zip: its packages' zip, copied because packing takes long, then its code."""
    code.mkdir(parents=True, exist_ok=True)
    scratch = code / f".{function.name}.{os.getpid()}.part"
    scratch.unlink(missing_ok=True)
    lock = project / "requirements" / f"function-{function.name}.txt"
    if lock.exists():
        shutil.copyfile(layers.layer(lock, target, say), scratch)
    with zipfile.ZipFile(scratch, "a", zipfile.ZIP_DEFLATED) as archive:
        for path in (p for source in function.sources for p in package.code(project, source)):
            layers.add(archive, path.relative_to(project).as_posix(), path.read_bytes())
        for name, text in data.items():
            layers.add(archive, name, text.encode())
        size = sum(entry.file_size for entry in archive.infolist())
    if size > LARGEST_FUNCTION:
        scratch.unlink()
        raise ConfigurationError(
            f"the zip {function.name} unpacks to {size:,} bytes; Lambda takes {LARGEST_FUNCTION:,}"
        )
    return _placed(code, f"{function.name}.zip", scratch)


def _kept(code: Path, name: str, content: bytes) -> Path:
    scratch = code / f".{name}.{os.getpid()}.part"
    scratch.write_bytes(content)
    return _placed(code, name, scratch)


def _placed(code: Path, name: str, scratch: Path) -> Path:
    """The file where its own content says it belongs."""
    target = code / _sha256(scratch) / name
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch.replace(target)
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _describe(folder: Path, built: Built, project: Path) -> None:
    """Write the description; what neither it nor the one before names is removed."""
    file = folder / _DESCRIPTION
    before = json.loads(file.read_text("utf-8"))["artifacts"].values() if file.exists() else ()
    told = built.variables(project / "terraform")
    file.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    named = {made["sha256"] for made in (*before, *told["artifacts"].values())}
    for old in (folder / "code").iterdir():
        if old.name not in named and old.is_dir():
            shutil.rmtree(old)
