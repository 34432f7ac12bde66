"""A bundle of evidence: whole, always the same bytes, without secrets, and any change is found."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from console.audit import bundle, originals, rows
from console.audit.evidence import Evidence, Question
from console.audit.verify import verify
from console.main import app
from console.reading import Moment
from ingestion.bronze import Bronze, Origin, Record, Stream
from lakehouse import settings as chosen
from lakehouse.errors import DataQualityError, UsageError
from tests.kept_lake import ARRIVALS, HOURS, NOW, STOPS, KeptLake, filled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ASKED = (STOPS, ARRIVALS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> KeptLake:
    """A lake that each test finds as it was made."""
    home = str(tmp_path_factory.mktemp("lake"))
    return filled(chosen.load({}, home=home)).save()


@pytest.fixture
def lake(made: KeptLake) -> KeptLake:
    """The lake."""
    return made.restore()


def ask(lake: KeptLake, out: Path, *tables: str, as_of: str = "", **more: Any) -> Path:
    """Write a bundle."""
    question = Question(tables or ASKED, as_of, **more)
    Evidence(lake.reader(), lake.root, question, Moment.parse(as_of)).write(out)
    return out


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a bundle."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@dataclass
class Original:
    """A good bundle, and the way back to it."""

    folder: Path
    files: dict[str, bytes]

    def restore(self, *paths: str) -> None:
        """Put files back as they were."""
        for path in paths:
            target = self.folder / path
            if path in self.files:
                target.write_bytes(self.files[path])
            else:
                target.unlink()


@pytest.fixture(scope="module")
def original(made: KeptLake, tmp_path_factory: pytest.TempPathFactory) -> Original:
    """A bundle with everything a bundle can have."""
    folder = ask(made.restore(), tmp_path_factory.mktemp("b") / "bundle", with_data=True)
    return Original(folder, contents(folder))


def test_a_bundle_has_all_it_promises(original: Original) -> None:
    """Rows twice, metadata, receipts, index, sources with originals, code, a guide; all good."""
    found = verify(original.folder)
    assert found.findings == []
    assert found.open == []
    assert found.checked["rows"] == 5
    kinds = {path.split("/")[0] for path in original.files}
    assert kinds == {"rows", "tables", "receipts", "index", "sources", "code", "README.md",
                     "manifest.json", "SHA256SUMS"}  # fmt: skip
    names = {"/".join(path.split("/")[:4]) for path in original.files if "sources" in path}
    assert {"sources/originals/emt/stops", "sources/bronze/emt/stops"} <= names
    assert f"tables/{HOURS}" in {"/".join(path.split("/")[:2]) for path in original.files}


def test_standard_tools_check_it(original: Original) -> None:
    """Coreutils agree with the checksums, and the guide's own program with the code's version."""
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=original.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(original.files) - 1
    (folder,) = (original.folder / "code").iterdir()
    guide = original.files["README.md"].decode()
    program = guide.split("```python\n")[1].split("```")[0]
    told = subprocess.run(
        ["python3", "-c", program, str(folder)], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == folder.name


def test_the_rows_are_what_was_asked(lake: KeptLake, tmp_path: Path) -> None:
    """A condition chooses rows, in both forms, and their sources only come along."""
    folder = ask(lake, tmp_path / "b", STOPS, where="stop_id in ('2', '9')")
    (line,) = (folder / "rows" / f"{STOPS}.jsonl").read_text().splitlines()
    assert json.loads(line)["stop_id"] == "2"
    assert rows.of_parquet((folder / "rows" / f"{STOPS}.parquet").read_bytes()).num_rows == 1
    assert len([p for p in contents(folder) if p.startswith("sources/bronze")]) == 1
    assert verify(folder).good
    with pytest.raises(UsageError, match="--where"):
        ask(lake, tmp_path / "c", STOPS, where="no_such_column = 1")


def test_the_same_question_gives_the_same_bytes(lake: KeptLake, tmp_path: Path) -> None:
    """Also after the lake went on: what was is told by what was there then."""
    refs = lake.reader().table(STOPS).manage_snapshots()
    refs.create_tag(lake.head(STOPS), "then").commit()
    first = contents(ask(lake, tmp_path / "a", STOPS, as_of="then"))
    assert contents(ask(lake, tmp_path / "b", STOPS, as_of="then")) == first
    lake.append(STOPS, [{"stop_id": "9"}])
    assert contents(ask(lake, tmp_path / "c", STOPS, as_of="then")) == first
    now = contents(ask(lake, tmp_path / "d", STOPS))
    assert now["manifest.json"] != first["manifest.json"]


@settings(max_examples=60)
@given(data=st.data())
def test_one_changed_byte_is_found(original: Original, data: st.DataObject) -> None:
    """Whatever file, whatever byte, whatever bit: it is found, and named."""
    path = data.draw(st.sampled_from(sorted(original.files)))
    content = bytearray(original.files[path])
    offset = data.draw(st.integers(0, len(content) - 1))
    content[offset] ^= data.draw(st.integers(1, 255))
    (original.folder / path).write_bytes(content)
    try:
        found = verify(original.folder)
        assert any(finding.startswith(f"{path}:") for finding in found.findings), found.findings
    finally:
        original.restore(path)


def test_each_file_is_looked_at(original: Original) -> None:
    """Each in turn: cut by a byte, longer by a byte, or gone, it is named."""
    for path, content in original.files.items():
        target = original.folder / path
        for other in (content[:-1], content + b"\n", None):
            if other is None and path == bundle.SUMS:
                continue
            target.unlink() if other is None else target.write_bytes(other)
            found = verify(original.folder).findings
            assert any(f.startswith(f"{path}:") for f in found), (path, found)
        original.restore(path)
    assert verify(original.folder).good


@pytest.mark.parametrize("name", ["added", ".hidden", "rows/more.jsonl", "new/SHA256SUMS"])
def test_an_added_file_is_found(original: Original, name: str) -> None:
    """Wherever it is put, a file more is named; a link is none."""
    target = original.folder / name
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(b"")
    assert [f.split(":")[0] for f in verify(original.folder).findings] == [name]
    original.restore(name)
    target.symlink_to(original.folder / "README.md")
    assert verify(original.folder).findings == [f"{name}: a link, no file"]
    target.unlink()


def reseal(folder: Path) -> None:
    """Make all checksums right again, as a forger would."""
    files = contents(folder)
    manifest = json.loads(files.pop("manifest.json"))
    del files["SHA256SUMS"]
    for name, facts in manifest["tables"].items():
        lines = files[f"rows/{name}.jsonl"]
        facts |= {"rows_sha256": hashlib.sha256(lines).hexdigest(), "rows": lines.count(b"\n")}
    manifest["files"] = {
        path: {"bytes": len(c), "sha256": hashlib.sha256(c).hexdigest()}
        for path, c in files.items()
    }
    files["manifest.json"] = bundle.text(manifest)
    (folder / "manifest.json").write_bytes(files["manifest.json"])
    sums = [f"{hashlib.sha256(c).hexdigest()}  {path}\n" for path, c in sorted(files.items())]
    (folder / "SHA256SUMS").write_text("".join(sums))


def swap(folder: Path, path: str, old: bytes, new: bytes) -> None:
    """Change a file's text."""
    (target,) = folder.glob(path)
    content = target.read_bytes()
    assert old in content
    target.write_bytes(content.replace(old, new))


