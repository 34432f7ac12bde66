"""The tables function: what `lake tables apply` and `lake views apply` do, called by the apply.

Its zip holds the contracts as `contracts.json` beside this file, the SQL of the views, and no
pyspark.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console import contracts
from lakehouse import log, settings
from lakehouse.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from lakehouse.settings import Settings
    from lakehouse.table import Table

SHIPPED = Path(__file__).with_name("contracts.json")
_VIEWS = "views"
_ACTIONS = ("plan", "apply", _VIEWS)


def tables(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Create and evolve the tables: `{"action": "apply", "digest": …}`; returns what it did.

    `{"action": "views"}` makes the analysts' views, which stand on them.

    What is raised fails the apply that invokes it. Raises ConfigurationError for a change that
    would lose data, before anything is changed, and where the zip holds other contracts than the
    caller means; QueryError with Athena's reason for a view that cannot be made.
    """
    log.configure()
    action = event.get("action")
    if action not in _ACTIONS:
        raise UsageError(f"action is {action!r}, not one of {_ACTIONS}")
    # The SDK's own variable, which Arrow's file system does not read.
    loaded = settings.load(endpoint=os.environ.get("AWS_ENDPOINT_URL"))
    if action == _VIEWS:
        return _views(loaded)
    from console import tables as owner  # noqa: PLC0415  heavy

    declared = _declared(str(event.get("digest", "")))
    steps = getattr(owner, action)(loaded, declared)
    log.event("tables", action=action, steps=len(steps))
    return {
        "action": action,
        "digest": contracts.digest(declared),
        "tables": [table.full_name for table in declared],
        "steps": [vars(step) for step in steps],
    }


def _views(loaded: Settings) -> dict[str, Any]:
    from console.questions import remote  # noqa: PLC0415  only where it is asked for

    made = list(remote.apply(loaded))
    log.event("views", made=len(made))
    return {"action": _VIEWS, "views": made}


def _declared(digest: str) -> tuple[Table, ...]:
    """The contracts in the zip, which must be those that the caller planned with."""
    found = contracts.from_json(SHIPPED.read_text(encoding="utf-8"))
    if digest != contracts.digest(found):
        raise ConfigurationError(
            f"contracts {contracts.digest(found)[:12]} are in this zip, {digest[:12]} are wanted",
            next_command="lake build, then terraform apply",
        )
    return found
