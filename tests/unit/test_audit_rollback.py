"""Rollback: the plan says what it undoes, pairs stay pairs, and a receipt stays."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from typer.testing import CliRunner

from console.audit import refs, rollback, setback
from console.audit.commits import Committer
from console.audit.leases import held
from console.main import app
from console.reading import Moment
from lakehouse import lease, settings
from lakehouse.errors import BusyError, ConflictError, LakeError, UsageError
from tests.kept_lake import ARRIVALS, HOURS, STOPS, KeptLake, filled


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> KeptLake:
    """A lake that each test finds as it was made."""
    home = str(tmp_path_factory.mktemp("lake"))
    return filled(settings.load({}, home=home, lease_wait_sec=0)).save()


@pytest.fixture
def lake(made: KeptLake) -> KeptLake:
    """The lake."""
    return made.restore()


def to(snapshot_id: int) -> Moment:
    """That snapshot."""
    return Moment(snapshot_id=snapshot_id)


def plan(lake: KeptLake, table: str, moment: Moment) -> rollback.Plan:
    """The plan, by a fresh reader."""
    return rollback.plan(lake.reader(), table, moment)


def set_back(lake: KeptLake, planned: rollback.Plan, why: str = "wrong") -> setback.Receipt:
    """Do it."""
    receipt = setback.Receipt.of(planned, "ann@desk", why)
    setback.execute(lake.settings, planned, receipt, lambda: None)
    return receipt


def parents(lake: KeptLake, table: str) -> list[int]:
    """Main's lineage, newest first."""
    return [s.id for s in lake.reader().history(table).lineage()]


def test_the_plan_says_what_is_undone(lake: KeptLake) -> None:
    """Rows, snapshots, runs, and the files that are pending again; nothing is touched."""
    before = lake.reader().table(STOPS).metadata_location
    _, first, _ = parents(lake, STOPS)
    (move,) = plan(lake, STOPS, to(first)).moves
    assert (move.rows_now, move.rows_then, len(move.undone)) == (4, 2, 1)
    assert move.runs == [lake.reader().history(STOPS).newest_receipt()[1]["run"]]  # type: ignore[index]
    assert [file.split("/")[:3] for file in move.pending] == [["bronze", "emt", "stops"]]
    assert lake.reader().table(STOPS).metadata_location == before


def test_the_receipt_says_who_why_and_when(lake: KeptLake) -> None:
    """In the table, by the same commit, and in the index of runs; its rows are as they were."""
    head, first, _ = parents(lake, STOPS)
    receipt = set_back(lake, plan(lake, STOPS, to(first)), "a bad file")
    assert len(lake.rows(STOPS)) == 2
    (said,) = setback.receipts(lake.reader(), [STOPS])
    assert (said["by"], said["why"], said["from"], said["to"]) == (
        "ann@desk", "a bad file", head, first
    )  # fmt: skip
    (row,) = [r for r in lake.rows("ops.run") if r["status"] == "rollback"]
    assert (row["run_id"], row["table_name"], row["snapshot_id"]) == (receipt.run_id, STOPS, first)
    assert "ann@desk: a bad file" in row["reason"]


def test_what_was_known_between_is_still_told(lake: KeptLake) -> None:
    """A time before the rollback reads what was current then."""
    head, first, _ = parents(lake, STOPS)
    set_back(lake, plan(lake, STOPS, to(first)))
    log = lake.reader().history(STOPS).log
    assert [snapshot_id for _, snapshot_id in log[-2:]] == [head, first]


def test_a_rollback_can_be_undone(lake: KeptLake) -> None:
    """Main goes forth again to where it once was; the plan says what comes back."""
    head, first, _ = parents(lake, STOPS)
    set_back(lake, plan(lake, STOPS, to(first)))
    planned = plan(lake, STOPS, to(head))
    assert [s.id for s in planned.moves[0].redone] == [head]
    set_back(lake, planned)
    assert (lake.head(STOPS), len(lake.rows(STOPS))) == (head, 4)
    assert plan(lake, STOPS, to(head)).is_empty


@pytest.mark.parametrize("asked", [ARRIVALS, HOURS])
def test_gold_goes_back_as_a_pair(lake: KeptLake, asked: str) -> None:
    """Whichever table is named, both go to the snapshots of one run, the record last."""
    pair = {name: lake.head(name) for name in (ARRIVALS, HOURS)}
    for _ in range(2):
        lake.gold([{"source_uri": "made-up", "source_row": 1}])
    planned = plan(lake, asked, to(pair[asked]))
    assert {move.table: move.target for move in planned.moves} == pair
    assert planned.moves[-1].table == HOURS
    set_back(lake, planned)
    assert {name: lake.head(name) for name in pair} == pair
    assert lake.reader().snapshot(ARRIVALS, Moment()) == pair[ARRIVALS]


def test_gold_goes_back_to_before_its_first_run(lake: KeptLake) -> None:
    """Before the first publish there is no pair: both are empty."""
    genesis = parents(lake, HOURS)[-1]
    set_back(lake, plan(lake, HOURS, to(genesis)))
    assert lake.rows(ARRIVALS) == lake.rows(HOURS) == []


