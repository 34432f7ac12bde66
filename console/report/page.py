"""What the page is made of, and its rendering by the template: no figure is computed here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Column:
    """A table's column; `kind` is text, name, number or code."""

    title: str
    kind: str = "text"


@dataclass(frozen=True)
class Table:
    """Rows of words, as wide as `columns`; the first column names the row."""

    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Key:
    """An entry of a legend: a swatch's class and what it means."""

    swatch: str
    meaning: str


@dataclass(frozen=True)
class Figure:
    """A chart with the finding as its title and the table behind it; or why there is none."""

    title: str
    chart: Markup | None = None
    table: Table | None = None
    note: str = ""
    legend: tuple[Key, ...] = ()
    span: str = "half"
    empty: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the report; its heading says what was found."""

    name: str
    kicker: str
    heading: str
    lead: str = ""
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Fact:
    """A key figure: its name, the figure, and what it rests on."""

    name: str
    value: str
    basis: str


@dataclass(frozen=True)
class Page:
    """The whole report."""

    title: str
    finding: str
    definition: str
    source: str
    made_at: str
    made_at_utc: str
    freshness: tuple[Fact, ...]
    snapshots: Table
    key_figures: tuple[Fact, ...]
    sections: tuple[Section, ...]
    attribution: str


def render(page: Page) -> str:
    """The page as one HTML document; everything but our own SVG and CSS is escaped."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415

    folder = resources.files(__package__)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((folder / "page.html.j2").read_text(encoding="utf-8"))
    style = Markup((folder / "style.css").read_text(encoding="utf-8"))  # noqa: S704
    return template.render(page=page, style=style)
