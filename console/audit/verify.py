"""`lake evidence verify`: a bundle against itself, without any lake."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from console.audit import bundle, chain, originals, rows, tablefiles
from lakehouse import code
from lakehouse.streams import SCHEME

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER = originals.FOLDER + "/"
_STREAMS = _FOLDER + "stream/"


@dataclass(frozen=True)
class Verdict:
    """What was checked, what is wrong, and what the bundle itself leaves open."""

    fingerprint: str
    checked: dict[str, int]
    findings: list[str]
    open: list[str]

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def verify(folder: Path) -> Verdict:
    """Check every hash; then, if they hold, what the files say of each other.

    Raises UsageError for a folder that is no bundle.
    """
    read = bundle.read(folder)
    checked = {"files": len(read.files)}
    if read.findings:
        return Verdict(read.fingerprint, checked, read.findings, [])
    try:
        found = _Contents(read)
        findings = found.flaws()
    except (KeyError, ValueError, TypeError, OSError, AttributeError, StopIteration) as error:
        findings = [f"the bundle cannot be read: {type(error).__name__}: {error}"]
        return Verdict(read.fingerprint, checked, findings, [])
    return Verdict(read.fingerprint, {**checked, **found.counts}, findings, found.open)


class _Contents:
    """A bundle whose hashes hold."""

    def __init__(self, read: bundle.Read) -> None:
        self._files, self._facts = read.files, read.manifest
        every = {**self._facts["tables"], **self._facts["beside"]}
        self._tables = {n: tablefiles.Bundled(n, facts, read.files) for n, facts in every.items()}
        self._sources = {
            path.removeprefix(_FOLDER): content
            for path, content in read.files.items()
            if path.startswith(_FOLDER) and not path.startswith(_STREAMS)
        }
        self.counts = {"tables": len(every), "sources": len(self._sources), "rows": 0}
        self.open = [f"{uri}: {why}" for uri, why in self._facts["missing"].items()]

    def flaws(self) -> list[str]:
        """Everything that contradicts something else."""
        found = [*originals.flaws(self._sources), *self._codes(), *self._receipts()]
        records = {**originals.records(self._sources), **self._events(found)}
        for name in self._facts["tables"]:
            found += self._rows(name, records)
        return found

    def _events(self, found: list[str]) -> dict[tuple[str, int], set[str]]:
        events: dict[tuple[str, int], set[str]] = {}
        for path, content in self._files.items():
            if path.startswith(_STREAMS):
                table = path.removeprefix(_STREAMS).removesuffix(".jsonl")
                for envelope in chain.parsed(content):
                    event = envelope["event_id"]
                    if originals.event_id(envelope) != event:
                        found.append(f"{path}: event {event} is not the hash of what it holds")
                    events[f"{SCHEME}{table}/{event}", 1] = {path}
        return events

    def _codes(self) -> list[str]:
        wrong = []
        for version, said in self._facts["code"].items():
            here = f"code/{version}/"
            files = {p.removeprefix(here): c for p, c in self._files.items() if p.startswith(here)}
            if said["files"] and code.digest(files.items()) != version:
                wrong.append(f"{here}: these sources are not version {version}")
            if not said["files"]:
                self.open.append(f"code {version}: {said['why']}")
        return wrong

    def _receipts(self) -> list[str]:
        """The lineage of every table, against the readable receipts and the other tables."""
        wrong, taken = [], self._taken()
        others = {name.split(".")[1]: t.history for name, t in self._tables.items()}
        for name, table in self._tables.items():
            facts = self._facts["tables"].get(name) or self._facts["beside"][name]
            if json.loads(self._files[facts["receipts"]]) != chain.receipts(
                table.history, table.head
            ):
                wrong.append(f"{facts['receipts']}: not what {facts['metadata']} says")
            wrong += chain.flaws(table.history, table.head, taken.get(name, {}))
            self.open += chain.linked(table.history, table.head, others)
            self.open += chain.foreign(table.history, table.head)
        return wrong

    def _taken(self) -> dict[str, dict[str, list[str]]]:
        """Table → run → the files it took, as the index says."""
        found: dict[str, dict[str, list[str]]] = {}
        for line in chain.parsed(self._files["index/ops.processed_file.jsonl"]):
            runs = found.setdefault(line["table_name"], {})
            runs[line["run_id"]] = sorted({*runs.get(line["run_id"], ()), line["file"]})
        return found

    def _rows(self, name: str, records: dict[tuple[str, int], set[str]]) -> list[str]:
        facts, table = self._facts["tables"][name], self._tables[name]
        lines = self._files[facts["json_lines"]]
        told = rows.of_parquet(self._files[facts["parquet"]])
        found = chain.parsed(lines)
        self.counts["rows"] += len(found)
        wrong = []
        if rows.lines(told) != lines:
            wrong.append(f"{facts['parquet']}: not the rows of {facts['json_lines']}")
        if (len(found), bundle.sha256(lines)) != (facts["rows"], facts["rows_sha256"]):
            wrong.append(f"{facts['json_lines']}: not the rows that the manifest counts")
        wrong += self._against(name, facts, table, lines, len(found))
        if found and {"run_id", "source_uri", "source_row"} <= found[0].keys():
            taken = self._taken().get(name, {})
            wrong += chain.row_flaws(
                table.history, table.head, found, taken, records, {*self._facts["missing"]}
            )
        return wrong

    def _against(
        self, name: str, facts: dict[str, Any], table: tablefiles.Bundled, lines: bytes, count: int
    ) -> list[str]:
        """The rows against the table's own manifests, or, where they are here, its data files."""
        where = self._facts["question"]["where"]
        if facts["with_data"]:
            if rows.lines(rows.chosen(table.rows(), where)) != lines:
                return [f"{facts['json_lines']}: not what the data files of {name} hold"]
            return []
        counted = table.counted()
        live = counted["data_rows"]
        least = live - counted["position_deletes"] if not where else 0
        exact = not counted["equality_deletes"]
        if count > live or (exact and count < least):
            return [
                f"{facts['json_lines']}: {count} rows, the manifests count {live} and {counted}"
            ]
        return []
