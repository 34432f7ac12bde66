"""The `lake` command: stdout is data, stderr is talk."""

from __future__ import annotations

import os
import sys

import typer

from console import (
    ddl,
    demo,
    deployment,
    doctor,
    emulated,
    governance,
    health,
    ingest,
    land,
    maintain,
    operate,
    pipeline,
    query,
    rejected,
)
from console.audit import commands as audit
from console.audit import keeping
from console.questions import commands as questions
from lakehouse.errors import LakeError

app = typer.Typer(
    help="A lakehouse of Apache Iceberg tables: Madrid's buses against the weather.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (
    demo, ingest, land, ddl, pipeline, query, questions, rejected, audit, keeping, governance,
    maintain, health, doctor, emulated, deployment, operate,
):  # fmt: skip
    module.register(app)


def main() -> None:
    """Run the command line; a LakeError becomes one line on stderr and its exit code."""
    try:
        app()
    except LakeError as error:
        sys.stderr.write(f"error: {error.message}\n")
        if error.next_command:
            sys.stderr.write(f"next:  {error.next_command}\n")
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        sys.stderr.write("stopped; what was committed stays, the same command goes on from there\n")
        raise SystemExit(130) from None
    except Exception as error:
        if os.environ.get("LAKE_DEBUG"):
            raise
        first = str(error).strip().splitlines() or [""]
        sys.stderr.write(f"error: {type(error).__name__}: {first[0][:500]}\n")
        sys.stderr.write("next:  LAKE_DEBUG=1 and the same command, for the whole trace\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
