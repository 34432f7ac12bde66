"""Which fields of the answered payloads a silver column is made of, read off Spark's own plan.

A silver transform is PySpark, so its columns' origins stand in no text that could be parsed. They
are in the optimised plan of the transform over an empty frame. `python -m console.origins` writes
them to `origins.json` beside this file, for readers without Spark; a test keeps it in step.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from lakehouse.job import Silver
    from lakehouse.settings import Settings

    Node = dict[str, Any]
    Steps = tuple[str, ...]

FILE = Path(__file__).with_name("origins.json")
_EACH = "[]"  # one step of a path: every element of an array
_UNREACHED = ("Join", "Filter", "LogicalRDD")


class Origin(NamedTuple):
    """A path into a record, such as `payload.data[].Arrive[].bus`.

    `decides` where its value only chooses among others, as a condition or an order does.
    """

    path: str
    decides: bool = False


@cache
def known() -> dict[str, dict[str, tuple[Origin, ...]]]:
    """By silver table's full name and column, as the file has them."""
    told = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        table: {
            column: tuple(Origin(path, decides) for path, decides in origins)
            for column, origins in columns.items()
        }
        for table, columns in told.items()
    }


def of_job(spark: SparkSession, settings: Settings, job: Silver) -> dict[str, list[Origin]]:
    """The origins of each column of the job's contract, in the contract's order.

    Raises KeyError for a column that the plan does not end in, LookupError for a value whose
    origin the plan does not tell.
    """
    schema = (
        "stream string, fetched_at timestamp, request map<string, string>, "
        f"payload {job.payload}, source_uri string, source_row bigint, _corrupt string"
    )
    records = spark.createDataFrame(spark.sparkContext.emptyRDD(), schema)
    frame = job.transform(records, settings)
    optimised = frame._jdf.queryExecution().optimizedPlan()  # noqa: SLF001
    plan = _Plan.read(json.loads(optimised.toJSON()))
    ends = {output["name"]: output for output in plan.outputs}
    return {column.name: _sorted(plan.origins(ends[column.name])) for column in job.table.columns}


def _sorted(found: Iterator[Origin]) -> list[Origin]:
    """Each path once: a value that enters may decide as well."""
    each = {*found}
    return sorted(one for one in each if not one.decides or Origin(one.path) not in each)


def _kind(node: Node) -> str:
    return str(node["class"]).rsplit(".", maxsplit=1)[-1]


def _tree(nodes: list[Node]) -> Node:
    """Nodes in pre-order, each with its number of children, as one tree."""
    rest = iter(nodes)

    def take() -> Node:
        node = next(rest)
        return {**node, "kids": [take() for _ in range(node["num-children"])]}

    return take()


def _id(node: Node, name: str = "exprId") -> int:
    return int(node[name]["id"])


