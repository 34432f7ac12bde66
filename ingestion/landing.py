"""The drop zone: a file becomes bronze rows, or is in quarantine with the reason.

A file in raw is removed as the very last step; landing the same bytes again changes nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ingestion import cities, places, streams
from ingestion.bronze import Stream
from ingestion.dropped import Dropped, Landed
from ingestion.quarantine import STRAYS
from lakehouse.errors import BusyError, UsageError
from lakehouse.log import event, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from ingestion.places import LakePath, Mark
    from ingestion.streams import Kind
    from lakehouse.settings import Settings

__all__ = [
    "Landed",
    "is_finished",
    "land",
    "set_aside",
    "strays",
    "stream_of",
    "sweep",
    "waiting",
    "whose",
]  # fmt: skip

SETTLE_SEC = 0.5
"""A file in raw that changed so lately may still be being written; it is looked at twice."""
_WRITING = (".part", ".tmp", ".crdownload", ".filepart")
_HIDDEN = (".", "~$")


def land(
    root: LakePath,
    file: LakePath,
    stream: Stream,
    *,
    now: datetime,
    location: str | None,
    keep_source: bool,
    step: Callable[[str], None] = lambda _name: None,
) -> Landed:
    """Land one file; `step` hears which step is next.

    `location` is the place a weather file answers for, which it does not say itself: of a stream
    that asks by city, as `ingestion.cities` reads it.
    Raises UsageError for an unknown stream or no file, BusyError for a file that changes.
    """
    kind = streams.kind(stream)
    if kind.asked_by and not location:
        raise UsageError(f"{stream}: whose weather is it?", next_command="lake land … --location")
    seen = _seen(file)
    dropped = Dropped(
        root=root,
        file=file,
        stream=stream,
        request=_request(kind, file, location or ""),
        now=now,
        step=step,
    )
    landed = dropped.land(kind, seen)
    step("clean")
    if not keep_source:
        places.remove(file, seen)  # what was written since is not lost
    event("file_landed", file=file.name, stream=str(stream), status=landed.status)
    return landed


def whose(stream: Stream, path: LakePath, told: str, chosen: Settings) -> str:
    """Whose answer a file is: as told, else by the city-NAME of its path, or by the settings.

    Raises UsageError for a city's file whose path names none.
    """
    if streams.kind(stream).asked_by != "city":
        return told or chosen.weather_location
    name = told or cities.in_path(path.parts)
    if not name:
        raise UsageError(
            f"{stream}: of which city is {path.name!r}?",
            next_command="lake land … --location NAME, or put it below city-NAME/",
        )
    return cities.known(name, chosen.openweather_cities)


def _request(kind: Kind, path: LakePath, location: str) -> dict[str, Any]:
    """What was asked, as far as a file can tell."""
    if kind.asked_by != "city":
        return {kind.asked_by: location} if kind.asked_by else {}
    return {"units": kind.units, **cities.City.parse(location).landed(path.parts)}


def sweep(
    root: LakePath, *, now: datetime, location: str | None, settle_sec: float = SETTLE_SEC
) -> list[Landed]:
    """Land everything in raw/SOURCE/STREAM/; hidden and unfinished files are left alone."""
    done = []
    for path, stream in waiting(root, settle_sec=settle_sec):
        try:
            landed = land(root, path, stream, now=now, location=location, keep_source=False)
        except BusyError as error:  # noqa: PERF203 - one file's trouble is not the others'
            warn("left_in_raw", file=path.name, reason=error.message)
        except UsageError:
            if places.mark(path):
                raise  # else another sweep took it
        else:
            done.append(landed)
    return done


def waiting(root: LakePath, *, settle_sec: float = SETTLE_SEC) -> list[tuple[LakePath, Stream]]:
    """The files in raw that are whole, with their streams; in a bucket all of them are."""
    found = [(path, stream) for path, stream in _in_raw(root) if stream]
    if not places.is_local(root):
        return found
    before = [places.mark(path) for path, _ in found]
    newest = max((seen[1] / 1e9 for seen in before if seen), default=0.0)
    time.sleep(min(max(newest + settle_sec - time.time(), 0), settle_sec))
    whole = []
    for (path, stream), seen in zip(found, before):
        if seen and places.mark(path) == seen:
            whole.append((path, stream))
        else:
            warn("left_in_raw", file=path.name, reason="it is still being written")
    return whole


def strays(root: LakePath) -> list[LakePath]:
    """What lies in raw but in no known SOURCE/STREAM, or is no plain file: it is left alone."""
    return [path for path, stream in _in_raw(root) if stream is None]


def set_aside(root: LakePath, file: LakePath, reason: str, *, now: datetime) -> Landed:
    """Quarantine a file of raw that is of no stream.

    Raises UsageError if there is no file, BusyError for one that changes.
    """
    seen = _seen(file)
    dropped = Dropped(root, file, STRAYS, {}, now, lambda _name: None)
    landed = dropped.refuse(reason, seen)
    places.remove(file, seen)
    event("file_set_aside", file=file.name, reason=reason)
    return landed


def is_finished(path: LakePath, raw: LakePath) -> bool:
    """Whether a file of raw is neither hidden nor, by its name, still being written."""
    parts = places.below(path, raw).parts
    return not any(part.startswith(_HIDDEN) for part in parts) and not (
        path.name.lower().endswith(_WRITING)
    )


def stream_of(path: LakePath, raw: LakePath) -> Stream | None:
    """The stream of a file's folder; a link is nobody's, as it may point anywhere."""
    inside = places.below(path, raw).parts[:-1]
    for name, kind in streams.KINDS.items():
        for folder in filter(None, (name, kind.folder)):
            parts = tuple(folder.split("/"))
            if inside[: len(parts)] == parts:
                return Stream.parse(name) if places.is_plain(path) else None
    return None


def _in_raw(root: LakePath) -> Iterator[tuple[LakePath, Stream | None]]:
    raw = root / "raw"
    for path in places.files(raw):
        if is_finished(path, raw):
            yield path, stream_of(path, raw)


def _seen(file: LakePath) -> Mark:
    seen = places.mark(file)
    if seen is None:
        folder = places.is_folder(file)
        what = "a folder: name its files" if folder else "not there, or no plain file"
        raise UsageError(f"{str(file)!r} is {what}")
    return seen
