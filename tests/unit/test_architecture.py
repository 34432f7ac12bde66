"""Rules of the whole tree: who imports whom, what ships, and that nothing goes undescribed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.pipeline import TABLES
from lakehouse import contract
from lakehouse.code import SHIPPED

if TYPE_CHECKING:
    from lakehouse.table import Table

PROJECT = Path(__file__).parents[2]
ROOMS = ("lakehouse", "jobs", "sql", "ingestion", "streaming", "notify", "console", "bench")
# Imports point one way; the console is the only one that sees all of it.
SEES = {
    "lakehouse": {"lakehouse", "sql"},
    "sql": set(),
    "jobs": {"jobs", "lakehouse"},
    "ingestion": {"ingestion", "lakehouse"},
    "streaming": {"streaming", "ingestion", "jobs", "lakehouse"},
    "notify": {"notify", "ingestion", "lakehouse"},
}
# The one reader of settings, of tools, and of secrets; a program's own environment elsewhere.
ENVIRONMENT = {
    "lakehouse/settings.py",
    "console/toolchain.py",
    "console/session.py",
    "ingestion/credentials.py",
    "streaming/producer.py",
}


def sources(*rooms: str) -> list[Path]:
    """The Python files of some rooms."""
    return sorted(p for room in rooms for p in (PROJECT / room).rglob("*.py"))


def name(path: Path) -> str:
    """The file as the project knows it."""
    return path.relative_to(PROJECT).as_posix()


def imported(path: Path) -> set[str]:
    """Packages a file imports, type checking included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".", maxsplit=1)[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".", maxsplit=1)[0])
    return found


@pytest.mark.parametrize("room", list(SEES))
def test_imports_point_one_way(room: str) -> None:
    """Jobs and ingestion see the lakehouse, the lakehouse nobody, and tests are seen by none."""
    for path in sources(room):
        others = imported(path) & {*ROOMS, "tests"} - SEES[room]
        assert not others, f"{name(path)} imports {sorted(others)}"


def test_what_ships_needs_pyspark_alone() -> None:
    """The zip runs where nothing but Python's own library and pyspark is installed."""
    allowed = {*sys.stdlib_module_names, *SHIPPED, "pyspark"}
    for path in sources(*SHIPPED):
        assert imported(path) <= allowed, f"{name(path)}: {sorted(imported(path) - allowed)}"


def test_the_transformation_starts_without_anything_installed() -> None:
    """Firehose waits for it: of ours it imports contracts only, and nothing of anybody else's."""
    script = (
        "import sys; before = set(sys.modules); import streaming.functions; "
        "found = {m.partition('.')[0] for m in set(sys.modules) - before}; "
        "assert 'ingestion' not in found and not [m for m in sys.modules if '.silver' in m]; "
        "others = found - sys.stdlib_module_names - {'streaming', 'jobs', 'lakehouse'}; "
        "assert not others, others"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_what_ships_is_python_3_9() -> None:
    """No newer syntax and no newer library call in what runs on EMR's Python."""
    for path in sources(*SHIPPED):
        ast.parse(path.read_text("utf-8"), feature_version=(3, 9))
    vermin = str(Path(sys.executable).with_name("vermin"))
    command = [vermin, "--no-tips", "--violations", "-t=3.9-"]
    done = subprocess.run(
        [*command, "--eval-annotations", *SHIPPED],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]


def test_what_ships_does_nothing_on_import() -> None:
    """The console's help and a test's collection start no Java and read no environment."""
    script = (
        "import os, sys; os.environ.clear(); import jobs.pipeline, lakehouse.run, console.session; "
        "from pyspark import SparkContext; assert SparkContext._gateway is None"
    )
    subprocess.run([sys.executable, "-c", script], cwd=PROJECT, check=True, capture_output=True)


def calls(path: Path) -> set[str]:
    """Names that a file calls or reads, dotted."""
    tree = ast.parse(path.read_text("utf-8"))
    dotted = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    plain = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and _named(n.func)}
    return dotted | plain


def _named(node: ast.expr) -> bool:
    return isinstance(node, ast.Name)


