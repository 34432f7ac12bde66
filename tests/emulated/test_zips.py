"""The functions' zips as Lambda sees them: its runtime's packages, and what is in the zip."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from console import build, layers
from console.emulator import function_process
from console.package import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN = [f for f in build.FUNCTIONS if (PROJECT / f.handlers).exists()]
# What a handler imports when it is called.
_LATE = {"tables": ("console.tables", "console.questions.remote")}
_SCRIPT = """
import importlib, sys
sys.path[:0] = sys.argv[2:4]
found = importlib.import_module(sys.argv[1])
for name in sys.argv[4:]:
    importlib.import_module(name)
sys.stdout.write(found.__file__)
assert "pyspark" not in sys.modules
"""


@pytest.mark.parametrize("function", WRITTEN, ids=lambda function: function.name)
def test_a_zip_has_all_that_its_handlers_import(function: build.Function, tmp_path: Path) -> None:
    """Beside what AWS's runtime brings nothing else is needed: no venv, no Spark, no other room."""
    packed = build.pack(
        PROJECT, tmp_path / "code", function, layers.this_machine(), lambda _: None, {}
    )
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "zip")
    module = function.handlers.removesuffix(".py").replace("/", ".")
    runtime = function_process.runtime_packages(tmp_path / "runtime")
    words = [sys.executable, "-I", "-S", "-c", _SCRIPT, module, str(tmp_path / "zip"), str(runtime)]
    words += _LATE.get(function.name, ())
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == str(tmp_path / "zip" / function.handlers)
