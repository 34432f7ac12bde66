"""Tags and branches: real refs, one moment for all tables, and nobody's commit is lost."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from console.audit import refs
from console.audit.commits import Committer
from console.main import app
from console.reading import Moment
from lakehouse import settings
from lakehouse.errors import UsageError
from tests.kept_lake import ARRIVALS, HOURS, NOW, STOPS, KeptLake, filled

if TYPE_CHECKING:
    from pyiceberg.table import Table as IcebergTable

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> KeptLake:
    """A lake that each test finds as it was made."""
    home = str(tmp_path_factory.mktemp("lake"))
    return filled(settings.load({}, home=home)).save()


@pytest.fixture
def lake(made: KeptLake) -> KeptLake:
    """The lake."""
    return made.restore()


def tag(lake: KeptLake, name: str, keep: str = "", moment: Moment | None = None) -> list[bool]:
    """Tag the stops; whether anything was made."""
    wanted = [refs.of_one(lake.reader(), "tag", STOPS, name, moment or Moment())]
    return [row["made"] for row in refs.put(lake.settings, refs.kept(wanted, keep))]


def test_a_tag_is_read_by_its_name_when_main_has_moved(lake: KeptLake) -> None:
    """What was tagged is what `--as-of` reads, whatever came since."""
    tag(lake, "kept")
    before = lake.head(STOPS)
    lake.append(STOPS, [{"stop_id": "9"}])
    assert lake.reader().snapshot(STOPS, Moment(ref="kept")) == before
    assert lake.reader().history(STOPS).metadata["refs"]["kept"]["type"] == "tag"
    assert lake.head(STOPS) != before


def test_the_same_tag_again_changes_nothing(lake: KeptLake) -> None:
    """Repeated, no metadata is written; on another snapshot it is refused with what to type."""
    assert tag(lake, "again") == [True]
    before = lake.reader().table(STOPS).metadata_location
    assert tag(lake, "again") == [False]
    assert lake.reader().table(STOPS).metadata_location == before
    lake.append(STOPS, [{"stop_id": "8"}])
    with pytest.raises(UsageError, match="again is a tag on snapshot") as refused:
        tag(lake, "again")
    assert "lake tag --delete emt_silver.stops again" in refused.value.next_command


def test_a_tag_is_kept_from_today(lake: KeptLake) -> None:
    """Iceberg counts from the snapshot's birth: of an old one 90 days from now are more."""
    old = Committer(lake.settings).fresh(STOPS)
    birth = old.metadata.snapshots[-1].timestamp_ms
    late = datetime.fromtimestamp(birth / 1000, tz=timezone.utc) + timedelta(days=400)
    ref = refs.Ref("tag", STOPS, "old", lake.head(STOPS), 90 * DAY_MS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refs.time, "time", late.timestamp)
        refs.put(lake.settings, [ref])
    age = lake.reader().history(STOPS).metadata["refs"]["old"]["max-ref-age-ms"]
    assert age == pytest.approx(490 * DAY_MS, abs=DAY_MS)
    (row,) = refs.listed(lake.reader(), "tag", [STOPS])
    assert row["kept_until"] - row["written_at"] == timedelta(milliseconds=age)
    assert tag(lake, "old", "forever") == [True]
    assert refs.listed(lake.reader(), "tag", [STOPS])[0]["kept_until"] == "forever"
    assert tag(lake, "old") == [False]


@pytest.mark.parametrize("text", ["90", "d", "-1d", "0d", "90 d", "ever"])
def test_a_retention_nobody_can_read_is_refused(text: str) -> None:
    """Days or forever, nothing else."""
    with pytest.raises(UsageError, match="--keep"):
        refs.keep_ms(text)


@pytest.mark.parametrize(
    "name",
    ["main", "run_a", "failed_a", "2025-08-29", "20250829", "1234567890", "", "a b", "ñ", "-a"],
)
def test_names_that_mean_something_else_are_refused(name: str) -> None:
    """A name is never a time, a snapshot, main, or a branch of a run."""
    with pytest.raises(UsageError):
        refs.check_name(name)


def test_all_tables_are_tagged_at_one_moment(lake: KeptLake) -> None:
    """A commit after the moment is in no table; gold is taken by its commit record."""
    lake.gold([{"source_uri": "made-up", "source_row": 1}])
    pair = {name: lake.head(name) for name in (ARRIVALS, HOURS)}
    lake.append(ARRIVALS, [{"id": "unpublished"}], {"run": "b", "record": HOURS.split(".")[1]})
    reader = lake.reader()
    wanted = {ref.table: ref.snapshot_id for ref in refs.of_all(reader, "all", Moment())}
    assert {name: wanted[name] for name in pair} == pair
    assert wanted.keys() == {*reader.tables()}
    at = datetime.now(timezone.utc)
    lake.append(STOPS, [{"stop_id": "7"}])
    late = {ref.table: ref.snapshot_id for ref in refs.of_all(lake.reader(), "all", Moment(at=at))}
    assert late == wanted


