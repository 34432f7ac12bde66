"""The README of a bundle: how a stranger checks it with standard tools."""

from __future__ import annotations

from typing import Any

_TEXT = """# Evidence

What a lake of Apache Iceberg tables says, with what it stands on. Nothing here needs the lake, or
those who run it. `manifest.json` says what was asked, what each file is, and every file's SHA-256.

Asked: tables {tables}; as of {as_of}; where: {where}.

| table | snapshot | rows | SHA-256 of the rows (JSON lines) |
|---|---|---|---|
{lines}

## 1. Nothing was changed, added or left out

```sh
sha256sum --check --quiet SHA256SUMS && echo unchanged
test "$(find . -type f ! -name SHA256SUMS | wc -l)" = "$(wc -l < SHA256SUMS)" && echo complete
sha256sum SHA256SUMS     # the fingerprint: compare it with the one you were told some other way
```

## 2. The rows

`rows/<table>.parquet` and `rows/<table>.jsonl` hold the same rows in the same order. Any reader
opens them, for example `duckdb -c "from 'rows/{first}.parquet'"`.

## 3. What the table says of itself

`tables/<table>/metadata/` holds Iceberg's own files as they were: `*.metadata.json` lists every
snapshot, `snap-*.avro` the manifests of the snapshot above, and these the data files with their
row counts. {data}
Each commit's receipt stands in its summary; `receipts/<table>.json` is the same, for reading:

```sh
jq '.snapshots[] | {{id: ."snapshot-id", parent: ."parent-snapshot-id", summary}}' {metadata}
```

## 4. From a row to its source

A row names its run (`run_id`), its source (`source_uri`) and the record there (`source_row`).

- The run's receipt has `lake.run`, `lake.job`, `lake.code`, counts, and `lake.inputs`: the first 16
  digits of the SHA-256 of the run's sorted file names, joined by line feeds, which
  `index/ops.processed_file.jsonl` lists. A receipt of gold names in `lake.cursor` the snapshots of
  the tables it read; their metadata lies in `tables/` too.
- `bronze/…` is a file in `sources/`, one record a line:
  `zcat sources/<source_uri> | sed -n <source_row>p`.
- `originals/<source>/<stream>/<sha256>/<name>` is a file as it was received, in `sources/`, and its
  folder is called by its SHA-256. `sources/bronze/<source>/<stream>/date=*/<sha256>.jsonl.gz` holds
  what was read of it: `zcat … | jq -c 'select(.origin.row == <source_row>)'`.
- `stream:<table>/<event_id>` is a line of `sources/stream/<table>.jsonl`.

## 5. The code

`code/<version>/` holds the jobs and SELECTs that `lake.code` names. The version is computed so:

```python
import hashlib, pathlib, sys
root, found = pathlib.Path(sys.argv[1]), hashlib.sha256()
for path in sorted(p for p in root.rglob("*") if p.is_file()):
    name, content = path.relative_to(root).as_posix(), path.read_bytes()
    found.update(f"{{name}}\\0{{len(content)}}\\0".encode() + content)
print(found.hexdigest()[:12])
```

Versions: {code}.

## What is missing

{missing}

Whoever has the program checks all of this at once: `lake evidence verify <this folder>`.
"""


def guide(facts: dict[str, Any]) -> str:
    """The text for a bundle of these facts (as in its manifest)."""
    tables, question = facts["tables"], facts["question"]
    first = next(iter(tables))
    return _TEXT.format(
        tables=", ".join(tables),
        as_of=question["as_of"] or "the time of asking (by the snapshots below)",
        where=f"`{question['where']}`" if question["where"] else "all rows",
        lines="\n".join(
            f"| {name} | {t['snapshot_id']} | {t['rows']} | {t['rows_sha256']} |"
            for name, t in tables.items()
        ),
        first=first,
        metadata=tables[first]["metadata"],
        data=_DATA if question["with_data"] else _NO_DATA,
        code="; ".join(_version(v, said) for v, said in facts["code"].items()) or "none",
        missing="\n".join(f"- {uri}: {why}" for uri, why in facts["missing"].items()) or "Nothing.",
    )


_DATA = "The data and delete files are there as well, so that the rows can be read from them."
_NO_DATA = (
    "The data files are not here (`lake evidence --with-data` takes them along): the rows are "
    "proven against the counts only."
)


def _version(version: str, said: dict[str, Any]) -> str:
    commit = f"git commit {said['commit']}" if said["commit"] else "no git commit known"
    return f"{version} ({said['files']} files, {said.get('why') or commit})"