@pytest.mark.parametrize("room", [room for room in ROOMS if (PROJECT / room).is_dir()])
def test_no_room_prints(room: str) -> None:
    """Stdout is data and stderr is talk: both have one door, and it is not print."""
    assert [name(p) for p in sources(room) if "print" in calls(p)] == []


def test_the_environment_has_few_readers() -> None:
    """Settings come from one reader of the environment, so that a run can be told by them."""
    for path in sources("lakehouse", "jobs", "sql", "ingestion", "streaming"):
        if name(path) not in ENVIRONMENT:
            found = calls(path) & {"os.environ", "os.getenv", "os.environ.get"}
            assert not found, f"{name(path)} reads the environment"


def test_one_file_names_catalog_properties() -> None:
    """What a catalog is called and where it lies is told in one place."""
    for path in sources("lakehouse", "jobs"):
        if name(path) != "lakehouse/catalog.py":
            assert "spark.sql.catalog" not in path.read_text("utf-8"), name(path)


def test_one_file_merges() -> None:
    """MERGE stands in one file; jobs never write SQL that changes rows."""
    words = re.compile(r"\b(merge into|insert into|insert overwrite|delete from)\b", re.IGNORECASE)
    for path in sources("lakehouse", "jobs"):
        found = words.search(path.read_text("utf-8"))
        assert not found or name(path) == "lakehouse/merge.py", name(path)


def test_no_snapshot_isolation() -> None:
    """Isolation is serializable everywhere: no file turns it down."""
    for path in sources(*ROOMS):
        assert not re.search(r"isolation-level\W+snapshot\b", path.read_text("utf-8")), name(path)
    for table in TABLES:
        levels = {v for k, v in contract.properties(table).items() if k.endswith("isolation-level")}
        assert levels == {"serializable"}, table.full_name


def test_no_deprecated_shortcuts() -> None:
    """No Python row functions, and no dropDuplicates where a rule must say who stays."""
    for path in sources("lakehouse", "jobs"):
        words = set(re.findall(r"\w+", path.read_text("utf-8")))
        assert not words & {"dropDuplicates", "drop_duplicates", "udf", "pandas_udf"}, name(path)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.full_name)
def test_every_table_is_told_and_tested(table: Table) -> None:
    """A table has a sentence, an owner, a sentence for each column, and a test that names it."""
    assert table.doc.endswith(".")
    assert table.owner
    for column in table.all_columns:
        assert column.doc.endswith("."), f"{table.full_name}.{column.name}"
    tests = [p for folder in ("spark", "unit", "recorded") for p in sources(f"tests/{folder}")]
    module = table.name.upper() if table.database == "ops" else table.name
    naming = [p for p in tests if re.search(rf"\b{module}\b", p.read_text("utf-8"))]
    assert naming, f"no test names {table.full_name}"


def test_table_names_are_their_files() -> None:
    """A table has one name, alike in contract, file and SELECT."""
    for table in TABLES:
        if table.database != "ops":
            # Bronze has one database, and so no folder a subject.
            *subject, layer = table.database.rsplit("_", 1)
            path = PROJECT.joinpath("jobs", layer, *subject, f"{table.name}.py")
            assert path.is_file(), table.full_name
            assert layer != "gold" or (PROJECT / "sql" / "gold" / f"{table.name}.sql").is_file()


def test_every_select_says_its_question() -> None:
    """A SELECT opens with the question it answers and its grain, and never takes every column."""
    for path in sorted((PROJECT / "sql").rglob("*.sql")):
        text = path.read_text("utf-8")
        assert text.startswith("-- "), name(path)
        assert "?" in text.split("\nwith", 1)[0], name(path)


def test_every_test_says_its_rule() -> None:
    """Each test's docstring is one sentence: the rule it guards."""
    for path in sources("tests"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert ast.get_docstring(node), f"{name(path)}: {node.name}"


def test_nothing_names_a_machine() -> None:
    """No absolute path of somebody's machine stands in code, SQL or documents."""
    paths = [*sources(*ROOMS, "tests"), *PROJECT.glob("*.md"), *PROJECT.glob("*.toml")]
    for path in paths:
        found = re.search(r"[\"'\s(](/home/\w|/Users/\w)", path.read_text("utf-8"))
        assert not found or path == Path(__file__), (
            f"{name(path)}: {found.group(0) if found else ''}"
        )
