"""Horizontal bars, the label and its figure above each, so that they fit a phone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.report import svg, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

_ROW = 44
_LINE = 45.0  # small letters that fit on a phone's line
_BOLD = 1.2  # a figure's letter, in small letters
_EDGE = 0.99  # from here on a mark's name would leave the chart


@dataclass(frozen=True)
class Bar:
    """One bar; `interval` is drawn as a whisker."""

    label: str
    figure: str
    value: float
    class_: str = "bar"
    interval: tuple[float, float] | None = None


def chart(
    bars: Sequence[Bar], label: str, end: float, marks: Sequence[tuple[float, str]]
) -> Markup:
    """Bars from 0 to `end`, with `marks` on the axis below."""
    height = _ROW * len(bars)
    grid = [_mark(at / end, name, height) for at, name in marks]
    rows = [_row(bar, end, _ROW * i) for i, bar in enumerate(bars)]
    return svg.fluid(label, height + (22 if marks else 0), *grid, *rows, class_="bars")


def _mark(at: float, name: str, height: float) -> Markup:
    x = svg.pct(100 * at)
    anchor = "start" if at == 0 else "end" if at > _EDGE else "middle"
    line = svg.element("line", x1=x, x2=x, y1=4, y2=height, class_="grid")
    return line + svg.text(name, x, height + 15, anchor=anchor, class_="tick")


def _row(bar: Bar, end: float, top: float) -> Markup:
    width = svg.pct(100 * bar.value / end)
    shapes = [
        svg.element("title", f"{bar.label}: {bar.figure}"),
        svg.element("rect", y=top, width="100%", height=18, class_="blank"),
        svg.text(words.clip(bar.label, _LINE - _BOLD * len(bar.figure)), "0", top + 14),
        svg.text(bar.figure, "100%", top + 14, anchor="end", class_="figure"),
        svg.element("rect", y=top + 20, width="100%", height=9, class_="track"),
        svg.element("rect", y=top + 20, width=width, height=9, class_=bar.class_),
    ]
    return svg.element("g", *shapes, *_whisker(bar.interval, end, top + 34))


def _whisker(interval: tuple[float, float] | None, end: float, y: float) -> list[Markup]:
    if interval is None:
        return []
    low, high = (svg.pct(100 * min(edge / end, 1)) for edge in interval)
    return [
        svg.element("line", x1=low, x2=high, y1=y, y2=y, class_="whisker"),
        svg.element("line", x1=low, x2=low, y1=y - 3, y2=y + 3, class_="whisker"),
        svg.element("line", x1=high, x2=high, y1=y - 3, y2=y + 3, class_="whisker"),
    ]
