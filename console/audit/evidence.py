"""`lake evidence`: what the lake says, with all that an outsider needs to check it without us."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from console.audit import bundle, chain, originals, rows, sourcecode, tablefiles
from console.audit.guide import guide
from ingestion.credentials import EMT_NAMES, OPENWEATHER_NAMES, WEATHERAPI_NAMES
from lakehouse.errors import DataQualityError, UsageError
from lakehouse.job import GoldGroup
from lakehouse.streams import SCHEME, Part

if TYPE_CHECKING:
    from pathlib import Path

    from console.reading import Lake, Moment
    from ingestion.places import LakePath

# Names of secrets in the environment, and how long one is at least.
_SECRETS = {
    **dict.fromkeys((*EMT_NAMES, *WEATHERAPI_NAMES, *OPENWEATHER_NAMES), 6),
    "AWS_SECRET_ACCESS_KEY": 20,
}
_INDEX = ("ops.run", "ops.processed_file")


@dataclass(frozen=True)
class Question:
    """Which rows of which tables, as they were when."""

    tables: tuple[str, ...]
    as_of: str
    where: str = ""
    with_data: bool = False


@dataclass
class Evidence:
    """A bundle in the making."""

    lake: Lake
    root: LakePath
    question: Question
    moment: Moment
    files: bundle.Bundle = field(default_factory=bundle.Bundle)
    missing: dict[str, str] = field(default_factory=dict)
    _runs: dict[str, set[str]] = field(default_factory=dict)
    _uris: set[str] = field(default_factory=set)
    _versions: set[str] = field(default_factory=set)

    def write(self, out: Path) -> str:
        """Write the bundle; gives its fingerprint.

        Raises UsageError for a faulty question, DataQualityError for a secret in it.
        """
        tables = {name: self._asked(name) for name in self.question.tables}
        heads = {name: int(facts["snapshot_id"]) for name, facts in tables.items()}
        beside = {n: self._metadata(n, h) for n, h in sorted(self._beside(heads).items())}
        self._index()
        self._sources()
        facts = {
            "question": {**vars(self.question), "tables": list(self.question.tables)},
            "tables": tables,
            "beside": beside,
            "code": self._code(),
            "missing": self.missing,
        }
        self.files.add(bundle.README, guide(facts).encode())
        self._refuse_secrets()
        return self.files.write(out, facts)

    def _asked(self, name: str) -> dict[str, Any]:
        """The rows asked for, as Parquet and as JSON lines, and their table's files."""
        head = self.lake.snapshot(name, self.moment)
        if head is None:
            raise UsageError(f"{name} had no snapshot then", next_command=f"lake history {name}")
        every = self.lake.table(name).scan(snapshot_id=head).to_arrow()
        found = rows.chosen(every, self.question.where)
        if {"run_id", "source_uri"} <= {*found.schema.names}:
            self._runs[name] = {*found["run_id"].unique().to_pylist()} - {None}
            self._uris |= {*found["source_uri"].unique().to_pylist()} - {None}
        lines = rows.lines(found)
        return {
            **self._metadata(name, head),
            "rows": found.num_rows,
            "parquet": self.files.add(f"rows/{name}.parquet", rows.parquet(found)),
            "json_lines": self.files.add(f"rows/{name}.jsonl", lines),
            "rows_sha256": bundle.sha256(lines),
        }

    def _metadata(self, name: str, head: int) -> dict[str, Any]:
        """The snapshot's files and the receipts of its lineage."""
        found, asked = self.lake.history(name), name in self.question.tables
        files, facts = tablefiles.collect(
            self.lake.table(name), found, head, data=self.question.with_data and asked
        )
        for path, content in files.items():
            self.files.add(path, content)
        told = chain.receipts(tablefiles.Bundled(name, facts, files).history, head)
        wanted = self._runs.get(name, set())
        self._versions |= {
            line["receipt"]["code"]
            for line in told
            if "code" in line["receipt"] and line["receipt"].get("run") in wanted
        }
        return {**facts, "receipts": self.files.add(f"receipts/{name}.json", bundle.text(told))}

    def _beside(self, heads: dict[str, int]) -> dict[str, int]:
        """Snapshots of other tables that the asked gold's receipts name: sources and peers."""
        from jobs.pipeline import GROUPS  # noqa: PLC0415

        found: dict[str, int] = {}
        for group in (g for g in GROUPS if isinstance(g, GoldGroup)):
            mine = [job.table.full_name for job in group.jobs]
            record = mine[-1]
            asked = [name for name in mine if name in heads]
            if asked and record not in heads and self._has(record):
                found[record] = self.lake.snapshot(record, self.moment) or 0
            for name in sorted({*asked, record} & {*heads, *found}):
                newest = self.lake.history(name).newest_receipt(heads.get(name) or found[name])
                receipt = newest[1] if newest else {}
                full = {
                    t.name: t.full_name for t in (*group.sources, *(j.table for j in group.jobs))
                }
                named = {**(receipt.get("cursor") or {}), **(receipt.get("peers") or {})}
                found |= {full[short]: int(head) for short, head in named.items()}
        return {
            name: head
            for name, head in found.items()
            if name not in heads and head in self.lake.history(name).snapshots
        }

    def _has(self, name: str) -> bool:
        """Whether the moment means anything to that table: a snapshot or tag may not."""
        ref = self.moment.ref
        return not self.moment.snapshot_id and (not ref or ref in self.lake.history(name).refs)

    def _index(self) -> None:
        """What the lake's index says of the runs that made the rows."""
        wanted = [
            f"table_name = '{table}' and run_id in ({', '.join(map(_quoted, sorted(runs)))})"
            for table, runs in sorted(self._runs.items())
            if runs
        ]
        for name in _INDEX:
            every = self.lake.table(name).scan().to_arrow()
            found = rows.chosen(every, " or ".join(wanted) or "false")
            self.files.add(f"index/{name}.jsonl", rows.lines(found))

    def _sources(self) -> None:
        streamed = {uri for uri in self._uris if uri.startswith(SCHEME)}
        found, self.missing = originals.collect(self.root, self._uris - streamed)
        for name, content in found.items():
            if originals.kind(name) == "bronze":
                originals.refuse_secrets(name, content)
            self.files.add(f"{originals.FOLDER}/{name}", content)
        for table in sorted({Part.parse(uri).table for uri in streamed}):
            self._events(
                table, {Part.parse(u).event for u in streamed if Part.parse(u).table == table}
            )

    def _events(self, table: str, wanted: set[str]) -> None:
        """The delivered records of a stream table, each once."""
        every = self.lake.table(table).scan(selected_fields=("event_id", "envelope")).to_arrow()
        found = dict(zip(every["event_id"].to_pylist(), every["envelope"].to_pylist(), strict=True))
        self.missing |= {
            f"{SCHEME}{table}/{event}": f"{table} does not hold it"
            for event in sorted(wanted - found.keys())
        }
        lines = [found[event] for event in sorted(wanted & found.keys())]
        content = "".join(json.dumps(json.loads(line), ensure_ascii=False) + "\n" for line in lines)
        self.files.add(f"{originals.FOLDER}/stream/{table}.jsonl", content.encode())

    def _code(self) -> dict[str, Any]:
        """The sources of each version that made a row, where this checkout still has them."""
        found = sourcecode.find(self._versions)
        for version, code in found.items():
            for path, content in code.files.items():
                self.files.add(f"code/{version}/{path}", content)
        return {
            version: {"commit": found[version].commit, "files": len(found[version].files)}
            if version in found
            else {"commit": "", "files": 0, "why": "not in the history of this checkout"}
            for version in sorted(self._versions)
        }

    def _refuse_secrets(self) -> None:
        """Raise DataQualityError for a secret of this environment in any file."""
        texts = [os.environ.get(name, "") for name in _SECRETS]
        known = [
            t.encode() for t, least in zip(texts, _SECRETS.values(), strict=True) if len(t) >= least
        ]
        for path, content in self.files.files.items():
            plain = gzip.decompress(content) if path.endswith(".gz") else content
            if any(secret in plain for secret in known):
                raise DataQualityError(f"{path} holds a secret of this environment: no bundle")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