def test_what_gold_was_computed_from_is_tagged_too(lake: KeptLake) -> None:
    """Where silver went on since, expiry would take what a tagged gold came from."""
    cursor = lake.head("emt_silver.lines")
    lake.append("emt_silver.lines", [{"line": "999"}])
    refs.put(lake.settings, refs.of_all(lake.reader(), "year", Moment()))
    found = lake.reader().history("emt_silver.lines").refs
    assert (found["year_inputs"], found["year"]) == (cursor, lake.head("emt_silver.lines"))
    gone = refs.drop(lake.settings, lake.reader(), "tag", "year", lake.reader().tables())
    assert len(gone) == len(lake.reader().tables()) + 1
    assert refs.listed(lake.reader(), "tag", lake.reader().tables()) == []


def test_no_commit_is_lost_to_a_tag(lake: KeptLake) -> None:
    """Rows appended while a tag is being made stay, and so does the tag."""
    ref = refs.of_one(lake.reader(), "tag", STOPS, "raced", Moment())
    overtaken = []

    def change(table: IcebergTable) -> None:
        if not overtaken:
            overtaken.append(lake.append(STOPS, [{"stop_id": "quick"}]))
        ref.make(table)

    Committer(lake.settings).commit(STOPS, ref.done, change)
    assert "quick" in {row["stop_id"] for row in lake.rows(STOPS)}
    assert lake.head(STOPS) == overtaken[0]
    assert lake.reader().history(STOPS).refs["raced"] == ref.snapshot_id


def test_a_branch_of_a_run_is_not_deleted(lake: KeptLake) -> None:
    """Main and what runs own are refused with what to type; another branch goes."""
    reader = lake.reader()
    table = Committer(lake.settings).fresh(STOPS)
    for name in ("run_abc", "failed_abc", "mine"):
        table.manage_snapshots().create_branch(lake.head(STOPS), name).commit()
    for name in ("main", "run_abc", "failed_abc"):
        with pytest.raises(UsageError) as refused:
            refs.drop(lake.settings, reader, "branch", name, [STOPS])
        assert ("lake discard abc" in refused.value.next_command) == (name != "main")
    reader = lake.reader()
    assert len(refs.drop(lake.settings, reader, "branch", "mine", [STOPS])) == 1
    with pytest.raises(UsageError, match="no branch"):
        refs.drop(lake.settings, lake.reader(), "branch", "mine", [STOPS])
    assert [row["branch"] for row in refs.listed(lake.reader(), "branch", [STOPS])] == [
        "failed_abc", "run_abc"
    ]  # fmt: skip


def test_a_moment_before_the_table_is_refused(lake: KeptLake) -> None:
    """Nothing is tagged where there was nothing."""
    with pytest.raises(UsageError, match="no snapshot then"):
        refs.of_one(lake.reader(), "tag", STOPS, "early", Moment(at=NOW))


def test_the_commands_make_list_and_remove(lake: KeptLake) -> None:
    """One table or all, JSON on stdout, exit 2 for words that are off."""

    def call(*words: str) -> list[dict[str, str]]:
        env = {"LAKE_HOME": lake.settings.home}
        done = CliRunner().invoke(app, [*words, "--json"], env=env)
        if done.exception:
            raise done.exception
        found: list[dict[str, str]] = json.loads(done.stdout)
        return found

    assert len(call("tag", "--all", "year", "--keep", "90d")) == len(lake.reader().tables())
    assert [row["made"] for row in call("tag", STOPS, "one", "--as-of", "year")] == [True]
    assert {row["tag"] for row in call("tag", "--list", STOPS)} == {"one", "year"}
    assert [row["table"] for row in call("branch", STOPS, "try")] == [STOPS]
    assert [row["branch"] for row in call("branch", "--list")] == ["try"]
    assert len(call("branch", "--delete", STOPS, "try")) == 1
    assert [row["table"] for row in call("tag", "--delete", STOPS, "year")] == [STOPS]
    assert len(call("tag", "--delete", "year")) == len(lake.reader().tables()) - 1
    assert [row["tag"] for row in call("tag", "--list")] == ["one"]
    for words in (["tag", STOPS], ["tag", "--all"], ["branch", "x"], ["tag", STOPS, "x", "y"]):
        with pytest.raises(UsageError, match="is wanted"):
            call(*words)
