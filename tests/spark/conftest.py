"""A lake for each test: tables of its own in the session's catalog, files in a folder of its own.

The catalog's place is fixed when Spark starts, so a lake has a prefix for its tables there, and a
home of its own for bronze files and leases: the shipped code asks the catalog for nothing else.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.spark.lakes import Lake

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import SparkSession

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def new_lake(
    spark: SparkSession, catalog_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Lake]:
    """Make an empty lake without tables."""

    def make() -> Lake:
        return Lake(spark, catalog_home, tmp_path_factory.mktemp("home"), f"t{next(_NUMBERS)}")

    return make


@pytest.fixture
def lake(new_lake: Callable[[], Lake]) -> Lake:
    """An empty lake without tables, of one test alone."""
    return new_lake()
