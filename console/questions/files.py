"""The files of sql/athena/: what each asks, what may be replaced in it, and what it reads.

A file stands as Athena takes it, but for ${prefix} and ${time_zone}, which Terraform fills in too.
A line `-- replace <name>: <text> (<meaning>)` says that <text> is an example to be replaced. It is
a quoted text, a number, a table (`emt_gold.arrivals_weather`), or a time: an expression of
current_timestamp, for which a time or a snapshot may be put.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import timezone
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from console.reading import Moment
from lakehouse import sql
from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from lakehouse.settings import Settings

KINDS = ("views", "questions", "audit")
VIEWS = "views"
_REPLACE = re.compile(r"^-- replace (\w+): (.+?) \((.+)\)$", re.MULTILINE)
_TABLE = re.compile(r"[a-z_]+\.[a-z_]+\Z")
_VIEW = re.compile(r"\$\{prefix\}_views\.(\w+)")


@dataclass(frozen=True)
class Example:
    """A piece of a file's SQL that stands for what the asker means."""

    name: str
    text: str
    meaning: str

    @property
    def is_table(self) -> bool:
        """Whether it names a table."""
        return bool(_TABLE.match(self.text))

    def put(self, statement: str, value: str) -> str:
        """The statement with the value in its place.

        Raises UsageError for a value that cannot stand there: none enters the text unquoted.
        """
        if self.is_table:
            return self._put_table(statement, value)
        if self.text.startswith("'"):
            quoted = value.replace("'", "''")
            return statement.replace(self.text, f"'{quoted}'")
        if self.text.isdigit():
            if not value.isdigit():
                raise UsageError(f"{self.name} is a number, not {value!r}")
            return statement.replace(self.text, value)
        return self._put_time(statement, value)

    def _put_table(self, statement: str, value: str) -> str:
        if not _TABLE.match(value):
            raise UsageError(f"{self.name} is database.table, not {value!r}")
        (database, table), (other, name) = self.text.split("."), value.split(".")
        pattern = rf'(\$\{{prefix\}}_){database}(\."?){table}\b'
        return re.sub(pattern, rf"\g<1>{other}\g<2>{name}", statement)

    def _put_time(self, statement: str, value: str) -> str:
        moment = Moment.parse(value)
        if moment.ref:
            raise UsageError(f"{self.name} is a time (UTC) or a snapshot id, not {value!r}")
        if moment.snapshot_id:
            travel = f"for timestamp as of {self.text}"
            if travel not in statement:
                raise UsageError(f"{self.name} is a time (UTC), not the snapshot {value}")
            return statement.replace(travel, f"for version as of {moment.snapshot_id}")
        assert moment.at  # noqa: S101  neither now nor a name, so a time
        at = moment.at.astimezone(timezone.utc)
        return statement.replace(self.text, f"timestamp '{at:%Y-%m-%d %H:%M:%S.%f} UTC'")


@dataclass(frozen=True)
class Query:
    """One file: `kind` is its folder, `text` what it holds."""

    kind: str
    name: str
    text: str

    @property
    def title(self) -> str:
        """The first line: question and grain."""
        return self.text.split("\n", maxsplit=1)[0].removeprefix("-- ")

    @property
    def examples(self) -> tuple[Example, ...]:
        """What may be replaced."""
        return tuple(Example(*found) for found in _REPLACE.findall(self.text))

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the views it stands on."""
        return tuple(dict.fromkeys(_VIEW.findall(self.text)))

    def asked(self, values: dict[str, str]) -> str:
        """The statement, with these values for its examples.

        Raises UsageError for a name that is not one of them.
        """
        known = {example.name: example for example in self.examples}
        for name in values:
            if name not in known:
                takes = ", ".join(known) or "nothing"
                raise UsageError(
                    f"{self.name} takes {takes}, not {name}",
                    next_command=f"lake questions show {self.name}",
                )
        statement = "\n".join(x for x in self.text.split("\n") if not _REPLACE.match(x))
        for name, value in values.items():
            statement = known[name].put(statement, value)
        return statement.strip()


def without_prefix(statement: str) -> str:
    """The statement with the names of the local place, where databases have no prefix."""
    return statement.replace("${prefix}_", "")


def filled(statement: str, settings: Settings) -> str:
    """The statement for Athena: with this lake's databases and time zone."""
    zone = settings.time_zone.replace("'", "''")
    return statement.replace("${prefix}", settings.prefix).replace("${time_zone}", zone)


@lru_cache
def everything() -> tuple[Query, ...]:
    """Every file, in the order of kinds and names."""
    found = []
    for kind in KINDS:
        files = resources.files("sql").joinpath("athena", kind).iterdir()
        names = sorted(f.name[: -len(".sql")] for f in files if f.name.endswith(".sql"))
        found += [Query(kind, name, sql.select(f"athena/{kind}/{name}")) for name in names]
    return tuple(found)


def of_kind(kind: str) -> tuple[Query, ...]:
    """The files of one folder."""
    return tuple(query for query in everything() if query.kind == kind)


def find(name: str) -> Query:
    """The file of that name, with or without its folder. Raises UsageError for an unknown one."""
    plain = name.removesuffix(".sql")
    for query in everything():
        if plain in (query.name, f"{query.kind}/{query.name}"):
            return query
    names = [query.name for query in everything()]
    near = difflib.get_close_matches(plain.rsplit("/", maxsplit=1)[-1], names, 3)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise UsageError(f"no question {name}{hint}", next_command="lake questions")


def view(name: str) -> Query:
    """The view of that name. Raises UsageError for an unknown one."""
    known = {query.name: query for query in of_kind(VIEWS)}
    if name not in known:
        near = difflib.get_close_matches(name, known, 3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise UsageError(f"no view {name}{hint}", next_command="lake views")
    return known[name]


def in_order(names: Any = None) -> list[Query]:
    """Views, each after those it stands on: these and what they need, or all."""
    done: dict[str, Query] = {}

    def add(name: str) -> None:
        query = view(name)
        for needed in query.reads:
            if needed not in done:
                add(needed)
        done[name] = query

    for name in sorted(query.name for query in of_kind(VIEWS)) if names is None else names:
        if name not in done:
            add(name)
    return list(done.values())
