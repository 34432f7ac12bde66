"""The emulator under many hands at once, and on a machine that loses an answer."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest

from console.emulator.faults import AFTER, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.emulator.server import Server

HANDS, EACH = 16, 25
TRUST = '{"Version": "2012-10-17", "Statement": []}'
EXISTS = 409


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads that give way to each other at every turn, as on a loaded machine."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def create(emulator: Server, name: str, invocation: str = "") -> tuple[int, str]:
    """One attempt of CreateRole, as Go's SDK sends it: status and body."""
    form = {"Action": "CreateRole", "Version": "2010-05-08", "RoleName": name}
    scope = f"LAKEOPERATOR/20260101/{emulator.region}/iam/aws4_request"
    request = Request(
        emulator.url,
        urlencode({**form, "AssumeRolePolicyDocument": TRUST}).encode(),
        {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=none"},
    )
    if invocation:
        request.add_header("Amz-Sdk-Invocation-Id", invocation)
    try:
        with urlopen(request) as reply:
            return reply.status, reply.read().decode()
    except HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


@pytest.mark.usefixtures("hasty")
def test_many_creations_at_once_all_succeed(emulator: Server) -> None:
    """What one call adds never makes another fail that reads at the same time."""
    together, run = Barrier(HANDS), uuid4().hex[:8]

    def work(hand: int) -> list[tuple[int, str]]:
        together.wait()
        return [create(emulator, f"{run}-{hand}-{n}") for n in range(EACH)]

    with ThreadPoolExecutor(HANDS) as hands:
        told = [one for done in hands.map(work, range(HANDS)) for one in done]
    assert [body for status, body in told if status != 200] == []
    assert len(told) == HANDS * EACH


def test_an_invocation_tried_again_gets_the_same_answer(emulator: Server) -> None:
    """An SDK that did not hear the answer and asks again is not told that the role exists."""
    name, invocation = f"again-{uuid4().hex[:8]}", str(uuid4())
    first = create(emulator, name, invocation)
    assert first[0] == 200
    assert create(emulator, name, invocation) == first


def test_another_invocation_is_refused(emulator: Server) -> None:
    """Only the very same invocation is answered again: others, and none, hear that it exists."""
    name, invocation = f"other-{uuid4().hex[:8]}", str(uuid4())
    assert create(emulator, name, invocation)[0] == 200
    assert create(emulator, name, str(uuid4()))[0] == EXISTS
    assert create(emulator, name)[0] == EXISTS


def test_the_same_number_with_another_body_is_another_call(emulator: Server) -> None:
    """An answer is not given to a question that was not asked."""
    invocation = str(uuid4())
    names = [f"body-{uuid4().hex[:8]}" for _ in range(2)]
    bodies = [create(emulator, name, invocation)[1] for name in names]
    assert all(name in body for name, body in zip(names, bodies, strict=True))


def test_an_answer_lost_by_a_fault_stays_lost(emulator: Server) -> None:
    """An injected loss after the effect is what a test wants to see: the second try conflicts."""
    name, invocation = f"lost-{uuid4().hex[:8]}", str(uuid4())
    emulator.faults.add(Fault("iam", "CreateRole", AFTER))
    assert create(emulator, name, invocation)[0] == 500
    assert create(emulator, name, invocation)[0] == EXISTS


def test_an_error_is_not_kept(emulator: Server) -> None:
    """A refused creation is tried anew: the cause may be gone."""
    name, invocation = f"error-{uuid4().hex[:8]}", str(uuid4())
    iam = emulator.client("iam")
    assert create(emulator, name)[0] == 200
    assert create(emulator, name, invocation)[0] == EXISTS
    iam.delete_role(RoleName=name)
    assert create(emulator, name, invocation)[0] == 200
