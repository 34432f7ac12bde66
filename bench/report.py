"""What was measured against its bar, for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from bench.measure import Cost, median

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """A measured figure and the most it may be.

    `exact` figures (bytes, files, plans, sums) are the same in every run and decide the exit code.
    A figure that is not `judged` says nothing at this size.
    """

    name: str
    value: float
    bar: float
    exact: bool
    judged: bool = True

    @property
    def mark(self) -> str:
        """pass, FAIL, or that it is not judged."""
        if not self.judged:
            return "not judged at this size"
        return "pass" if self.value <= self.bar else "FAIL"

    def __str__(self) -> str:
        return f"{self.name}: {self.value:.3g}, at most {self.bar:g}: {self.mark}"


@dataclass
class Report:
    """All figures, and the costs they were made from."""

    figures: list[Figure] = field(default_factory=list)
    costs: dict[str, list[Cost]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def ratio(
        self, name: str, above: str, below: str, of: str, bar: float, *, judged: bool
    ) -> None:
        """Add median(above) / median(below) of one figure of their costs."""
        top, bottom = (getattr(median(self.costs[key]), of) for key in (above, below))
        value = top / bottom if bottom else float("inf")
        exact = of.endswith("bytes")
        self.figures.append(Figure(name, value, bar, exact=exact, judged=judged or exact))

    def count(self, name: str, value: float, bar: float) -> None:
        """Add a figure that is the same in every run."""
        self.figures.append(Figure(name, value, bar, exact=True))

    @property
    def missed(self) -> Sequence[Figure]:
        """Exact figures over their bar."""
        return [f for f in self.figures if f.exact and f.mark == "FAIL"]

    def to_json(self) -> str:
        """Everything, the costs of each single run included."""
        figures = [{**asdict(f), "mark": f.mark} for f in self.figures]
        costs = {name: [asdict(c) for c in costs] for name, costs in self.costs.items()}
        return json.dumps({"figures": figures, "costs": costs, "facts": self.facts}, indent=2)

    def tables(self) -> tuple[Table, Table]:
        """The figures with their bars, and the median costs."""
        from rich.table import Table as Grid  # noqa: PLC0415

        figures = Grid("figure", "measured", "at most", "mark", title="Against the bars")
        for f in self.figures:
            figures.add_row(f.name, f"{f.value:.3g}", f"{f.bar:g}", f.mark)
        costs = Grid("work", "CPU s", "wall s", "MB read", "MB shuffled", "runs", title="Medians")
        for name, found in self.costs.items():
            mid = median(found)
            costs.add_row(
                name, f"{mid.cpu_sec:.1f}", f"{mid.wall_sec:.1f}", f"{mid.read_bytes / 1e6:.1f}",
                f"{mid.shuffle_bytes / 1e6:.1f}", str(len(found)),
            )  # fmt: skip
        return figures, costs
