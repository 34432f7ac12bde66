"""A figure through time, one row a table: it stands until the next commit changes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.report import svg, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

_ROW = 58
_LINE = 45.0  # small letters that fit on a phone's line
_TOP, _LOW = 22, 46
_MOST = 60  # steps that can be told apart; more would only make the page heavy


@dataclass(frozen=True)
class Row:
    """A table's steps: (when, from 0 to 1 of the time shown; value); `figure` says the last."""

    label: str
    figure: str
    steps: Sequence[tuple[float, float]]


def chart(rows: Sequence[Row], label: str, start: str, end: str) -> Markup:
    """A row for each table, each by its own scale from 0, over one axis of time."""
    height = _ROW * len(rows)
    shapes = [_row(row, _ROW * i) for i, row in enumerate(rows)]
    ticks = [
        svg.text(start, "0", height + 12, class_="tick"),
        svg.text(end, "100%", height + 12, anchor="end", class_="tick"),
    ]
    return svg.fluid(label, height + 18, *shapes, *ticks, class_="steps")


def thin(steps: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most so many steps; of each stretch the highest value stays, and the last step too."""
    if len(steps) <= _MOST:
        return list(steps)
    by_slot: dict[int, tuple[float, float]] = {}
    for at, value in steps:
        slot = int(at * (_MOST - 1))
        if slot not in by_slot or value >= by_slot[slot][1]:
            by_slot[slot] = (at, value)
    return sorted({*by_slot.values(), steps[-1]})


def _row(row: Row, top: float) -> Markup:
    shapes = [
        svg.element("title", f"{row.label}: {row.figure}"),
        svg.element("rect", y=top, width="100%", height=_LOW, class_="blank"),
        svg.text(words.clip(row.label, _LINE - len(row.figure)), "0", top + 14),
        svg.text(row.figure, "100%", top + 14, anchor="end", class_="figure"),
        svg.element("line", x1="0", x2="100%", y1=top + _LOW, y2=top + _LOW, class_="grid"),
    ]
    return svg.element("g", *shapes, *_lines(thin(row.steps), top))


def _lines(steps: Sequence[tuple[float, float]], top: float) -> list[Markup]:
    most = max((value for _, value in steps), default=0) or 1
    shapes = []
    for (at, value), after in zip(steps, [*steps[1:], (1.0, steps[-1][1])] if steps else []):
        x1, x2 = svg.pct(100 * at), svg.pct(100 * after[0])
        y, y2 = (top + _LOW - (_LOW - _TOP) * v / most for v in (value, after[1]))
        shapes.append(svg.element("line", x1=x1, x2=x2, y1=y, y2=y, class_="step"))
        if y2 != y:
            shapes.append(svg.element("line", x1=x2, x2=x2, y1=y, y2=y2, class_="step"))
    return shapes
