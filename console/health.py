"""`lake health`: how the tables are, from their metadata alone, without Spark."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from console import talk
from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table as IcebergTable

    from console.reading import Lake
    from jobs.maintenance.layout import Files
    from lakehouse.snapshots import History
    from lakehouse.table import Table

GROWTH_DAYS = 7
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


class Point(NamedTuple):
    """What main was made of from that moment on."""

    at: datetime
    data_files: int
    delete_files: int
    size: int
    rows: int


@dataclass(frozen=True)
class Health:
    """How a table is; `newest` is the time of its newest row, or of its last commit."""

    table: str
    data_files: int
    small_files: int
    delete_files: int
    size_bytes: int
    average_bytes: int
    snapshots: int
    rows: int
    rows_a_day: float
    bytes_a_day: float
    newest: datetime | None
    promised_hours: int
    verdict: str
    next_command: str


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("health")(health)


def health(
    tables: Annotated[list[str] | None, typer.Argument(help="database.table …; all")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout")] = False,
) -> None:
    """Files, deletes, snapshots, freshness and growth of each table, and what to type now."""
    from console.reading import Lake  # noqa: PLC0415
    from jobs.pipeline import TABLES  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415

    chosen = [t for t in TABLES if not tables or t.full_name in tables]
    unknown = set(tables or []) - {t.full_name for t in chosen}
    if unknown:
        raise UsageError(f"no table {talk.listed(sorted(unknown))}", next_command="lake health")
    lake, now = Lake(settings.load()), datetime.now(timezone.utc)
    known = set(lake.tables())
    found = [examine(lake, table, now) for table in chosen if table.full_name in known]
    absent = [t.full_name for t in chosen if t.full_name not in known]
    if absent:
        talk.say(f"missing: {talk.listed(absent)} → lake tables apply")
    talk.out_rows([asdict(h) if as_json else _line(h, now) for h in found], as_json=as_json)


def examine(lake: Lake, table: Table, now: datetime) -> Health:
    """How one table is."""
    from jobs.maintenance.layout import is_small  # noqa: PLC0415

    found = lake.history(table.full_name)
    files, newest = _files(lake.table(table.full_name), table, found)
    points = through_time(found)
    last = points[-1] if points else Point(now, 0, 0, 0, 0)
    per_day = growth(points, now)
    size = sum(file.size for file in files.data)
    newest = newest or (last.at if points else None)
    verdict, next_command = judge(table, files, newest if last.rows else None, now)
    return Health(
        table=table.full_name,
        data_files=len(files.data),
        small_files=sum(is_small(f, table.upkeep.target_bytes) for f in files.data),
        delete_files=len(files.deletes),
        size_bytes=size,
        average_bytes=size // len(files.data) if files.data else 0,
        snapshots=len(found.snapshots),
        rows=last.rows,
        rows_a_day=per_day[0],
        bytes_a_day=per_day[1],
        newest=newest,
        promised_hours=table.upkeep.fresh_hours,
        verdict=verdict,
        next_command=next_command,
    )


def judge(table: Table, files: Files, newest: datetime | None, now: datetime) -> tuple[str, str]:
    """The verdict on a table, and what to type."""
    from jobs.maintenance.layout import many_manifests, needs  # noqa: PLC0415

    wrong, next_command = [], ""
    promise = timedelta(hours=table.upkeep.fresh_hours)
    if promise and newest is None:
        wrong.append("empty")
        next_command = "lake plan"
    elif promise and newest is not None and now - newest > promise:
        wrong.append(f"stale: {(now - newest) // _HOUR} h old, promised {promise // _HOUR} h")
        next_command = "lake plan"
    anew = needs(files, table.upkeep.target_bytes)
    if anew:
        wrong.append(f"{len(anew)} partitions to be written anew, the first for {anew[0].why}")
    manifests = many_manifests(files)
    if manifests:
        wrong.append(manifests)
    if anew or manifests:
        next_command = next_command or f"lake maintain {table.full_name}"
    return "; ".join(wrong) or "well", next_command


def through_time(found: History) -> list[Point]:
    """What main was made of, from each time on; by the snapshots that are still there."""
    points = []
    for at_ms, snapshot_id in found.log:
        if snapshot_id in found.snapshots:
            says = found.snapshots[snapshot_id].summary
            figures = [
                int(says.get(f"total-{name}", "0"))
                for name in ("data-files", "delete-files", "files-size", "records")
            ]
            points.append(Point(_EPOCH + timedelta(milliseconds=at_ms), *figures))
    return points


def growth(points: Sequence[Point], now: datetime) -> tuple[float, float]:
    """Rows and bytes a day over the last week, or over what is known of it, a day at least."""
    if not points:
        return 0.0, 0.0
    start = now - GROWTH_DAYS * _DAY
    before = [p for p in points if p.at <= start]
    first = before[-1] if before else points[0]
    days = max((now - max(first.at, start)) / _DAY, 1.0)
    last = points[-1]
    return (last.rows - first.rows) / days, (last.size - first.size) / days


def _files(opened: IcebergTable, table: Table, found: History) -> tuple[Files, datetime | None]:
    """The files of main's head, and the time of the newest row as their bounds tell it."""
    from pyiceberg.manifest import DataFileContent  # noqa: PLC0415

    from jobs.maintenance.layout import Deletes, File, Files  # noqa: PLC0415

    head = found.head()
    snapshot = opened.snapshot_by_id(head) if head is not None else None
    manifests = snapshot.manifests(opened.io) if snapshot else []
    data, deletes, newest = [], [], None
    read = _Reader(opened, table)
    for manifest in manifests:
        for entry in manifest.fetch_manifest_entry(opened.io, discard_deleted=True):
            file = entry.data_file
            partition = read.partition(file, manifest.partition_spec_id)
            if file.content is DataFileContent.DATA:
                sizes = (partition, file.file_size_in_bytes, file.record_count)
                data.append(File(*sizes, *read.sorted_from_to(file)))
                times = [t for t in (newest, read.newest(file)) if t]
                newest = max(times, default=None)
            else:
                deletes.append(Deletes(partition, file.record_count))
    lengths = [manifest.manifest_length for manifest in manifests]
    return Files(tuple(data), tuple(deletes), len(lengths), sum(lengths)), newest