def forged_line(folder: Path) -> None:
    """A value in the JSON lines alone."""
    swap(folder, f"rows/{STOPS}.jsonl", b'"stop_id":"4"', b'"stop_id":"5"')


def forged_both(folder: Path) -> None:
    """A value in both forms of the rows."""
    forged_line(folder)
    path = folder / "rows" / f"{STOPS}.parquet"
    table = rows.of_parquet(path.read_bytes())
    ids = [value.replace("4", "5") for value in table["stop_id"].to_pylist()]
    index = table.schema.get_field_index("stop_id")
    other = table.set_column(index, table.schema.field(index), [ids])
    path.write_bytes(rows.parquet(other))


def forged_source(folder: Path) -> None:
    """Another original."""
    swap(folder, "sources/originals/emt/stops/*/*", b'"node": "1"', b'"node": "7"')


def forged_code(folder: Path) -> None:
    """Another SELECT."""
    swap(folder, "code/*/sql/gold/delay_weather_hourly.sql", b"sum(", b"max(")


def forged_receipt(folder: Path) -> None:
    """Another reading of a receipt."""
    swap(folder, f"receipts/{STOPS}.json", b'"inserted": 2', b'"inserted": 3')


def forged_metadata(folder: Path) -> None:
    """A receipt changed in the table's own metadata and in its reading."""
    for path in (f"receipts/{STOPS}.json", f"tables/{STOPS}/metadata/*.metadata.json"):
        (target,) = folder.glob(path)
        content = target.read_bytes()
        for run in {line["run_id"] for line in parsed(folder)}:
            content = content.replace(run.encode(), run[::-1].encode())
        target.write_bytes(content)


def forged_index(folder: Path) -> None:
    """Another file in the list of what a run took."""
    swap(folder, "index/ops.processed_file.jsonl", b"bronze/emt/stops", b"bronze/emt/stopz")


