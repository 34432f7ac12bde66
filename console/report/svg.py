"""The few shapes that the charts are drawn with: escaped SVG elements and fluid coordinates.

Charts are as wide as the page gives them: across, they are measured in percent, so that text
keeps its size on a phone; only the map, whose shape matters, is scaled as a whole.
"""

from __future__ import annotations

from markupsafe import Markup, escape

Value = str | int | float


def number(value: float) -> str:
    """At most two decimals, none in vain."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def pct(value: float) -> str:
    """A coordinate in percent of the chart's width."""
    return f"{number(value)}%"


def element(name: str, *children: str, **attributes: Value) -> Markup:
    """`<name …>children</name>`; every child and value that is no Markup is escaped.

    `class_` is written class, `stroke_width` stroke-width.
    """
    words = [name]
    for key, value in attributes.items():
        text = value if isinstance(value, str) else number(value)
        words.append(f'{_attribute(key)}="{escape(text)}"')
    inside = "".join(escape(child) for child in children)
    opened = " ".join(words)
    return Markup(f"<{opened}>{inside}</{name}>" if inside else f"<{opened}/>")  # noqa: S704


def _attribute(key: str) -> str:
    return key if key in {"viewBox", "patternUnits"} else key.rstrip("_").replace("_", "-")


def text(words: str, x: str, y: float, *, anchor: str = "start", class_: str = "") -> Markup:
    """A line of text, by its left end, middle or right end."""
    place = {} if anchor == "start" else {"text_anchor": anchor}
    style = {"class_": class_} if class_ else {}
    return element("text", words, x=x, y=y, **place, **style)


def fluid(label: str, height: float, *children: str, class_: str) -> Markup:
    """A chart as wide as its place and `height` pixels high."""
    return element(
        "svg", *children, role="img", aria_label=label, class_=class_, width="100%", height=height
    )


def scaled(label: str, size: tuple[float, float], *children: str, class_: str) -> Markup:
    """A drawing whose proportions are kept."""
    box = f"0 0 {number(size[0])} {number(size[1])}"
    return element("svg", *children, role="img", aria_label=label, class_=class_, viewBox=box)


def hatch(name: str) -> Markup:
    """The pattern that marks too small a sample; to be used as `url(#name)`."""
    lines = element("path", d="M0 5L5 0M-1 1L1-1M4 6L6 4", class_="hatch-line")
    ground = element("rect", width=5, height=5, class_="hatch-ground")
    pattern = element(
        "pattern", ground, lines, id=name, width=5, height=5, patternUnits="userSpaceOnUse"
    )
    return element("defs", pattern)


def titled(shape: str, words: str, **attributes: Value) -> Markup:
    """A shape with the words that appear over it."""
    return element(shape, element("title", words), **attributes)
