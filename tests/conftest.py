"""What all tests share: one Spark session, the recorded data, markers and order by folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from lakehouse import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

HERE = Path(__file__).parent
# Folders from fast to slow: a mistake shows where it is cheapest.
ORDER = (
    "unit", "judge", "terraform", "emulated", "athena", "spark", "recorded", "browser", "deployed",
    "chaos",
)  # fmt: skip
# Between workers what takes long begins early, or one of them ends alone.
_SHARED_ORDER = (
    "unit", "judge", "deployed", "spark", "recorded", "emulated", "chaos", "athena", "browser",
    "terraform",
)  # fmt: skip
_ENVIRONMENT = dict(os.environ)
_LAST: list[str] = []
_MARKERS = {
    "unit": "unit",
    "judge": "unit",
    "terraform": "terraform",
    "emulated": "emulated",
    "athena": "athena",
    "spark": "spark",
    "browser": "browser",
    "deployed": "deployed",
}

hypothesis.settings.register_profile(
    "lake",
    deadline=None,
    database=None,
    suppress_health_check=[
        hypothesis.HealthCheck.too_slow,
        hypothesis.HealthCheck.function_scoped_fixture,
    ],
)
hypothesis.settings.load_profile("lake")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Show why tests were skipped; let PySpark leave its one-shot sockets to the collector."""
    if "s" not in config.option.reportchars:
        config.option.reportchars += "s"
    config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")


def _kind(item: pytest.Item) -> str:
    if item.get_closest_marker("chaos"):
        return "chaos"
    return item.path.relative_to(HERE).parts[0]


# One Spark session takes longer than anything else here: there are two, of about equal length.
_FIRST_SPARK = ("test_audit", "test_gold", "test_publish")


class _Together(LoadScopeScheduling):  # type: ignore[misc]
    """Workers: what shares a Spark session, an emulator or recorded lakes stays with one.

    So each is made once, but Spark's session; plain tests go one by one to whoever is free.
    """

    def _split_scope(self, nodeid: str) -> str:
        folder, file = nodeid.split("::", maxsplit=1)[0].split("/")[1:3]
        if folder in ("unit", "judge"):
            return nodeid
        if folder == "spark":
            return f"spark {file.startswith(_FIRST_SPARK)}"
        return "chaos" if file == "test_chaos.py" else folder


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """How tests are shared out between workers."""
    return _Together(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test by its folder, and run fast folders first (random within, by plugin)."""
    order = _SHARED_ORDER if hasattr(config, "workerinput") else ORDER
    for item in items:
        kind = _kind(item)
        if kind in _MARKERS:
            item.add_marker(_MARKERS[kind])
        if "recorded" in getattr(item, "fixturenames", ()):
            item.add_marker("recorded")
    items.sort(key=lambda item: (order.index(_kind(item)), _turn(item)))


def _turn(item: pytest.Item) -> int:
    """When it runs in its folder: most at once, then the late ones, then the last."""
    return next((n for n, m in ((2, "last"), (1, "late")) if item.get_closest_marker(m)), 0)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """The environment of one folder's lakes is none of the next one's."""
    del nextitem
    if _LAST and _LAST[-1] != _kind(item):
        os.environ.clear()
        os.environ.update(_ENVIRONMENT)
    _LAST[:] = [_kind(item)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Under CI=true a test that was skipped is a test that failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and os.environ.get("CI") == "true" and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line("")
        reporter.write_line(f"CI=true: {len(skipped)} skipped tests fail the run", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of the recorded data, which lies beside the project and is never copied."""
    folder = HERE.parents[1] / "shared" / "data" / "emt_madrid_2025"
    if not folder.is_dir():
        pytest.skip("no recorded data: ../shared/data/emt_madrid_2025 is not there")
    return folder


@pytest.fixture(scope="session")
def catalog_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the one catalog that the session's Spark knows."""
    return tmp_path_factory.mktemp("lake")


@pytest.fixture(scope="session")
def spark(catalog_home: Path) -> Iterator[SparkSession]:
    """The one Spark session of all tests, of the local place and small."""
    from console import session  # noqa: PLC0415  a unit test starts no Java

    chosen = settings.load({}, home=str(catalog_home), spark_memory="2g")
    found = session.start(chosen, **{"spark.sql.shuffle.partitions": "2"})
    yield found
    found.stop()
