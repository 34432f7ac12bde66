"""The session's emulator and its Athena, and tables to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from console import athena
from tests.emulated.conftest import _no_faults_left, bucket, client, emulator, lake, role

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.server import Server
    from lakehouse.settings import Settings

    Ask = Callable[..., athena.Answer]

__all__ = ["_no_faults_left", "bucket", "client", "emulator", "lake", "role"]


@pytest.fixture
def ask(lake: Settings) -> Ask:
    """`ask(sql, database=…, parameters=…)`: the answer of the emulated Athena.

    The engine starts with the session's first question and ends with the emulator.
    """

    def asked(sql: str, **more: object) -> athena.Answer:
        named: dict[str, object] = {"output": f"{lake.home}/athena/", **more}
        return athena.run(lake, sql, **named)  # type: ignore[arg-type]

    return asked


@pytest.fixture
def database(emulator: Server, bucket: str) -> str:
    """A fresh database in Glue; its tables lie in the fresh bucket."""
    name = f"db_{uuid4().hex[:12]}"
    told = {"Name": name, "LocationUri": f"s3://{bucket}/{name}"}
    emulator.client("glue").create_database(DatabaseInput=told)
    return name