@dataclass
class _Plan:
    """What defines each value: an expression and the steps into it, or a column of the records."""

    outputs: list[Node]
    _made: dict[int, list[tuple[Node, Steps]]] = field(default_factory=dict)
    _read: dict[int, str] = field(default_factory=dict)

    @classmethod
    def read(cls, nodes: list[Node]) -> _Plan:
        plan = cls([])
        plan.outputs = plan._node(_tree(nodes))
        return plan

    def _node(self, node: Node) -> list[Node]:
        """Note what a node of the plan defines; gives what comes out of it."""
        below = [self._node(kid) for kid in node["kids"]]
        through = [output for outputs in below for output in outputs]
        kind = _kind(node)
        if kind in ("Project", "Aggregate"):
            listed = node["projectList" if kind == "Project" else "aggregateExpressions"]
            return [self._named(_tree(one)) for one in listed]
        if kind == "Window":
            return through + [self._named(_tree(one)) for one in node["windowExpressions"]]
        if kind == "Generate":
            return through + self._generated(node)
        if kind == "Union":
            for others in below[1:]:
                for first, other in zip(below[0], others, strict=True):
                    self._define(first, other)
            return below[0]
        if kind == "LogicalRDD":
            outputs = [_tree(one) for one in node["output"]]
            self._read |= {_id(one): one["name"] for one in outputs}
            return outputs
        if kind not in _UNREACHED:
            raise LookupError(f"a plan with {kind}: tell console/origins.py what it gives")
        return through

    def _named(self, expression: Node) -> Node:
        if _kind(expression) == "Alias":
            self._define(expression, expression["kids"][0])
        return expression

    def _generated(self, node: Node) -> list[Node]:
        generator = _tree(node["generator"])
        (source,) = generator["kids"]
        outputs = [_tree(one) for one in node["generatorOutput"]]
        if _kind(generator) == "PosExplode":  # the position says nothing of what stands there
            self._define(outputs[0], {"class": "Literal", "kids": []})
        self._define(outputs[-1], source, (_EACH,))
        return outputs

    def _define(self, name: Node, source: Node, into: Steps = ()) -> None:
        if _kind(source) != "AttributeReference" or _id(source) != _id(name):
            self._made.setdefault(_id(name), []).append((source, into))

    def origins(self, expression: Node, into: Steps = ()) -> Iterator[Origin]:
        """Where a value comes from, or the part of it that the steps lead into."""
        kind, kids = _kind(expression), expression["kids"]
        if kind in ("AttributeReference", "NamedLambdaVariable", "Alias"):
            yield from self._defined(expression, into)
        elif kind in _STEPS:
            yield from self.origins(kids[0], (*_STEPS[kind](expression), *into))
        elif kind == "CreateNamedStruct":
            named = {kids[n]["value"]: kids[n + 1] for n in range(0, len(kids), 2)}
            chosen = [named[into[0]]] if into else named.values()
            for one in chosen:
                yield from self.origins(one, into[1:])
        elif kind in _CHOOSING:
            values, deciding = _CHOOSING[kind](kids)
            yield from self._all(values, into)
            yield from self._deciding(deciding)
        elif kind in ("ArrayTransform", "ArrayFilter"):
            yield from self._lambda(kind, kids, into)
        else:
            inside = into if kind in _ALIKE else into[1:] if kind == "CreateArray" else ()
            yield from self._all(kids, inside)

    def _all(self, expressions: list[Node], into: Steps = ()) -> Iterator[Origin]:
        for one in expressions:
            yield from self.origins(one, into)

    def _deciding(self, expressions: list[Node]) -> Iterator[Origin]:
        for found in self._all(expressions):
            yield found._replace(decides=True)

    def _defined(self, name: Node, into: Steps) -> Iterator[Origin]:
        identity = _id(name)
        if identity in self._read:
            path = "".join(step if step == _EACH else f".{step}" for step in into)
            yield Origin(self._read[identity] + path)
        elif identity not in self._made:
            raise LookupError(f"nothing in the plan makes {name.get('name')}#{identity}")
        for source, steps in self._made.get(identity, ()):
            yield from self.origins(source, (*steps, *into))

    def _lambda(self, kind: str, kids: list[Node], into: Steps) -> Iterator[Origin]:
        array, function = kids
        body, element, *_ = function["kids"]
        self._made.setdefault(_id(element), [(array, (_EACH,))])
        for position in function["kids"][2:]:
            self._made.setdefault(_id(position), [])
        if kind == "ArrayFilter":
            yield from self.origins(array, into)
            yield from self._deciding([body])
        else:
            yield from self.origins(body, into[1:])


def _field(expression: Node) -> Steps:
    """Its name, which Spark leaves out where it took all fields of a struct apart itself."""
    name = expression.get("name")
    return (
        str(name or expression["kids"][0]["dataType"]["fields"][expression["ordinal"]]["name"]),
    )


def _map_value(expression: Node) -> Steps:
    return (str(expression["kids"][1].get("value", _EACH)),)


def _cases(kids: list[Node]) -> tuple[list[Node], list[Node]]:
    """Conditions and values by turns, at the end the value for none of them."""
    pairs = len(kids) // 2
    values = [kids[2 * n + 1] for n in range(pairs)] + kids[2 * pairs :]
    return values, [kids[2 * n] for n in range(pairs)]


# What leads into its first child by these steps.
_STEPS: dict[str, Callable[[Node], Steps]] = {
    "GetStructField": _field,
    "GetMapValue": _map_value,
    "GetArrayItem": lambda _: (_EACH,),
    "ElementAt": lambda _: (_EACH,),
    "Flatten": lambda _: (_EACH,),
    "GetArrayStructFields": lambda node: (_EACH, str(node["field"]["name"])),
}
# Values, and what decides which of them: by its children.
_CHOOSING: dict[str, Callable[[list[Node]], tuple[list[Node], list[Node]]]] = {
    "CaseWhen": _cases,
    "If": lambda kids: (kids[1:], kids[:1]),
    "WindowExpression": lambda kids: (kids[:1], kids[1:]),
}
# What has the same parts as its children.
_ALIKE = {
    "AggregateExpression", "ArrayDistinct", "Cast", "Coalesce", "Concat", "First", "JsonToStructs",
    "Last", "Max", "Min",
}  # fmt: skip


def main() -> int:
    """Write the file anew."""
    import tempfile  # noqa: PLC0415

    from console import session  # noqa: PLC0415
    from jobs.pipeline import GROUPS  # noqa: PLC0415
    from lakehouse import settings  # noqa: PLC0415
    from lakehouse.job import SilverGroup  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as home:
        chosen = settings.load({}, home=home)
        spark = session.start(chosen)
        found = {
            job.table.full_name: of_job(spark, chosen, job)
            for group in GROUPS
            if isinstance(group, SilverGroup)
            for job in group.jobs
        }
        spark.stop()
    FILE.write_text(text(found), encoding="utf-8")
    return 0


def text(found: dict[str, dict[str, list[Origin]]]) -> str:
    """The file's text: one column a line, so that a change reads well."""
    tables = []
    for table, columns in sorted(found.items()):
        lines = [
            f"  {json.dumps(column)}: {json.dumps(origins)}" for column, origins in columns.items()
        ]
        tables.append(f"{json.dumps(table)}: {{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(tables) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
