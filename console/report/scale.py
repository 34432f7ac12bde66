"""From delay rates to colours, and from samples to how far they can be trusted."""

from __future__ import annotations

import bisect
import math

MIN_CELL = 5  # rated predictions below which a rate is not coloured
MIN_STOP = 10  # … below which a stop is not ranked
MIN_LINE = 30  # … below which a line or an hour is not ranked
STEPS = (0.1, 0.2, 0.3, 0.45, 0.6)
LABELS = ("under 10 %", "10 to 20 %", "20 to 30 %", "30 to 45 %", "45 to 60 %", "60 % or more")
_MARKS = ((0.4, 0.1), (0.8, 0.2), (1.0, 0.25))  # up to so high, marks so far apart
_Z95 = 1.959964


def colour(rate: float) -> str:
    """The class of a rate's colour, q0 (seldom late) to q5."""
    return f"q{bisect.bisect_right(STEPS, rate)}"


def wilson(late: int, rated: int) -> tuple[float, float]:
    """The 95 % interval of a rate (Wilson's, which holds for small samples and extreme rates)."""
    rate, z2 = late / rated, _Z95**2
    centre = rate + z2 / (2 * rated)
    half = _Z95 * math.sqrt(rate * (1 - rate) / rated + z2 / (4 * rated**2))
    whole = 1 + z2 / rated
    return max(0.0, (centre - half) / whole), min(1.0, (centre + half) / whole)


def round_up(value: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten: where an axis may end."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= value * (1 - 1e-9))


def rate_axis(highest: float) -> tuple[float, list[float]]:
    """Where a rate's axis ends, and its marks."""
    end = min(1.0, math.ceil(max(highest, 0.1) * 10 - 1e-9) / 10)
    step = next(step for top, step in _MARKS if end <= top)
    end = math.ceil(end / step - 1e-9) * step
    return end, [step * i for i in range(round(end / step) + 1)]
