"""Tags, rollback, lease and evidence on Glue and S3: the same rules as in a folder.

AWS Glue API: UpdateTable (VersionId). AWS STS: GetCallerIdentity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from console.audit import refs, rollback, setback
from console.audit.commits import Committer, swap_property
from console.audit.evidence import Evidence, Question
from console.audit.leases import held
from console.audit.verify import verify
from console.reading import Moment
from lakehouse import settings
from lakehouse.errors import BusyError
from tests.kept_lake import ARRIVALS, HOURS, STOPS, KeptLake, filled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from console.emulator.server import Server


@pytest.fixture(scope="module")
def kept(emulator: Server) -> Iterator[KeptLake]:
    """A small lake in a bucket and databases of its own; no test minds what another one leaves."""
    name = f"kept-{uuid4().hex[:12]}"
    emulator.client("s3").create_bucket(Bucket=name)
    with pytest.MonkeyPatch.context() as patch:
        for variable, text in emulator.credentials().items():
            patch.setenv(variable, text)
        yield filled(
            settings.load(
                {}, place="emulated", home=f"s3://{name}", prefix=name.replace("-", "_"),
                endpoint=emulator.url, region=emulator.region, lease_wait_sec=0,
            )
        )  # fmt: skip


def test_a_lake_in_a_bucket_is_kept_and_proven(kept: KeptLake, tmp_path: Path) -> None:
    """All tables tagged, gold set back as a pair with who did it, and a bundle that verifies."""
    pair = {name: kept.head(name) for name in (ARRIVALS, HOURS)}
    reader = kept.reader()
    refs.put(kept.settings, refs.kept(refs.of_all(reader, "year", Moment()), "90d"))
    assert {row["table"] for row in refs.listed(kept.reader(), "tag", reader.tables())} == {
        *reader.tables()
    }
    kept.gold([{"source_uri": "made-up", "source_row": 1}])
    planned = rollback.plan(kept.reader(), ARRIVALS, Moment(ref="year"))
    receipt = setback.Receipt.of(planned, setback.who(kept.settings), "to try")
    assert "arn:aws" in receipt.by
    with held(kept.settings, planned.group.name, lambda _: None) as still_held:
        setback.execute(kept.settings, planned, receipt, still_held)
    assert {name: kept.head(name) for name in pair} == pair
    question = Question((STOPS, ARRIVALS), "year", "run_id is not null", with_data=True)
    made = Evidence(kept.reader(), kept.root, question, Moment(ref="year"))
    made.write(tmp_path / "bundle")
    found = verify(tmp_path / "bundle")
    assert (found.findings, found.checked["rows"]) == ([], 5)


def test_a_tag_that_was_overtaken_is_made_all_the_same(kept: KeptLake) -> None:
    """A whole append between the tag's check and its commit: both are there."""
    ref = refs.of_one(kept.reader(), "tag", STOPS, "raced", Moment())
    committer = Committer(kept.settings)
    events = committer._catalog.glue.meta.events  # type: ignore[attr-defined]
    heads = []

    def overtake(**_: Any) -> None:
        events.unregister("before-call.glue.UpdateTable", overtake)
        heads.append(kept.append(STOPS, [{"stop_id": "quick"}]))

    events.register("before-call.glue.UpdateTable", overtake)
    committer.commit(STOPS, ref.done, ref.make)
    assert [kept.head(STOPS)] == heads
    assert kept.reader().history(STOPS).refs["raced"] == ref.snapshot_id


def test_the_lease_is_one_with_the_runs(kept: KeptLake) -> None:
    """Held once, it is refused to another, who is told by whom; then it is free."""
    with (
        held(kept.settings, "gold.emt", lambda _: None),
        pytest.raises(BusyError, match="process"),
        held(kept.settings, "gold.emt", lambda _: None),
    ):
        pytest.fail("two hold it")
    with held(kept.settings, "gold.emt", lambda _: None) as still_held:
        still_held()


def test_a_property_is_swapped_once(kept: KeptLake) -> None:
    """Of two who saw the same one succeeds, also when the other came between check and commit."""
    slow = Committer(kept.settings)
    events = slow._catalog.glue.meta.events  # type: ignore[attr-defined]

    def overtake(**_: Any) -> None:
        events.unregister("before-call.glue.UpdateTable", overtake)
        assert swap_property(Committer(kept.settings).fresh("ops.run"), "x", None, "quick")

    events.register("before-call.glue.UpdateTable", overtake)
    assert not swap_property(slow.fresh("ops.run"), "x", None, "slow")
    assert Committer(kept.settings).fresh("ops.run").properties["x"] == "quick"
    assert swap_property(slow.fresh("ops.run"), "x", "quick", None)
    assert "x" not in Committer(kept.settings).fresh("ops.run").properties