def test_half_a_pair_is_refused(lake: KeptLake) -> None:
    """A snapshot that no publish names goes nowhere; the command that does both is told."""
    lone = lake.append(ARRIVALS, [{"id": "lone"}], {"run": "b"})
    lake.gold([{"source_uri": "made-up", "source_row": 1}])
    with pytest.raises(UsageError, match="not what a run published") as refused:
        plan(lake, ARRIVALS, to(lone))
    assert f"lake rollback {HOURS} --to" in refused.value.next_command


def test_what_never_was_main_is_refused(lake: KeptLake) -> None:
    """A branch of a run is published by its run, never by a rollback."""
    opened = Committer(lake.settings).fresh(STOPS)
    opened.manage_snapshots().create_branch(lake.head(STOPS), "failed_x").commit()
    opened.append(opened.scan().to_arrow(), branch="failed_x")
    head = lake.reader().history(STOPS).refs["failed_x"]
    with pytest.raises(UsageError, match="never was main"):
        plan(lake, STOPS, to(head))


@pytest.mark.parametrize("table", ["ops.run", "bronze.weatherapi_current"])
def test_tables_that_no_job_makes_are_refused(lake: KeptLake, table: str) -> None:
    """The index and what streams deliver stand nowhere else."""
    with pytest.raises(UsageError, match="no job makes"):
        plan(lake, table, to(lake.head(table)))


def test_a_commit_since_the_plan_stops_it(lake: KeptLake) -> None:
    """What was not shown is not undone, and no table of a group goes alone."""
    target = lake.head(HOURS)
    lake.gold([{"source_uri": "made-up", "source_row": 1}])
    planned = plan(lake, HOURS, to(target))
    heads = {ARRIVALS: lake.head(ARRIVALS), HOURS: lake.append(HOURS, [{"label": "late"}])}
    with pytest.raises(ConflictError, match="main moved"):
        set_back(lake, planned)
    assert {name: lake.head(name) for name in heads} == heads


def test_a_commit_in_the_last_moment_stops_it(lake: KeptLake) -> None:
    """Also one that comes after the plan was checked."""
    planned = plan(lake, STOPS, to(parents(lake, STOPS)[1]))
    heads: list[int] = []

    def write() -> None:
        heads.append(lake.append(STOPS, [{"stop_id": "late"}]))

    receipt = setback.Receipt.of(planned, "a", "b")
    with pytest.raises(ConflictError, match="main moved"):
        setback.execute(lake.settings, planned, receipt, write)
    assert [lake.head(STOPS)] == heads


def test_a_killed_rollback_is_finished_by_the_same_command(lake: KeptLake) -> None:
    """Killed between two tables, readers have the old pair, and the same again does the rest."""
    target = {name: lake.head(name) for name in (ARRIVALS, HOURS)}
    lake.gold([{"source_uri": "made-up", "source_row": 1}])
    newest = lake.head(ARRIVALS)
    checks = iter([None, KeyboardInterrupt])

    def killed() -> None:
        stop = next(checks)
        if stop:
            raise stop

    planned = plan(lake, HOURS, to(target[HOURS]))
    with pytest.raises(KeyboardInterrupt):
        setback.execute(lake.settings, planned, setback.Receipt.of(planned, "a", "b"), killed)
    assert lake.head(ARRIVALS) == target[ARRIVALS]
    assert lake.reader().snapshot(ARRIVALS, Moment()) == newest
    set_back(lake, plan(lake, HOURS, to(target[HOURS])))
    assert {name: lake.head(name) for name in target} == target


def test_a_run_at_work_keeps_it_out(lake: KeptLake) -> None:
    """The group's lease is the one its runs take."""
    with (
        lease.hold(lake.settings.root, "silver.emt", 0),
        pytest.raises(BusyError, match=r"silver\.emt is held"),
        held(lake.settings, "silver.emt", lambda _: None),
    ):
        pytest.fail("two hold it")


def call(lake: KeptLake, *words: str) -> Any:
    """The command, without a terminal."""
    env = {"LAKE_HOME": lake.settings.home}
    return CliRunner().invoke(app, ["rollback", *words], env=env)


def test_without_a_terminal_it_asks_for_yes(lake: KeptLake) -> None:
    """No --yes: exit 2 and nothing moves; no --why: nothing either; --plan asks for neither."""
    head, first, _ = parents(lake, STOPS)
    words = (STOPS, "--to", str(first))
    for more in ((), ("--why", "x"), ("--yes",)):
        refused = call(lake, *words, *more).exception
        assert isinstance(refused, LakeError), more
        assert refused.exit_code == 2
    assert call(lake, *words, "--plan").exit_code == 0
    assert lake.head(STOPS) == head
    done = call(lake, *words, "--why", "x", "--yes", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["moves"][0]["to"] == str(first)
    assert lake.head(STOPS) == first
    assert json.loads(call(lake, "--list", "--json").stdout)[0]["why"] == "x"


def test_a_rollback_among_other_commits_loses_none(lake: KeptLake) -> None:
    """Tags that others set meanwhile stay."""
    planned = plan(lake, STOPS, to(parents(lake, STOPS)[1]))

    committer = Committer(lake.settings)

    def tag() -> None:
        for number in range(5):
            ref = refs.Ref("tag", STOPS, f"t{number}", planned.moves[0].target)
            committer.commit(STOPS, ref.done, ref.make)

    other = threading.Thread(target=tag)
    other.start()
    set_back(lake, planned)
    other.join()
    assert {f"t{n}" for n in range(5)} <= lake.reader().history(STOPS).refs.keys()
    assert lake.head(STOPS) == planned.moves[0].target
