"""`lake maintain`: compaction, manifests, expiry and orphans by need, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console import talk
from lakehouse.errors import ConfigurationError, StorageError, UsageError

if TYPE_CHECKING:
    from jobs.maintenance.trash import Removal
    from lakehouse.settings import Settings

_Tables = Annotated[list[str] | None, typer.Argument(help="database.table …; all for none")]
_AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("maintain")(maintain)


def maintain(
    tables: _Tables = None,
    plan: Annotated[bool, typer.Option("--plan", help="say what would be done, and why")] = False,
    removed: Annotated[bool, typer.Option("--removed", help="what can be brought back")] = False,
    restore: Annotated[str, typer.Option(help="bring the files of a removal back")] = "",
    as_json: _AsJson = False,
) -> None:
    """Keep the tables healthy: does what is needed and says of each table why, or why not.

    No row changes (checksums before and after), nothing goes that a tag, a hold, a cursor or the
    retention needs, and removed files come back by --restore.
    """
    from lakehouse import settings  # noqa: PLC0415

    loaded = settings.load()
    if restore:
        rows: list[dict[str, Any]] = [{"file": uri} for uri in _restored(loaded, restore)]
        empty = "every file of it is there"
    elif removed:
        rows = [_line(one) for one in _removals(loaded)]
        empty = "nothing was removed that can be brought back"
    else:
        rows, empty = _maintained(loaded, tables or [], dry=plan), "no tables"
    talk.out_rows(rows, as_json=as_json, empty=empty)


def _maintained(loaded: Settings, tables: list[str], *, dry: bool) -> list[dict[str, Any]]:
    from console import session  # noqa: PLC0415
    from jobs.maintenance.run import maintain as way  # noqa: PLC0415
    from jobs.maintenance.work import Work  # noqa: PLC0415
    from jobs.pipeline import GROUPS  # noqa: PLC0415

    if loaded.in_bucket:
        raise ConfigurationError(
            f"the tables of {loaded.home} are maintained where their jobs run",
            next_command='start the state machine with {"groups": ["maintenance"]}',
        )
    spark = session.start(loaded)
    work = Work(spark, loaded, GROUPS, progress=talk.say, dry=dry)
    actions = way(work, tables)
    order = list(dict.fromkeys(action.table for action in actions))
    return [a._asdict() for a in sorted(actions, key=lambda a: order.index(a.table))]


def _line(removal: Removal) -> dict[str, Any]:
    return {
        "removal": removal.id,
        "table": removal.table,
        "removed_at": removal.removed_at,
        "files": len(removal.files),
    }


def _removals(loaded: Settings) -> list[Removal]:
    from ingestion import places  # noqa: PLC0415
    from jobs.maintenance import trash  # noqa: PLC0415

    if not loaded.in_bucket:
        return trash.removals(loaded.root)
    found = (places.root(loaded) / trash.FOLDER).glob(f"*/{trash.MANIFEST}")
    return sorted((trash.Removal.parse(p.read_text()) for p in found), key=lambda r: r.id)


def _restored(loaded: Settings, name: str) -> list[str]:
    from jobs.maintenance import trash  # noqa: PLC0415

    if not loaded.in_bucket:
        return trash.bring_back(loaded.root, name)
    chosen = [one for one in _removals(loaded) if one.id == name]
    if not chosen:
        raise UsageError(
            f"nothing was removed under the name {name!r}", next_command="lake maintain --removed"
        )
    return [uri for uri in chosen[0].files if _unmarked(loaded, uri)]


def _unmarked(loaded: Settings, uri: str) -> bool:
    """Take the delete marker off an object; whether there was one.

    Raises StorageError where no version is left to come back.
    """
    from ingestion import places  # noqa: PLC0415

    root: Any = places.root(loaded)
    key = uri.partition("://")[2].partition("/")[2]
    told = root.client.client.list_object_versions(Bucket=root.bucket, Prefix=key)
    marks = [m for m in told.get("DeleteMarkers", ()) if m["Key"] == key and m["IsLatest"]]
    versions = [v for v in told.get("Versions", ()) if v["Key"] == key]
    if not versions:
        raise StorageError(f"no version of {uri} is left: noncurrent_days are over")
    for mark in marks:
        root.client.client.delete_object(Bucket=root.bucket, Key=key, VersionId=mark["VersionId"])
    return bool(marks)
