"""The tables function: what `lake tables apply` does, called by `terraform apply` inside AWS.

Its zip holds the contracts as `contracts.json` beside this file, and no pyspark.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console import contracts
from lakehouse import log, settings
from lakehouse.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from lakehouse.table import Table

SHIPPED = Path(__file__).with_name("contracts.json")
_ACTIONS = ("plan", "apply")


def tables(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Create and evolve the tables: `{"action": "apply", "digest": …}`; returns what it did.

    What is raised fails the apply that invokes it. Raises ConfigurationError for a change that
    would lose data, before anything is changed, and where the zip holds other contracts than the
    caller means.
    """
    from console import tables as owner  # noqa: PLC0415  heavy

    log.configure()
    action = event.get("action")
    if action not in _ACTIONS:
        raise UsageError(f"action is {action!r}, not one of {_ACTIONS}")
    declared = _declared(str(event.get("digest", "")))
    # The SDK's own variable, which Arrow's file system does not read.
    loaded = settings.load(endpoint=os.environ.get("AWS_ENDPOINT_URL"))
    steps = getattr(owner, action)(loaded, declared)
    log.event("tables", action=action, steps=len(steps))
    return {
        "action": action,
        "digest": contracts.digest(declared),
        "tables": [table.full_name for table in declared],
        "steps": [vars(step) for step in steps],
    }


def _declared(digest: str) -> tuple[Table, ...]:
    """The contracts in the zip, which must be those that the caller planned with."""
    found = contracts.from_json(SHIPPED.read_text(encoding="utf-8"))
    if digest != contracts.digest(found):
        raise ConfigurationError(
            f"contracts {contracts.digest(found)[:12]} are in this zip, {digest[:12]} are wanted",
            next_command="lake build, then terraform apply",
        )
    return found
