"""`lake reproduce`: a gold run again, from its inputs at their snapshots, against what it wrote."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from console.audit import sourcecode
from lakehouse import catalog, code, sql
from lakehouse.errors import ConfigurationError, UsageError
from lakehouse.job import GoldGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import Column, DataFrame, SparkSession

    from console.reading import Lake
    from lakehouse.job import Gold
    from lakehouse.settings import Settings
    from lakehouse.snapshots import Snapshot

_EXAMPLES = 3
_JSON = {"ignoreNullFields": "false", "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"}


@dataclass(frozen=True)
class Run:
    """A run of a gold group: its receipt, and the snapshot of each table that it left."""

    run_id: str
    group: GoldGroup
    receipt: dict[str, Any]
    heads: dict[str, int]

    @property
    def inputs(self) -> dict[str, int]:
        """Snapshot of each source, by the table's own name."""
        return {name: int(head) for name, head in (self.receipt.get("cursor") or {}).items()}


@dataclass(frozen=True)
class Result:
    """A table of the run: rows and checksum as published, as computed again, what differs."""

    table: str
    snapshot_id: int
    rows: int
    published: str
    computed: str
    differing: int
    examples: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether every row is the same."""
        return not self.differing and self.published == self.computed

    def row(self) -> dict[str, Any]:
        """For people and JSON."""
        said = {**vars(self), "snapshot_id": str(self.snapshot_id), "equal": self.equal}
        return {**said, "examples": "; ".join(self.examples)}

    def __str__(self) -> str:
        if not self.differing:
            return f"{self.table}: a row is there more than once"
        return f"{self.table}: {self.differing} rows differ, such as {'; '.join(self.examples)}"


def find(lake: Lake, run_id: str) -> Run:
    """The run, by its receipts. Raises UsageError for none, for silver, and for lost inputs."""
    from jobs.pipeline import GROUPS  # noqa: PLC0415

    for group in (g for g in GROUPS if isinstance(g, GoldGroup)):
        made = {job.table.full_name: _of(lake, job.table.full_name, run_id) for job in group.jobs}
        record = made[group.jobs[-1].table.full_name]
        if record is not None:
            peers = {name: int(head) for name, head in (record.receipt.get("peers") or {}).items()}
            heads = {
                job.table.full_name: peers.get(job.table.name, record.id) for job in group.jobs
            }
            found = Run(run_id, group, record.receipt, heads)
            _check_inputs(lake, found)
            return found
    raise UsageError(
        f"no run {run_id} of gold is in the tables' histories: it is silver's, or expired",
        next_command="lake history emt_gold.delay_weather_hourly",
    )


def _of(lake: Lake, table: str, run_id: str) -> Snapshot | None:
    """The newest snapshot that carries the run's receipt, on main or not."""
    snapshots = lake.history(table).snapshots.values()
    mine = [s for s in snapshots if s.receipt.get("run") == run_id and "via" not in s.receipt]
    return max(mine, key=lambda s: s.sequence, default=None)


def _check_inputs(lake: Lake, run: Run) -> None:
    """Raise UsageError for a snapshot that is needed and expired."""
    full = {t.name: t.full_name for t in run.group.sources}
    needed = {**run.heads, **{full[name]: head for name, head in run.inputs.items()}}
    for table, head in needed.items():
        if head not in lake.history(table).snapshots:
            raise UsageError(
                f"run {run.run_id} cannot be computed again: snapshot {head} of {table} is expired",
                next_command="lake tag --all NAME keeps such snapshots, the next time",
            )


def check_code(run: Run, say: Callable[[str], None], *, anyway: bool) -> None:
    """Raise ConfigurationError if other code is here than ran, unless it is wanted `anyway`."""
    ran, here = run.receipt.get("code", ""), code.version()
    if ran == here:
        return
    text = f"run {run.run_id} ran code {ran}, here is {here}"
    if anyway:
        say(f"{text}: a difference may be the code's")
        return
    known = sourcecode.find({ran}).get(ran)
    where = f"git checkout {known.commit}" if known and known.commit else "that checkout"
    raise ConfigurationError(text, next_command=f"{where}, then again; or --anyway")


