"""`lake run`, `lake plan`, `lake publish`, `lake discard`: the pipeline, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import talk

if TYPE_CHECKING:
    from lakehouse.job import GoldGroup, SilverGroup
    from lakehouse.ledger import Ledger, Outcome

_AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
_Jobs = Annotated[list[str] | None, typer.Argument(help="silver.emt, gold.emt, …; all for none")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("run")(run)
    app.command("plan")(plan)
    app.command("publish")(publish)
    app.command("discard")(discard)


def shown(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """What each step did, for people."""
    return [
        {
            "table": o.table_name,
            "rows in": o.counts.rows_in,
            "accepted": o.counts.accepted,
            "collapsed": o.counts.collapsed,
            "rejected": o.counts.rejected,
            "inserted": o.counts.inserted,
            "updated": o.counts.updated,
            "gone": o.counts.gone,
            "snapshot": str(o.snapshot_id),
            "run": o.run_id,
        }
        for o in outcomes
    ]


def run(
    jobs: _Jobs = None,
    full: Annotated[bool, typer.Option(help="recompute gold whole")] = False,
    replace: Annotated[
        bool, typer.Option(help="read all files again; newer versions are overwritten")
    ] = False,
    as_json: _AsJson = False,
) -> None:
    """Take in what is new, refresh what follows from it; a repeated run changes nothing."""
    from console import session  # noqa: PLC0415
    from jobs.pipeline import GROUPS  # noqa: PLC0415
    from lakehouse import run as way  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415
    from lakehouse.job import find  # noqa: PLC0415

    groups, loaded = find(GROUPS, jobs or []), settings.load()
    talk.say("starting Spark")
    spark = session.start(loaded)
    outcomes = way.run(spark, loaded, groups, full=full, replace=replace, progress=talk.say)
    talk.out_rows(shown(outcomes), as_json=as_json, empty="nothing new: no table moved")


def redrive(table: str, *, as_json: bool) -> None:
    """Read the files that gave refused rows of a table again.

    Raises UsageError if no row of the table was refused.
    """
    from console import session  # noqa: PLC0415
    from console.reading import Lake, Moment  # noqa: PLC0415
    from jobs.pipeline import GROUPS  # noqa: PLC0415
    from lakehouse import run as way  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415
    from lakehouse.errors import UsageError  # noqa: PLC0415

    loaded = settings.load()
    rows = Lake(loaded).ask(
        "select distinct table_name, source_uri from ops.rejected_row", Moment()
    )
    sources = {row["source_uri"] for row in rows if row["table_name"] == table}
    if not sources:
        raise UsageError(f"no row of {table} was refused", next_command="lake rejected list")
    spark = session.start(loaded)
    outcomes = way.redrive(spark, loaded, GROUPS, table=table, sources=sources, progress=talk.say)
    talk.out_rows(shown(outcomes), as_json=as_json)


def plan(jobs: _Jobs = None, as_json: _AsJson = False) -> None:
    """What `lake run` would do and why: files, rows and days; nothing is touched."""
    from console import session  # noqa: PLC0415
    from jobs.pipeline import GROUPS  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415
    from lakehouse.job import GoldGroup, find  # noqa: PLC0415
    from lakehouse.ledger import Ledger  # noqa: PLC0415

    groups, loaded = find(GROUPS, jobs or []), settings.load()
    spark = session.start(loaded)
    ledger = Ledger(spark, loaded)
    rows: list[dict[str, Any]] = []
    for group in groups:
        if isinstance(group, GoldGroup):
            rows += _gold_plan(group, ledger)
        else:
            rows += _silver_plan(group, ledger)
    talk.out_rows(rows, as_json=as_json, empty="nothing new: a run would change nothing")


def _silver_plan(group: SilverGroup, ledger: Ledger) -> list[dict[str, Any]]:
    from lakehouse.pending import pending_files  # noqa: PLC0415

    pending = pending_files(ledger.spark, ledger.settings, group, ledger)
    sizes = {f: _records(ledger, f) for f in {f for files in pending.values() for f in files}}
    return [
        {
            "table": table,
            "files": len(files),
            "rows": sum(sizes[f] for f in files),
            "days": None,
            "why": "files that are not in main yet",
        }
        for table, files in pending.items()
        if files
    ]


def _records(ledger: Ledger, name: str) -> int:
    """How many records a bronze file or a part of a stream table holds."""
    import gzip  # noqa: PLC0415

    from ingestion import places  # noqa: PLC0415
    from lakehouse import catalog, streams  # noqa: PLC0415
    from lakehouse.iceberg import history  # noqa: PLC0415

    if streams.is_name(name):
        table = catalog.identifier(ledger.settings, streams.Part.parse(name).table)
        return streams.count(history(ledger.spark, table), name)
    with (
        places.opened(places.root(ledger.settings) / name) as file,
        gzip.GzipFile(fileobj=file) as lines,
    ):
        return sum(1 for _ in lines)


def _gold_plan(group: GoldGroup, ledger: Ledger) -> list[dict[str, Any]]:
    from lakehouse import refresh  # noqa: PLC0415

    planned = refresh.plan(ledger.spark, ledger.settings, group, ledger)
    if planned is None:
        return []
    first = group.sources[0]
    partitions = ledger.spark.table(f"{ledger.name(first)}.partitions")
    column, days = f"{first.partition_columns[0]}_day", planned.days
    counted = [
        row["record_count"]
        for row in partitions.select(f"partition.{column}", "record_count").collect()
        if days is None or row[column] in days
    ]
    return [
        {
            "table": job.table.full_name,
            "files": None,
            "rows": sum(counted),
            "days": "all" if days is None else len(days),
            "why": planned.why,
        }
        for job in group.jobs
    ]


def _with_group(run_id: str, action: str) -> None:
    from console import session  # noqa: PLC0415
    from jobs.pipeline import GROUPS  # noqa: PLC0415
    from lakehouse import publish as protocol  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415
    from lakehouse.errors import UsageError  # noqa: PLC0415
    from lakehouse.job import GoldGroup  # noqa: PLC0415
    from lakehouse.ledger import leased  # noqa: PLC0415
    from lakehouse.sql import identifier  # noqa: PLC0415

    loaded = settings.load()
    spark = session.start(loaded)
    for group in GROUPS:
        if not isinstance(group, GoldGroup):
            continue
        try:
            with leased(spark, loaded, group.name, talk.say) as ledger:
                tables = [ledger.name(job.table) for job in group.jobs]
                getattr(protocol, action)(spark, tables, identifier(f"r{run_id}")[1:])
        except UsageError:
            continue
        talk.say(f"{group.name}: {action}d run {run_id}")
        return
    raise UsageError(f"no run {run_id} waits for a decision", next_command="lake doctor")


def publish(run_id: Annotated[str, typer.Argument(help="the run that failed its audit")]) -> None:
    """Let the result of a run stand although its audit failed."""
    _with_group(run_id, "release")


def discard(run_id: Annotated[str, typer.Argument(help="the run that failed its audit")]) -> None:
    """Drop the result of a run that failed its audit."""
    _with_group(run_id, "discard")