def forged_inputs(folder: Path) -> None:
    """One file more that a run is said to have taken."""
    path = folder / "index" / "ops.processed_file.jsonl"
    first = path.read_bytes().splitlines()[0]
    path.write_bytes(path.read_bytes() + first.replace(b"bronze/", b"bronze/more/") + b"\n")


def parsed(folder: Path) -> list[dict[str, Any]]:
    """The bundle's stops."""
    return [json.loads(line) for line in (folder / f"rows/{STOPS}.jsonl").read_text().splitlines()]


FORGERIES = (
    forged_line, forged_both, forged_source, forged_code, forged_receipt, forged_metadata,
    forged_index, forged_inputs,
)  # fmt: skip


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forger_who_mends_the_checksums_is_found(
    original: Original, tmp_path: Path, forge: Callable[[Path], None]
) -> None:
    """The files contradict each other, and the fingerprint is another one."""
    folder = tmp_path / "forged"
    shutil.copytree(original.folder, folder)
    reseal(folder)
    assert verify(folder).good
    forge(folder)
    reseal(folder)
    found = verify(folder)
    assert found.findings
    assert not [f for f in found.findings if "SHA256SUMS" in f]
    assert found.fingerprint != verify(original.folder).fingerprint


def test_forms_of_the_rows_are_compared_without_data_too(lake: KeptLake, tmp_path: Path) -> None:
    """Where the data files are not there, one form of the rows still tells of the other."""
    folder = ask(lake, tmp_path / "b", STOPS)
    forged_line(folder)
    reseal(folder)
    assert [f.split(":")[0] for f in verify(folder).findings] == [f"rows/{STOPS}.parquet"]


def test_a_row_less_or_more_is_counted(lake: KeptLake, tmp_path: Path) -> None:
    """Rows taken out of both forms, or doubled, are not what the manifests count."""
    folder = ask(lake, tmp_path / "b", STOPS)
    line, parquet = folder / f"rows/{STOPS}.jsonl", folder / f"rows/{STOPS}.parquet"
    table = rows.of_parquet(parquet.read_bytes())
    for other in (table.slice(1), pa.concat_tables([table, table])):
        line.write_bytes(rows.lines(other))
        parquet.write_bytes(rows.parquet(other))
        reseal(folder)
        (finding,) = verify(folder).findings
        assert "the manifests count 4" in finding


def test_a_row_without_its_source_is_found(lake: KeptLake, tmp_path: Path) -> None:
    """A record that is not in the file, and a run without a receipt, are each named."""
    source = parsed(ask(lake, tmp_path / "a", STOPS))[0]["source_uri"]
    lake.append(
        STOPS, [{"stop_id": "9", "run_id": "nobody", "source_uri": source, "source_row": 99}]
    )
    found = verify(ask(lake, tmp_path / "b", STOPS))
    assert any("its run nobody has no receipt" in finding for finding in found.findings)
    assert any(f"{source} has no record 99" in finding for finding in found.findings)
    assert any("no run made it" in line for line in found.open)


WEATHER, EVENTS = "meteorology_silver.meteorology_current", "bronze.weatherapi_current"


def delivered(temperature: float) -> dict[str, Any]:
    """A delivered record, its id computed as the stream's documents say."""
    at, asked, answer = "2025-08-29T12:00:00.000000Z", {"q": "madrid"}, {"temp_c": temperature}
    text = json.dumps([asked, answer, at], separators=(",", ":"))
    event = hashlib.sha256(text.encode()).hexdigest()
    return {"event_id": event, "source": "weatherapi", "stream": "current", "fetched_at": at,
            "request": asked, "payload": answer}  # fmt: skip


@pytest.mark.parametrize("honest", [True, False])
def test_a_delivered_event_is_proven(lake: KeptLake, tmp_path: Path, honest: bool) -> None:  # noqa: FBT001
    """What a stream delivered comes along, and its id is the hash of what it holds."""
    record = delivered(26.1)
    event = record["event_id"]
    if not honest:
        record["payload"]["temp_c"] = 40.0
    rows_of = [{"event_id": event, "envelope": json.dumps(record)}] * 2  # at least once
    head = lake.append(EVENTS, rows_of)
    source = {"source_uri": f"stream:{EVENTS}/{event}", "source_row": 1}
    lake.silver(WEATHER, [source], [f"stream:{EVENTS}@..{head}"])
    found = verify(ask(lake, tmp_path / "b", WEATHER))
    wrong = [] if honest else [f"sources/stream/{EVENTS}.jsonl: event {event} is not the hash"]
    assert [finding[: len(w)] for finding, w in zip(found.findings, wrong, strict=True)] == wrong


