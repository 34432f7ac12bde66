"""`lake tables plan|apply`: the one owner of DDL, in any place, through PyIceberg.

Adds columns, widens types, changes comments, properties and partitioning; refuses the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse import catalog, contract
from lakehouse.errors import ConfigurationError
from lakehouse.snapshots import RECEIPT
from lakehouse.table import ICEBERG_TYPES

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table as IcebergTable
    from pyiceberg.table.sorting import SortOrder
    from pyiceberg.types import IcebergType

    from lakehouse.settings import Settings
    from lakehouse.table import Table

_WIDER = {("int", "long"), ("float", "double")}


@dataclass(frozen=True)
class Step:
    """One change of one table; `refused` says why it cannot be made."""

    table: str
    action: str
    detail: str = ""
    refused: str = ""


def open_catalog(settings: Settings) -> Catalog:
    """The catalog of this place; makes its own tables on first use."""
    from pyiceberg.catalog import load_catalog  # noqa: PLC0415

    return load_catalog(catalog.NAME, **catalog.pyiceberg_properties(settings))


def _kind(kind: str) -> IcebergType:
    from pyiceberg import types  # noqa: PLC0415

    if kind == "array<string>":
        return types.ListType(element_id=-1, element=types.StringType(), element_required=False)
    by_name: dict[str, type[IcebergType]] = {
        "string": types.StringType,
        "boolean": types.BooleanType,
        "int": types.IntegerType,
        "long": types.LongType,
        "double": types.DoubleType,
        "date": types.DateType,
        "timestamptz": types.TimestamptzType,
    }
    return by_name[ICEBERG_TYPES[kind]]()


def schema(table: Table) -> Schema:
    """The contract as an Iceberg schema; ids follow the declared order."""
    from pyiceberg.schema import Schema as IcebergSchema  # noqa: PLC0415
    from pyiceberg.schema import assign_fresh_schema_ids  # noqa: PLC0415
    from pyiceberg.types import NestedField  # noqa: PLC0415

    fields = [
        NestedField(n, c.name, _kind(c.kind), required=c.required, doc=c.doc)
        for n, c in enumerate(table.all_columns, start=1)
    ]
    return assign_fresh_schema_ids(IcebergSchema(*fields))


def _partitioning(table: Table, fields: Schema) -> PartitionSpec:
    from pyiceberg import transforms  # noqa: PLC0415
    from pyiceberg.partitioning import PartitionField  # noqa: PLC0415
    from pyiceberg.partitioning import PartitionSpec as Spec  # noqa: PLC0415

    by_name: dict[str, Any] = {
        "days": transforms.DayTransform,
        "months": transforms.MonthTransform,
    }
    return Spec(
        *(
            PartitionField(
                source_id=fields.find_field(column).field_id,
                field_id=1000 + n,
                transform=by_name[transform](),
                name=contract.partition_name(transform, column),
            )
            for n, (transform, column) in enumerate(table.partition_fields)
        )
    )


def _sorting(table: Table, fields: Schema) -> SortOrder:
    from pyiceberg.table.sorting import SortField  # noqa: PLC0415
    from pyiceberg.table.sorting import SortOrder as Order  # noqa: PLC0415
    from pyiceberg.transforms import IdentityTransform  # noqa: PLC0415

    return Order(
        *(
            SortField(source_id=fields.find_field(name).field_id, transform=IdentityTransform())
            for name in table.sort
        )
    )


def identifier(settings: Settings, full_name: str) -> str:
    """database.table as PyIceberg's catalog knows it."""
    return catalog.identifier(settings, full_name).partition(".")[2]


def plan(settings: Settings, tables: tuple[Table, ...]) -> list[Step]:
    """What `apply` would do; nothing is changed."""
    return _walk(settings, tables, make=False)


def apply(settings: Settings, tables: tuple[Table, ...]) -> list[Step]:
    """Create and evolve the tables. Raises ConfigurationError, before any change, for a refusal."""
    refused = [step for step in plan(settings, tables) if step.refused]
    if refused:
        text = "; ".join(f"{s.table}: {s.action} {s.detail}: {s.refused}" for s in refused)
        raise ConfigurationError(text, next_command="lake tables plan")
    return _walk(settings, tables, make=True)


def _walk(settings: Settings, tables: tuple[Table, ...], *, make: bool) -> list[Step]:
    opened = open_catalog(settings)
    steps: list[Step] = []
    for table in tables:
        name = identifier(settings, table.full_name)
        if opened.table_exists(name):
            steps += _evolve(opened.load_table(name), table, make=make)
        else:
            steps.append(Step(table.full_name, "create", f"{len(table.all_columns)} columns"))
            if make:
                _create(opened, name, table)
    return steps


