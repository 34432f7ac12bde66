"""Delay rate, temperature and rain through time: three panels over one axis of time slots.

Only slots with predictions are drawn; where time is skipped between two, a dashed line says so
and the temperature's line is broken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.report import scale, svg, words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from markupsafe import Markup

_LEFT = 12.0  # percent of the width, for the axes' figures
_MOST_TICKS = 5
_FEW = "few-slots"


@dataclass(frozen=True)
class Point:
    """A time slot; `follows` says that it is the one right after the point before."""

    start: datetime
    name: str
    rated: int
    late: int
    temp_c: float | None
    precip_mm: float | None
    follows: bool


@dataclass(frozen=True)
class _Panel:
    top: float
    height: float
    low: float
    high: float

    def y(self, value: float) -> float:
        return self.top + self.height * (1 - (value - self.low) / (self.high - self.low))


def chart(label: str, points: Sequence[Point]) -> Markup:
    """The three panels, one below the other, and the times below them."""
    shapes = [svg.hatch(_FEW), *_rates(points, 28, 140), *_temperatures(points, 206, 70)]
    shapes += [*_rains(points, 314, 50), *_skips(points, 364), *_times(points, 364)]
    return svg.fluid(label, 402, *shapes, class_="time")


def _width(points: Sequence[Point]) -> float:
    return (100 - _LEFT) / len(points)


def _left(points: Sequence[Point], place: float) -> float:
    return _LEFT + place * _width(points)


def _frame(panel: _Panel, title: str, marks: Sequence[tuple[float, str]]) -> list[Markup]:
    shapes = [svg.text(title, "0", panel.top - 13, class_="panel")]
    for value, name in marks:
        y = panel.y(value)
        shapes.append(svg.element("line", x1=svg.pct(_LEFT), x2="100%", y1=y, y2=y, class_="grid"))
        shapes.append(svg.text(name, svg.pct(_LEFT - 1), y + 4, anchor="end", class_="tick"))
    return shapes


def _bar(
    points: Sequence[Point], place: int, panel: _Panel, value: float, said: str, **look: str
) -> Markup:
    y = panel.y(value)
    width = _width(points)
    return svg.titled(
        "rect",
        said,
        x=svg.pct(_left(points, place + 0.08)),
        width=svg.pct(min(width * 0.84, 6)),
        y=y,
        height=max(panel.top + panel.height - y, 0.75),
        **look,
    )


def _rates(points: Sequence[Point], top: float, height: float) -> list[Markup]:
    sure = [p.late / p.rated for p in points if p.rated >= scale.MIN_CELL]
    end, marks = scale.rate_axis(max(sure, default=1.0))
    panel = _Panel(top, height, 0, end)
    shapes = _frame(panel, "Late, % of rated", [(m, words.percent(m)) for m in marks])
    for place, point in enumerate(points):
        if point.rated:
            rate = min(point.late / point.rated, end)
            said = f"{point.name}: {words.share(point.late, point.rated)} of {point.rated} late"
            few = point.rated < scale.MIN_CELL
            look = {"fill": f"url(#{_FEW})"} if few else {"class_": "bar"}
            shapes.append(_bar(points, place, panel, rate, said, **look))
    return shapes


def _temperatures(points: Sequence[Point], top: float, height: float) -> list[Markup]:
    known = [p.temp_c for p in points if p.temp_c is not None]
    low, high = (min(known) // 5 * 5, -(-max(known) // 5) * 5) if known else (0, 1)
    panel = _Panel(top, height, low, high if high > low else low + 5)
    marks = [(m, f"{m:.0f} °C") for m in (panel.low, panel.high)] if known else []
    shapes = _frame(panel, "Temperature" if known else "Temperature: no observation", marks)
    for place, point in enumerate(points):
        if point.temp_c is None:
            continue
        x, y = svg.pct(_middle(points, place)), panel.y(point.temp_c)
        before = points[place - 1].temp_c if place and point.follows else None
        if before is not None:
            x1, y1 = svg.pct(_middle(points, place - 1)), panel.y(before)
            shapes.append(svg.element("line", x1=x1, y1=y1, x2=x, y2=y, class_="temp"))
        said = f"{point.name}: {words.measure(point.temp_c, '°C')}"
        shapes.append(svg.titled("circle", said, cx=x, cy=y, r=2.5, class_="temp"))
    return shapes


def _middle(points: Sequence[Point], place: int) -> float:
    return _left(points, place + 0.08) + min(_width(points) * 0.84, 6) / 2


def _rains(points: Sequence[Point], top: float, height: float) -> list[Markup]:
    known = [p.precip_mm for p in points if p.precip_mm is not None]
    end = scale.round_up(max(known, default=0.0)) if any(known) else 1.0
    panel = _Panel(top, height, 0, end)
    title = "Precipitation" if any(known) else "Precipitation: none" if known else ""
    marks = [(0.0, "0 mm")] if known else []
    marks += [(end, f"{svg.number(end)} mm")] if any(known) else []
    shapes = _frame(panel, title or "Precipitation: no observation", marks)
    for place, point in enumerate(points):
        if point.precip_mm:
            said = f"{point.name}: {words.measure(point.precip_mm, 'mm')}"
            shapes.append(_bar(points, place, panel, point.precip_mm, said, class_="rain"))
    return shapes


def _skips(points: Sequence[Point], bottom: float) -> list[Markup]:
    places = [i for i, p in enumerate(points) if i and not p.follows]
    xs = [svg.pct(_left(points, place)) for place in places]
    return [svg.element("line", x1=x, x2=x, y1=28, y2=bottom, class_="skip-line") for x in xs]


def _ticks(points: Sequence[Point]) -> Sequence[int]:
    """The first slot of each day, if that is a handful; else as many at equal steps."""
    days = [
        i for i, p in enumerate(points) if not i or p.start.date() != points[i - 1].start.date()
    ]
    apart = min((b - a for a, b in zip(days, days[1:])), default=0)
    if len(points) <= _MOST_TICKS + 1:
        return range(len(points))
    if 1 < len(days) <= _MOST_TICKS and apart * _MOST_TICKS >= len(points) * 0.8:
        return days
    return range(0, len(points), -(-len(points) // _MOST_TICKS))


def _times(points: Sequence[Point], bottom: float) -> list[Markup]:
    shapes = []
    for place in _ticks(points):
        day, _, time = points[place].name.partition(", ")
        x = svg.pct(_left(points, place + 0.08))
        shapes.append(svg.text(time or day, x, bottom + 17, class_="tick"))
        shapes.append(svg.text(day if time else "", x, bottom + 31, class_="tick"))
    return shapes
