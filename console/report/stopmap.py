"""The map of the stops: points in a plane that is true to scale around their middle, no tiles."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.report import scale, svg, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from console.report.facts import Stop

_WIDTH = 720.0
_HIGHEST = 780.0
_EDGE = 26.0
_FAR_DEG = 0.5  # a stop farther from the middle is a wrong coordinate, not Madrid
_RADII = ((200, 7.0), (1000, 4.5), (math.inf, 3.2))  # up to so many stops, points so large
_KM_PER_DEG = 111.195


@dataclass(frozen=True)
class Projection:
    """Equirectangular, with longitudes shortened by the cosine of the middle latitude."""

    west: float
    north: float
    squeeze: float
    px_per_deg: float
    size: tuple[float, float]

    def place(self, lon: float, lat: float) -> tuple[float, float]:
        """Where a point stands, in the drawing's own units."""
        x = (lon - self.west) * self.squeeze * self.px_per_deg
        return _EDGE + x, _EDGE + (self.north - lat) * self.px_per_deg

    @property
    def px_per_km(self) -> float:
        """How long a kilometre is drawn."""
        return self.px_per_deg / _KM_PER_DEG


def located(stops: Sequence[Stop]) -> list[tuple[Stop, float, float]]:
    """The stops with believable coordinates: (stop, lon, lat)."""
    known = [(s, s.lon, s.lat) for s in stops if s.lon is not None and s.lat is not None]
    if not known:
        return []
    lon, lat = statistics.median(k[1] for k in known), statistics.median(k[2] for k in known)
    return [k for k in known if abs(k[1] - lon) <= _FAR_DEG and abs(k[2] - lat) <= _FAR_DEG]


def projection(points: Sequence[tuple[Stop, float, float]]) -> Projection:
    """The largest drawing of the points that fits."""
    lons, lats = [p[1] for p in points], [p[2] for p in points]
    squeeze = math.cos(math.radians((min(lats) + max(lats)) / 2))
    across = max((max(lons) - min(lons)) * squeeze, 0.001)
    down = max(max(lats) - min(lats), 0.001)
    per_deg = min((_WIDTH - 2 * _EDGE) / across, (_HIGHEST - 4 * _EDGE) / down)
    size = (across * per_deg + 2 * _EDGE, down * per_deg + 4 * _EDGE)
    return Projection(min(lons), max(lats), squeeze, per_deg, size)


def chart(label: str, points: Sequence[tuple[Stop, float, float]]) -> Markup:
    """Stops without data in grey, those with few in white, then the rated, the worst on top."""
    view = projection(points)
    radius = next(r for most, r in _RADII if len(points) <= most)
    silent = [view.place(lon, lat) for stop, lon, lat in points if not stop.rated]
    few = [view.place(*p[1:]) for p in points if 0 < p[0].rated < scale.MIN_CELL]
    sure = [(p[0], *view.place(*p[1:])) for p in points if p[0].rated >= scale.MIN_CELL]
    sure.sort(key=lambda p: p[0].late / p[0].rated)
    shapes = [
        _dots(silent, "silent", 1.4 * radius),
        _dots(few, "rim", 1.6 * radius),
        _dots(few, "few", 1.6 * radius - 1.6),
        *(_stop(*point, radius) for point in sure),
    ]
    return svg.scaled(label, view.size, *shapes, *_ruler(view), class_="map")


def _dots(places: Sequence[tuple[float, float]], class_: str, width: float) -> Markup:
    path = "".join(f"M{svg.number(x)} {svg.number(y)}h0" for x, y in places)
    return svg.element("path", d=path, class_=f"dots {class_}", stroke_width=width)


def _stop(stop: Stop, x: float, y: float, radius: float) -> Markup:
    said = f"{stop.name or 'Stop'} ({stop.stop_id}): {words.share(stop.late, stop.rated)}"
    look = scale.colour(stop.late / stop.rated)
    return svg.titled("circle", f"{said} of {stop.rated}", cx=x, cy=y, r=radius, class_=look)


def _ruler(view: Projection) -> list[Markup]:
    width, height = view.size
    longest = width * 0.3 / view.px_per_km
    km = max((k for k in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if k <= longest), default=0.1)
    y, right = height - 16, width - 16
    left = right - km * view.px_per_km
    path = svg.element("path", d=f"M{left:.1f} {y - 6:.1f}v6H{right:.1f}v-6", class_="ruler")
    name = f"{svg.number(km)} km" if km >= 1 else f"{km * 1000:.0f} m"
    words_ = svg.text(name, svg.number((left + right) / 2), y - 8, anchor="middle")
    north = svg.text("N ↑", "16", y)
    return [path, words_, north]
