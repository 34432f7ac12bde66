"""Athena's SQL where Athena is: questions answered by it, and the files of views made its views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console import athena
from console.questions import files
from lakehouse import catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakehouse.settings import Settings


def workgroup(settings: Settings) -> str:
    """The lake's workgroup: Terraform's name, of which the databases' prefix is made."""
    return settings.prefix.replace("_", "-") or "primary"


def ask(settings: Settings, statement: str) -> list[dict[str, Any]]:
    """The answer to a statement of sql/athena/. Raises LakeError with Athena's reason."""
    return _run(settings, statement).rows


def apply(settings: Settings, say: Callable[[str], None] = lambda _: None) -> Iterator[str]:
    """Make every view, each after those it stands on; gives their names as they are made.

    A view that is there is replaced: the file is what it is.
    """
    database = catalog.database(settings, files.VIEWS)
    for view in files.in_order():
        say(f"view {database}.{view.name}")
        made = f"create or replace view {database}.{view.name} as\n{view.asked({})}"
        _run(settings, made)
        yield view.name


def _run(settings: Settings, statement: str) -> athena.Answer:
    return athena.run(
        settings,
        files.filled(statement, settings),
        workgroup=workgroup(settings),
        database=catalog.database(settings, "emt_gold"),
    )