def _create(opened: Catalog, name: str, table: Table) -> None:
    fields = schema(table)
    space = name.split(".", maxsplit=1)[0]
    if not opened.namespace_exists(space):  # where Terraform made it, nobody may make another
        opened.create_namespace(space)
    made = opened.create_table(
        name,
        schema=fields,
        partition_spec=_partitioning(table, fields),
        sort_order=_sorting(table, fields),
        properties={**contract.properties(table), "comment": table.doc},
    )
    _genesis(made)


def _genesis(made: IcebergTable) -> None:
    """An empty first commit: without it, main is no branch and cannot be fast-forwarded."""
    empty = made.schema().as_arrow().empty_table()
    made.append(empty, snapshot_properties={f"{RECEIPT}via": "tables apply"})


def _evolve(found: IcebergTable, table: Table, *, make: bool) -> list[Step]:
    steps = [*_columns(found, table, make=make), *_layout(found, table, make=make)]
    if make and not found.metadata.snapshots:
        _genesis(found)
    return steps


def _columns(found: IcebergTable, table: Table, *, make: bool) -> list[Step]:
    steps, current = [], {f.name: f for f in found.schema().fields}
    with found.update_schema() as update:
        for column in table.all_columns:
            wanted = _kind(column.kind)
            field = current.get(column.name)
            if field is None:
                why = "a required column needs a default" if column.required else ""
                steps.append(Step(table.full_name, "add column", column.name, why))
                if make:
                    update.add_column(column.name, wanted, doc=column.doc)
                continue
            old, new = _text(field.field_type), ICEBERG_TYPES[column.kind]
            if old != new:
                why = "" if (old, new) in _WIDER else "only widening is possible"
                steps.append(
                    Step(table.full_name, "change type", f"{column.name} {old}→{new}", why)
                )
                if make:
                    update.update_column(column.name, field_type=wanted)
            if field.doc != column.doc:
                steps.append(Step(table.full_name, "change comment", column.name))
                if make:
                    update.update_column(column.name, doc=column.doc)
    declared = {c.name for c in table.all_columns}
    steps += [
        Step(table.full_name, "drop column", name, "a column is never dropped: data would be lost")
        for name in current
        if name not in declared
    ]
    return steps


def _text(kind: IcebergType) -> str:
    from pyiceberg.types import ListType  # noqa: PLC0415

    return f"list<{kind.element_type}>" if isinstance(kind, ListType) else str(kind)


def _layout(found: IcebergTable, table: Table, *, make: bool) -> list[Step]:
    steps = []
    wanted = {**contract.properties(table), "comment": table.doc}
    wanted.pop("format-version")
    changed = {k: v for k, v in wanted.items() if found.properties.get(k) != v}
    if changed:
        steps.append(Step(table.full_name, "set properties", ", ".join(sorted(changed))))
        if make:
            with found.transaction() as transaction:
                transaction.set_properties(changed)
    return [*steps, *_partitions(found, table, make=make), *_order(found, table, make=make)]


def _order(found: IcebergTable, table: Table, *, make: bool) -> list[Step]:
    """The step to the contract's sort order; maintenance sorts what was written before."""
    wanted = _sorting(table, found.schema())
    if found.sort_order().fields == wanted.fields:
        return []
    if make:
        with found.update_sort_order() as update:
            for field in wanted.fields:
                name = str(found.schema().find_column_name(field.source_id))
                update.asc(name, field.transform, field.null_order)
    return [Step(table.full_name, "sort by", ", ".join(table.sort) or "nothing")]


def _partitions(found: IcebergTable, table: Table, *, make: bool) -> list[Step]:
    """Steps from the table's partitioning to the contract's; old files keep the old one."""
    current = {f.name: f for f in found.spec().fields}
    wanted = {contract.partition_name(t, c): (t, c) for t, c in table.partition_fields}
    fields = {f.name: f for f in _partitioning(table, found.schema()).fields}
    steps = [
        Step(table.full_name, "partition by", f"{transform}({column})")
        for name, (transform, column) in wanted.items()
        if name not in current
    ]
    steps += [
        Step(table.full_name, "no longer partition by", name)
        for name in current
        if name not in wanted
    ]
    if make and steps:
        with found.update_spec() as update:
            for name in current.keys() - wanted.keys():
                update.remove_field(name)
            for name in wanted.keys() - current.keys():
                update.add_field(wanted[name][1], fields[name].transform, name)
    return steps