def test_what_the_lake_made_itself_is_proven(lake: KeptLake, tmp_path: Path) -> None:
    """A generated file has no original; its bronze file is what comes along."""
    stream = Stream.parse("calendar/derived")
    sha256 = hashlib.sha256(b'{"day":"2025-08-29"}').hexdigest()
    record = Record({"day": "2025-08-29"}, {}, Origin("generated/calendar/derived", sha256, 1))
    path = Bronze(lake.root).write_file(stream, [record], sha256=sha256, fetched_at=NOW)
    row = {"source_uri": "generated/calendar/derived", "source_row": 1}
    lake.silver("emt_silver.service_calendar", [row], [str(path.relative_to(lake.root))])
    folder = ask(lake, tmp_path / "b", "emt_silver.service_calendar")
    assert verify(folder).good
    (name,) = [p for p in contents(folder) if p.startswith("sources/bronze/calendar/derived/")]
    other = gzip.compress(gzip.decompress((folder / name).read_bytes()).replace(b"-29", b"-28"))
    assert originals.flaws({name.removeprefix("sources/"): other})


def test_the_index_and_a_stream_can_be_asked(lake: KeptLake, tmp_path: Path) -> None:
    """Tables without audit columns have neither sources nor runs to prove."""
    lake.append(EVENTS, [{"event_id": "a", "envelope": "{}"}])
    found = verify(ask(lake, tmp_path / "b", "ops.run", "ops.processed_file", EVENTS))
    assert (found.findings, found.open, found.checked["rows"]) == ([], [], 5)


def test_a_row_of_a_file_that_its_run_did_not_read_is_found(lake: KeptLake, tmp_path: Path) -> None:
    """A record that is there is not enough: the run must have taken its file."""
    row = parsed(ask(lake, tmp_path / "a", STOPS))[0]
    other = lake.pull("emt/stops", {"node": "5", "name": "Ñ"})
    source = {"source_uri": row["source_uri"], "source_row": row["source_row"]}
    lake.silver(STOPS, [{"stop_id": "5", **source}], [other])
    (finding,) = verify(ask(lake, tmp_path / "b", STOPS)).findings
    assert "did not read bronze/emt/stops" in finding


def test_a_lost_source_is_told(lake: KeptLake, tmp_path: Path) -> None:
    """A bundle without a source says so, and so does whoever checks it."""
    lake.append(STOPS, [{"stop_id": "9", "source_uri": "../../etc/passwd", "source_row": 1}])
    lake.append(STOPS, [{"stop_id": "8", "source_uri": "originals/a/b/c/d", "source_row": 1}])
    made = Evidence(lake.reader(), lake.root, Question((STOPS,), ""), Moment())
    made.write(tmp_path / "b")
    assert made.missing.keys() == {"../../etc/passwd", "originals/a/b/c/d"}
    assert {line.split(":")[0] for line in verify(tmp_path / "b").open} >= made.missing.keys()
    assert "originals/a/b/c/d" in (tmp_path / "b" / "README.md").read_text()


def test_no_secret_leaves(lake: KeptLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request with a key, or a secret of this environment anywhere, makes no bundle."""
    monkeypatch.setenv("WEATHERAPI_KEY", "dropped.jsonl")
    with pytest.raises(DataQualityError, match="secret of this environment"):
        ask(lake, tmp_path / "a", STOPS)
    monkeypatch.delenv("WEATHERAPI_KEY")
    names = contents(lake.settings.root)
    # One of them: what other tests pulled is there too.
    bronze = min(n for n in names if n.startswith("bronze/") and b"v1" in gzip.decompress(names[n]))
    leaky = gzip.decompress(names[bronze]).replace(b"/v1/stops", b"/v1/stops?key=abc")
    with pytest.raises(DataQualityError, match="request holds a secret"):
        originals.refuse_secrets(bronze, gzip.compress(leaky))
    assert not (tmp_path / "a").exists()


def test_the_commands_say_it(lake: KeptLake, tmp_path: Path) -> None:
    """The fingerprint is printed; verify needs no lake, and exits 1 if it is told another one."""
    env = {"LAKE_HOME": lake.settings.home}
    out = str(tmp_path / "b")
    words = ["evidence", "--tables", STOPS, "--out", out, "--json"]
    (said,) = json.loads(CliRunner().invoke(app, words, env=env).stdout)
    nowhere = {"LAKE_HOME": str(tmp_path / "none")}
    check = ["evidence", "verify", out, "--fingerprint", said["fingerprint"], "--json"]
    done = CliRunner().invoke(app, check, env=nowhere)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["good"] is True
    assert not (tmp_path / "none").exists()
    wrong = CliRunner().invoke(app, [*check[:4], "0" * 64], env=nowhere)
    assert isinstance(wrong.exception, DataQualityError)
    again = CliRunner().invoke(app, words, env=env).exception
    assert isinstance(again, UsageError)
    assert "is there already" in again.message
