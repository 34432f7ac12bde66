"""The heat map of lines by local hour; a cell with too small a sample is hatched, not coloured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.report import scale, svg, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

Sample = tuple[int, int]  # rated, late
_HEIGHT = 500
_ROWS = (19, 28)  # a row's lowest and highest
_HEAD = 22
_GUTTER = 13.0  # percent of the width, for the lines' labels
_SPARSE = 12


def chart(
    label: str, rows: Sequence[str], hours: Sequence[int], samples: Mapping[tuple[str, int], Sample]
) -> Markup:
    """One row for each of `rows`, one column for each of `hours`."""
    width = (100 - _GUTTER) / len(hours)
    high = min(max(_HEIGHT // len(rows), _ROWS[0]), _ROWS[1])
    shapes = [svg.hatch("few-hours")]
    shapes += [_hour(hour, i, width) for i, hour in enumerate(hours) if _named(hour, hours)]
    for number, row in enumerate(rows):
        top = _HEAD + high * number
        shapes.append(svg.text(words.clip(row, 7), "0", top + high / 2 + 4, class_="row"))
        for column, hour in enumerate(hours):
            left = _GUTTER + column * width
            sample = samples.get((row, hour), (0, 0))
            shapes.append(_cell(_said(row, hour, sample), sample, (left, top, width, high)))
    return svg.fluid(label, _HEAD + high * len(rows), *shapes, class_="heat")


def _named(hour: int, hours: Sequence[int]) -> bool:
    return len(hours) <= _SPARSE or hour % 3 == 0


def _hour(hour: int, column: int, width: float) -> Markup:
    middle = svg.pct(_GUTTER + (column + 0.5) * width)
    return svg.text(f"{hour:02}", middle, 13, anchor="middle", class_="tick")


def _said(row: str, hour: int, sample: Sample) -> str:
    rated, late = sample
    rate = f"{words.share(late, rated)} of {words.count(rated)}"
    few = f", fewer than {scale.MIN_CELL}" if rated < scale.MIN_CELL else ""
    return f"Line {row}, {span(hour)}: {rate} late{few}"


def span(hour: int) -> str:
    """An hour of the day, from its beginning to its end."""
    return f"{hour:02}{words.EN_DASH}{(hour + 1) % 24:02} h"


def _cell(said: str, sample: Sample, box: tuple[float, float, float, float]) -> Markup:
    rated, late = sample
    left, top, width, high = box
    place: dict[str, svg.Value] = {
        "x": svg.pct(left),
        "width": svg.pct(width * 0.94),
        "y": top,
        "height": high - 2,
    }
    if not rated:
        return svg.element("rect", **place, class_="none")
    if rated < scale.MIN_CELL:
        return svg.titled("rect", said, **place, fill="url(#few-hours)")
    return svg.titled("rect", said, **place, class_=scale.colour(late / rated))