def since(lake: Lake, run: Run) -> list[str]:
    """Commits on top of the run's that no run made: what is reproduced is not what main says."""
    notes = []
    for table, head in run.heads.items():
        for snapshot in lake.history(table).lineage():
            if snapshot.id == head:
                break
            if "run" not in snapshot.receipt and snapshot.operation != "replace":
                notes.append(f"{table}: snapshot {snapshot.id} is newer, and no run made it")
    return notes


class Again:
    """The run's SELECTs once more, over its sources at their snapshots."""

    def __init__(
        self, spark: SparkSession, settings: Settings, run: Run, say: Callable[[str], None]
    ) -> None:
        self._spark, self._settings, self._run, self._say = spark, settings, run, say

    def compare(self) -> list[Result]:
        """Every table of the group, whole: gold is always what a full rebuild would be."""
        for table in self._run.group.sources:
            head = self._run.inputs[table.name]
            self._at(table.full_name, head).createOrReplaceTempView(table.name)
        return [self._one(job) for job in self._run.group.jobs]

    def _at(self, table: str, head: int) -> DataFrame:
        reader = self._spark.read.option("snapshot-id", str(head))
        return reader.table(catalog.identifier(self._settings, table))

    def _one(self, job: Gold) -> Result:
        from pyspark.sql import functions as F  # noqa: PLC0415

        name = job.table.full_name
        self._say(f"{name}: computing as run {self._run.run_id} did")
        fresh = self._spark.sql(sql.select(job.select), args=self._run.receipt["params"])
        kinds = {c.name: c.kind for c in job.table.all_columns}
        columns = [*job.table.names, "source_uri", "source_row"]
        typed = fresh.select(*[F.col(n).cast(kinds[n]).alias(n) for n in columns]).localCheckpoint()
        typed.createOrReplaceTempView(job.table.name)  # the next SELECT of the group reads it
        head = self._run.heads[name]
        published = self._at(name, head).select(*columns)
        return self._result(job, head, published, typed)

    def _result(self, job: Gold, head: int, published: DataFrame, computed: DataFrame) -> Result:
        from pyspark.sql import functions as F  # noqa: PLC0415

        key = list(job.table.key)
        was = published.select(*[F.col(n).alias(f"was_{n}") for n in published.columns])
        on = reduce(_and, [F.col(n) == F.col(f"was_{n}") for n in key])
        joined = computed.join(was, on=on, how="full")
        pairs = [(n, F.col(n).eqNullSafe(F.col(f"was_{n}"))) for n in published.columns]
        # The sources name a row's origin, not its content: of equal rows either may be kept.
        compared = {n: same for n, same in pairs if n in job.table.names}
        differ = joined.where(~reduce(_and, compared.values()))
        shown = [
            F.concat_ws("/", *[F.coalesce(n, f"was_{n}").cast("string") for n in key]).alias("key"),
            F.concat_ws(", ", *[F.when(~same, n) for n, same in compared.items()]).alias("columns"),
        ]
        found = differ.select(*shown).orderBy("key").limit(_EXAMPLES).collect()
        return Result(
            job.table.full_name, head, published.count(), _checksum(published, job),
            _checksum(computed, job), differ.count() if found else 0,
            tuple(f"{row['key']} ({row['columns']})" for row in found),
        )  # fmt: skip


def _and(left: Column, right: Column) -> Column:
    return left & right


def _checksum(rows: DataFrame, job: Gold) -> str:
    """Of the business columns of all rows, in whatever order: the sum of a hash of each row."""
    from pyspark.sql import functions as F  # noqa: PLC0415

    row = F.sha2(F.to_json(F.struct(*job.table.names), _JSON), 256)
    high = F.conv(F.substring(row, 1, 15), 16, 10).cast("decimal(38, 0)")
    total = rows.agg(F.sum(high).alias("sum"), F.count(F.lit(1)).alias("rows")).collect()[0]
    return f"{int(total['sum'] or 0):x}-{total['rows']}"
