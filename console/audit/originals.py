"""What rows came from: the bronze file that holds their record, and the original beside it."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ingestion import places
from ingestion.bronze import Bronze, Stream, dumps
from lakehouse import log
from lakehouse.errors import DataQualityError
from lakehouse.streams import SCHEME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingestion.places import LakePath

FOLDER = "sources"
_PULLED, _DROPPED, _GENERATED = "bronze", "originals", "generated"
# How many parts a path of each kind has.
_PARTS = {_PULLED: 5, _DROPPED: 5, _GENERATED: 3}


def kind(uri: str) -> str:
    """`bronze`, `originals`, `generated`, `stream`; empty for one that the lake does not write."""
    if uri.startswith(SCHEME):
        return "stream"
    path = PurePosixPath(uri)
    first, tidy = path.parts[0] if path.parts else "", ".." not in path.parts and str(path) == uri
    return first if tidy and _PARTS.get(first) == len(path.parts) else ""


def collect(root: LakePath, uris: Iterable[str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files behind these sources by their path in the lake, and what is missing with why."""
    found: dict[str, bytes] = {}
    missing: dict[str, str] = {}
    for uri in sorted(set(uris)):
        for name in _names(root, uri):
            content = places.read(root.joinpath(*name.split("/"))) if name else None
            if content is None:
                missing[uri] = f"{name or 'its bronze file'} is not in the lake"
            else:
                found[name] = content
    return found, missing


def _names(root: LakePath, uri: str) -> list[str]:
    """The files of a source: the record's bronze file, and the original where one was dropped."""
    if kind(uri) == _PULLED:
        return [uri]
    if kind(uri) == _GENERATED:  # by the lake itself: it has no original, and any file may hold it
        folder = root / _PULLED / PurePosixPath(uri).relative_to(_GENERATED)
        found = places.glob(folder, "date=*/*.jsonl.gz")
        return sorted(places.below(path, root).as_posix() for path in found) or [""]
    if kind(uri) != _DROPPED:
        return [""]
    _, source, stream, sha256, _ = uri.split("/")
    path = Bronze(root).find(Stream(source, stream), sha256)
    return [uri, "" if path is None else places.below(path, root).as_posix()]


def lines(content: bytes) -> list[dict[str, Any]]:
    """The envelopes of a bronze file."""
    return [json.loads(line) for line in gzip.decompress(content).splitlines()]


def refuse_secrets(name: str, content: bytes) -> None:
    """Raise DataQualityError for a request that holds a key: such a bundle must not leave."""
    for number, envelope in enumerate(lines(content), start=1):
        asked = json.dumps(envelope["request"])
        if log.redact(asked) != asked:
            raise DataQualityError(f"{name}, line {number}: its request holds a secret")


def flaws(files: dict[str, bytes]) -> list[str]:
    """What of these source files is not what its own name says."""
    found = []
    for name, content in files.items():
        stem = PurePosixPath(name).name.partition(".")[0]
        if kind(name) == _DROPPED:
            if hashlib.sha256(content).hexdigest() != name.split("/")[3]:
                found.append(f"{name}: its bytes are not those of its name")
        elif not _named(name, stem, lines(content)):
            found.append(f"{name}: its records are not those of its name")
    return found


def _named(name: str, stem: str, envelopes: list[dict[str, Any]]) -> bool:
    """Whether a bronze file is called by the hash of what it holds."""
    if any(e["origin"]["sha256"] != stem for e in envelopes):
        return False
    uri = envelopes[0]["origin"]["uri"]
    if kind(uri) == _DROPPED:  # the original tells
        return True
    if kind(uri) == _GENERATED:
        text = "\n".join(dumps(e["payload"]) for e in envelopes)
        return hashlib.sha256(text.encode()).hexdigest() == stem
    digest = hashlib.sha256()
    for e in envelopes:
        digest.update(dumps([e["request"], e["payload"], e["fetched_at"]]).encode())
    return uri == name and digest.hexdigest() == stem


def records(files: dict[str, bytes]) -> dict[tuple[str, int], set[str]]:
    """(source_uri, source_row) of every record → the bronze files that hold it."""
    found: dict[tuple[str, int], set[str]] = {}
    for name, content in files.items():
        if kind(name) == _PULLED:
            for e in lines(content):
                found.setdefault((e["origin"]["uri"], int(e["origin"]["row"])), set()).add(name)
    return found


def event_id(envelope: dict[str, Any]) -> str:
    """The id of a delivered event: the hash of what was asked, answered and when."""
    asked = [envelope["request"], envelope["payload"], envelope["fetched_at"]]
    return hashlib.sha256(dumps(asked).encode()).hexdigest()
