"""One emulator for all tests of a session, and clients of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from console.emulator.server import Server
from lakehouse import settings
from tests.emulated.events_server import Aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakehouse.settings import Settings

    Client = Callable[..., Any]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The running emulator, with every stand-in."""
    with Server(folder=tmp_path_factory.mktemp("emulator")) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_faults_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A fault that one test sets never strikes another."""
    yield
    if "emulator" in request.fixturenames:
        request.getfixturevalue("emulator").faults.clear()


@pytest.fixture
def client(emulator: Server) -> Client:
    """`client("s3", role=…)`: an SDK client of the emulator."""
    return emulator.client


@pytest.fixture
def role(client: Client) -> str:
    """The ARN of a fresh role."""
    name = f"test-{uuid4().hex[:12]}"
    trust = '{"Version": "2012-10-17", "Statement": []}'
    made = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    return str(made["Role"]["Arn"])


@pytest.fixture(scope="session")
def aws(emulator: Server) -> Aws:
    """Short ways to make what tests need, and functions that are Python functions."""
    made = Aws(emulator)
    emulator.around("lambda", "Invoke", made.invoke)
    return made


@pytest.fixture
def bucket(client: Client) -> str:
    """A fresh bucket."""
    name = f"test-{uuid4().hex[:12]}"
    client("s3").create_bucket(Bucket=name)
    return name


_QUICK_SUBMIT = '''#!{python}
"""A spark-submit without Spark: it runs the entry point with the zips on its path."""
import os, sys
words, options = sys.argv[1:], {{}}
while words[0].startswith("--"):
    options[words[0]] = words[1]
    words = words[2:]
os.environ["PYTHONPATH"] = options.get("--py-files", "").replace(",", os.pathsep)
os.execv(sys.executable, [sys.executable, *words])
'''


@pytest.fixture(scope="session")
def quick_submit(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A program in the place of spark-submit, for tests of everything around it."""
    script = tmp_path_factory.mktemp("bin") / "spark-submit"
    script.write_text(_QUICK_SUBMIT.format(python=sys.executable))
    script.chmod(0o755)
    return str(script)


@pytest.fixture
def lake(emulator: Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a lake in a fresh bucket, and credentials for it in the environment."""
    for name, text in emulator.credentials().items():
        monkeypatch.setenv(name, text)
    return settings.load(
        {}, place="emulated", home=f"s3://{bucket}", endpoint=emulator.url, region=emulator.region
    )