class _Reader:
    """Reads what a manifest says of a file, by the contract."""

    def __init__(self, opened: IcebergTable, table: Table) -> None:
        self._specs = opened.specs()
        self._fields = {f.name: f for f in opened.schema().fields}
        self._table = table
        self._sort = table.sort[0] if table.sort else ""
        self._time = next(iter(table.partition_columns), table.latest_by)

    def partition(self, file: DataFile, spec_id: int) -> date | None:
        """The first day of its partition, in the layout of today."""
        from lakehouse.contract import partition_name  # noqa: PLC0415

        if len(self._table.partition_fields) != 1:
            return None
        transform, column = self._table.partition_fields[0]
        names = [field.name for field in self._specs[spec_id].fields]
        if partition_name(transform, column) not in names:
            return None
        value = int(file.partition[names.index(partition_name(transform, column))])
        if transform == "months":
            return date(1970 + value // 12, value % 12 + 1, 1)
        return (_EPOCH + value * _DAY).date()

    def sorted_from_to(self, file: DataFile) -> Iterator[Any]:
        """The bounds of the first sort column."""
        for bounds in (file.lower_bounds, file.upper_bounds):
            yield self._bound(bounds, self._sort)

    def newest(self, file: DataFile) -> datetime | None:
        """The time of its newest row."""
        micros = self._bound(file.upper_bounds, self._time)
        return None if micros is None else _EPOCH + timedelta(microseconds=micros)

    def _bound(self, bounds: dict[int, bytes] | None, name: str) -> Any:
        from pyiceberg.conversions import from_bytes  # noqa: PLC0415
        from pyiceberg.types import PrimitiveType  # noqa: PLC0415

        field = self._fields.get(name)
        if field is None or not isinstance(field.field_type, PrimitiveType):
            return None
        raw = (bounds or {}).get(field.field_id)
        return None if raw is None else from_bytes(field.field_type, raw)


def _line(found: Health, now: datetime) -> dict[str, Any]:
    """For people: fewer columns, round figures."""
    age = f"{(now - found.newest) // _HOUR} h" if found.newest else None
    promised = f"{found.promised_hours} h" if found.promised_hours else None
    return {
        "table": found.table,
        "files": found.data_files,
        "small": found.small_files,
        "deletes": found.delete_files,
        "MB": found.size_bytes / 1e6,
        "avg MB": found.average_bytes / 1e6,
        "snapshots": found.snapshots,
        "rows": found.rows,
        "rows/day": round(found.rows_a_day),
        "newest": age,
        "promised": promised,
        "verdict": found.verdict,
        "next": found.next_command,
    }
