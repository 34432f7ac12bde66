"""The jars' lock: what its lines mean, and what is asked of the registry."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

from console import toolchain

_LINE = re.compile(r"[\w.-]+:[\w.-]+:[\w.-]+(:[\w.-]+)? [0-9a-f]{64}( [\w,-]+)?")


def test_every_line_names_one_jar_and_its_hash() -> None:
    """A line is coordinates, a SHA-256 and the places that need it."""
    lines = (Path(toolchain.__file__).parents[1] / "jars.lock").read_text().splitlines()
    told = [line for line in lines if not line.startswith("#")]
    assert [line for line in told if not _LINE.fullmatch(line)] == []
    assert len(told) == len(toolchain.locked_jars())


def test_no_two_jars_share_a_file() -> None:
    """Jars of all places lie in one folder, so that a file's name means one jar."""
    names = Counter(jar.file_name for jar in toolchain.locked_jars())
    assert [name for name, count in names.items() if count > 1] == []


def test_the_local_place_needs_no_trino() -> None:
    """`make setup` and `make demo` fetch Spark's jars alone; the engine has all of its own."""
    by_place = Counter(place for jar in toolchain.locked_jars() for place in jar.places)
    assert by_place["local"] == 2
    assert by_place["trino"] > 100
    assert by_place["trino-plugin"] > 100


def test_a_jar_of_spark_is_never_the_engines() -> None:
    """Both bring an SDK of AWS: a job gets the version that is locked for Spark."""
    assert toolchain.jar("aws-java-sdk-core").name == "aws-java-sdk-core-1.12.262.jar"


def test_the_registry_is_asked_for_exactly_the_locked() -> None:
    """Nothing that a jar depends on comes along, and a classifier is part of what is asked."""
    wanted = [jar for jar in toolchain.locked_jars() if jar.artifact in ("orc-core", "guice")]
    module = ET.fromstring(toolchain._module(wanted))  # noqa: S314  our own text
    asked = module.findall("dependencies/dependency")
    assert {found.get("transitive") for found in asked} == {"false"}
    assert [found.get("name") for found in asked] == [jar.artifact for jar in wanted]
    classifiers = {part.get("{http://ant.apache.org/ivy/maven}classifier")
                   for found in asked for part in found}  # fmt: skip
    assert classifiers == {"nohive", None}
    kept = module.find("conflicts/manager")
    assert kept is not None
    assert kept.get("name") == "all"  # Spark's and the engine's SDK differ by version alone
