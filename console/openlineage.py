"""Runs as OpenLineage events (spec 2-0-2), told from the ledger after the fact.

Made from ops.run, receipts and contracts, so a run can be neither slowed nor broken by it, and the
same run is told in the same words each time: its id is a hash. A run that was killed is in no
ledger and is not told; the next one, which finishes its work, is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from openlineage.client.event_v2 import (
    InputDataset,
    Job,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    set_producer,
)
from openlineage.client.generated.column_lineage_dataset import (
    ColumnLineageDatasetFacet,
    Fields,
    InputField,
    Transformation,
)
from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet
from openlineage.client.generated.documentation_dataset import DocumentationDatasetFacet
from openlineage.client.generated.error_message_run import ErrorMessageRunFacet
from openlineage.client.generated.job_type_job import JobTypeJobFacet
from openlineage.client.generated.output_statistics_output_dataset import (
    OutputStatisticsOutputDatasetFacet,
)
from openlineage.client.generated.ownership_dataset import Owner, OwnershipDatasetFacet
from openlineage.client.generated.schema_dataset import (
    SchemaDatasetFacet,
    SchemaDatasetFacetFields,
)
from openlineage.client.generated.sql_job import SQLJobFacet
from openlineage.client.generated.symlinks_dataset import Identifier, SymlinksDatasetFacet
from openlineage.client.generated.test_run import TestExecution, TestRunFacet

from console import lineage
from lakehouse import catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from console.reading import Lake
    from lakehouse.settings import Settings
    from lakehouse.table import Check, Table

    Row = dict[str, Any]

PRODUCER = "urn:lakehouse:console"
_RUNS = "select * from ops.run order by started_at, table_name"
_REFUSED = (
    "select table_name, run_id, reason, count(*) as refused from ops.rejected_row group by all"
)


@dataclass(frozen=True)
class Teller:
    """Tells the runs of one lake."""

    settings: Settings
    lake: Lake

    def events(self, since: str = "") -> Iterator[RunEvent]:
        """START and COMPLETE or FAIL of each step that the ledger knows, oldest first.

        `since` is an ISO time: only steps that ended then or later.
        """
        from console.reading import Moment  # noqa: PLC0415

        set_producer(PRODUCER)
        limit = Moment.parse(since).at if since else None
        refused: dict[tuple[str, str], dict[str, int]] = {}
        for row in self.lake.ask(_REFUSED, Moment()):
            mine = refused.setdefault((row["table_name"], row["run_id"]), {})
            mine[row["reason"]] = row["refused"]
        known = lineage.by_name()
        for row in self.lake.ask(_RUNS, Moment()):
            if (limit is None or row["ended_at"] >= limit) and row["table_name"] in known:
                reasons = refused.get((row["table_name"], row["run_id"]), {})
                yield from self._step(row, known[row["table_name"]], reasons)

    def _step(self, row: Row, table: Table, refused: dict[str, int]) -> Iterator[RunEvent]:
        job = self._job(row, table)
        inputs = self._inputs(row, table)
        identity = "|".join((self.settings.uri, table.full_name, row["started_at"].isoformat()))
        run_id = str(uuid5(NAMESPACE_URL, identity))
        failed = row["status"] != "ok"
        facets: dict[str, Any] = {"test": TestRunFacet(tests=_tests(table, row, refused))}
        if failed:
            facets["errorMessage"] = ErrorMessageRunFacet(row["reason"] or "", "PYTHON")
        yield RunEvent(
            eventType=RunState.START,
            eventTime=row["started_at"].isoformat(),
            run=Run(run_id),
            job=job,
            inputs=inputs,
        )
        yield RunEvent(
            eventType=RunState.FAIL if failed else RunState.COMPLETE,
            eventTime=row["ended_at"].isoformat(),
            run=Run(run_id, facets),
            job=job,
            inputs=inputs,
            outputs=[] if failed else [self._output(row, table)],
        )

    def _job(self, row: Row, table: Table) -> Job:
        kind = JobTypeJobFacet(processingType="BATCH", integration="LAKEHOUSE", jobType="JOB")
        facets: dict[str, Any] = {"jobType": kind}
        select = lineage.select(table)
        if select:
            facets["sql"] = SQLJobFacet(select, dialect="spark")
        name = f"{row['job_group']}.{table.name}"
        return Job(self.settings.prefix or "lakehouse", name, facets)

    def _inputs(self, row: Row, table: Table) -> list[InputDataset]:
        """What the step read, tables at the snapshots its receipt names."""
        snapshot = self.lake.history(table.full_name).snapshots.get(row["snapshot_id"] or 0)
        cursor = (snapshot.receipt.get("cursor") or {}) if snapshot else {}
        known, found = lineage.by_name(), []
        for name in lineage.inputs(table):
            facets: dict[str, Any] = {}
            if name in known:
                facets = self._facets(known[name])
                at = cursor.get(known[name].name)
                if at:
                    facets["version"] = DatasetVersionDatasetFacet(str(at))
            found.append(InputDataset(*self._place(name), facets=facets))
        return found

    def _output(self, row: Row, table: Table) -> OutputDataset:
        facets = self._facets(table)
        if row["snapshot_id"]:
            facets["version"] = DatasetVersionDatasetFacet(str(row["snapshot_id"]))
        columns = lineage.columns(table)
        if columns:
            facets["columnLineage"] = ColumnLineageDatasetFacet(
                {name: Fields([self._from(one) for one in fields])
                 for name, fields in columns.items() if fields}
            )  # fmt: skip
        written = sum(row[count] or 0 for count in ("inserted", "updated"))
        statistics = OutputStatisticsOutputDatasetFacet(rowCount=written)
        return OutputDataset(
            *self._place(table.full_name),
            facets=facets,
            outputFacets={"outputStatistics": statistics},
        )

    def _from(self, field: lineage.Field) -> InputField:
        namespace, name = self._place(field.table)
        way = (
            Transformation("INDIRECT", "CONDITIONAL") if field.decides else Transformation("DIRECT")
        )
        return InputField(namespace, name, field.column, [way])

    def _facets(self, table: Table) -> dict[str, Any]:
        fields = [
            SchemaDatasetFacetFields(column.name, column.kind, column.doc, position)
            for position, column in enumerate(table.all_columns, start=1)
        ]
        name = catalog.identifier(self.settings, table.full_name).split(".", 1)[1]
        alias = Identifier(f"{self.settings.uri}/warehouse", name, "TABLE")
        return {
            "schema": SchemaDatasetFacet(fields),
            "documentation": DocumentationDatasetFacet(table.doc),
            "ownership": OwnershipDatasetFacet([Owner(f"team:{table.owner}", "OWNER")]),
            "symlinks": SymlinksDatasetFacet([alias]),
        }

    def _place(self, name: str) -> tuple[str, str]:
        """Namespace and name of a dataset by OpenLineage's rules: where its files are."""
        is_table = name in lineage.by_name()
        uri = self.lake.table(name).location() if is_table else f"{self.settings.uri}/{name}"
        parts = urlsplit(uri)
        if parts.scheme in ("", "file"):
            return "file", parts.path
        return f"{parts.scheme}://{parts.netloc}", parts.path.strip("/")


def _tests(table: Table, row: Row, refused: dict[str, int]) -> list[TestExecution]:
    """The contract's checks and what is known of each; nothing is known of what only speaks."""
    found = []
    for check in table.checks:
        actual = _actual(check, row, refused)
        if actual is not None:
            found.append(
                TestExecution(
                    name=check.name,
                    status="fail" if actual else "pass",
                    severity="warn" if check.kind == "row" else "error",
                    type="custom_sql",
                    expected="0",
                    actual=str(actual),
                    content=check.sql,
                    contentType="expression",
                )
            )
    return found


def _actual(check: Check, row: Row, refused: dict[str, int]) -> int | None:
    """Rows against a row check, 0 or 1 for a table's; None where the run tells nothing."""
    if row["status"] == "ok":
        return {"row": refused.get(check.name, 0), "table": 0}.get(check.kind)
    return 1 if check.kind == "table" and check.name in (row["reason"] or "") else None
