"""The sections on delays: by line and hour, and by stop."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from console.report import bars, heatmap, scale, stopmap, words
from console.report.page import Column, Figure, Key, Section, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from console.report.facts import Cell, Line, Stop

MAX_ROWS = 28
MAX_BARS = 12
ALL = "All"
HIGH = scale.STEPS[2]
_COLOURS = tuple(Key(f"q{i}", name) for i, name in enumerate(scale.LABELS))
_FEW = f"fewer than {scale.MIN_CELL} rated"


def by_line(lines: Sequence[Line], cells: Sequence[Cell], unrated: str) -> Section:
    """Which lines are late, and at which hours."""
    if not cells:
        empty = unrated or "The hourly table holds no rated predictions: run the lake."
        figure = Figure("Delay rate by line and hour of the day", empty=empty, span="full")
        return Section("lines", "Lines and hours", "No line can be rated yet", figures=(figure,))
    ranked = [line for line in lines if line.rated >= scale.MIN_LINE]
    figures = (_heat(lines, cells), _worst_lines(ranked))
    return Section("lines", "Lines and hours", _lines_heading(ranked), figures=figures)


def _lines_heading(ranked: Sequence[Line]) -> str:
    if not ranked:
        return f"No line has {scale.MIN_LINE} rated predictions yet"
    worst = ranked[0]
    if not worst.late:
        return "No line is late"
    rate = words.share(worst.late, worst.rated)
    of = f"{words.count(worst.rated)} rated predictions"
    return f"Line {worst.label} is late most often: {rate} of {of}"


def _heat(lines: Sequence[Line], cells: Sequence[Cell]) -> Figure:
    samples = {(c.label, c.hour): (c.rated, c.late) for c in cells}
    hourly = _by_hour(cells)
    samples.update({(ALL, hour): sample for hour, sample in hourly.items()})
    hours = range(min(hourly), max(hourly) + 1)
    rated = [line for line in lines if line.rated]
    most = sorted(rated, key=lambda line: (-line.rated, words.natural(line.label)))[:MAX_ROWS]
    rows = [ALL, *(line.label for line in rated if line in set(most))]
    shown = f"the {len(most)} of {len(rated)} lines with the most" if len(most) < len(rated) else ""
    note = (
        f"Rows: {shown or 'all lines with'} rated predictions, the one late most often on top. "
        f"Columns: hours of the day in Madrid. Hatched: {_FEW}. Empty: none."
    )
    label = f"Heat map of delay rates: {len(rows)} rows of lines by {len(hours)} hours of the day"
    return Figure(
        _worst_hour(hourly),
        heatmap.chart(label, rows, hours, samples),
        _heat_table(rated, hours, samples),
        note,
        (*_COLOURS, Key("few", _FEW)),
        "major",
    )


def _by_hour(cells: Sequence[Cell]) -> dict[int, heatmap.Sample]:
    hourly: dict[int, heatmap.Sample] = defaultdict(lambda: (0, 0))
    for cell in cells:
        rated, late = hourly[cell.hour]
        hourly[cell.hour] = (rated + cell.rated, late + cell.late)
    return dict(hourly)


def _worst_hour(hourly: dict[int, heatmap.Sample]) -> str:
    sure = {hour: s for hour, s in hourly.items() if s[0] >= scale.MIN_LINE and s[1]}
    if len(sure) <= 1:
        return "Delay rate by line and hour of the day"
    hour = max(sure, key=lambda h: sure[h][1] / sure[h][0])
    rated, late = sure[hour]
    return f"The worst hour is {heatmap.span(hour)}: {words.share(late, rated)} late"


def _heat_table(
    lines: Sequence[Line], hours: Sequence[int], samples: dict[tuple[str, int], heatmap.Sample]
) -> Table:
    names = [ALL, *sorted((line.label for line in lines), key=words.natural)]
    columns = (Column("Line"), *(Column(heatmap.span(hour), "number") for hour in hours))
    rows = [
        (name, *(_sample(*samples.get((name, hour), (0, 0))) for hour in hours)) for name in names
    ]
    return Table("Late share of rated predictions by line and local hour", columns, rows)


def _sample(rated: int, late: int) -> str:
    if not rated:
        return ""
    if rated < scale.MIN_CELL:
        return f"{late} of {rated}"
    return f"{words.share(late, rated)} of {words.count(rated)}"


def _rate_bar(label: str, rated: int, late: int) -> bars.Bar:
    figure = f"{words.share(late, rated)} of {words.count(rated)}"
    interval = scale.wilson(late, rated)
    return bars.Bar(label, figure, late / rated, scale.colour(late / rated), interval)


def rate_chart(label: str, samples: Sequence[tuple[str, int, int]]) -> Markup:
    """Bars of (label, rated, late) with their 95 % ranges, over an axis in percent."""
    drawn = [_rate_bar(*sample) for sample in samples]
    highest = max(bar.interval[1] if bar.interval else bar.value for bar in drawn)
    end, marks = scale.rate_axis(highest)
    return bars.chart(drawn, label, end, [(m, words.percent(m)) for m in marks])


def _worst_lines(ranked: Sequence[Line]) -> Figure:
    title = f"The {min(MAX_BARS, len(ranked))} lines late most often"
    if not ranked:
        empty = f"A line is ranked from {scale.MIN_LINE} rated predictions on; none has so many."
        return Figure("The lines late most often", empty=empty, span="minor")
    samples = [(_line(line), line.rated, line.late) for line in ranked[:MAX_BARS]]
    note = (
        f"Late share of rated predictions, of {words.plural(len(ranked), 'line')} with at least "
        f"{scale.MIN_LINE}. Thin line: 95 % range of what so small a sample can tell."
    )
    columns = (Column("Line", "name"), *counted("Predictions"))
    rows = [
        (_line(line), words.count(line.predictions), *rate_cells(line.rated, line.late))
        for line in ranked
    ]
    table = Table(f"Lines with at least {scale.MIN_LINE} rated predictions", columns, rows)
    return Figure(title, rate_chart(title, samples), table, note, span="minor")


def _line(line: Line) -> str:
    return f"{line.label} · {line.name}" if line.name else line.label


def counted(first: str) -> tuple[Column, ...]:
    """The columns of a sample of rated predictions, after the one called `first`."""
    titles = (first, "Rated", "Late", "Late, % of rated", "95 % range")
    return tuple(Column(title, "number") for title in titles)


def rate_cells(rated: int, late: int) -> tuple[str, str, str, str]:
    """The cells of a sample: rated, late, the rate and its 95 % range."""
    low, high = scale.wilson(late, rated)
    known = f"{words.percent(low)} to {words.percent(high)}"
    return words.count(rated), words.count(late), words.share(late, rated), known


def by_stop(stops: Sequence[Stop], unrated: str) -> Section:
    """Where in the city buses are late."""
    coloured = [stop for stop in stops if stop.rated >= scale.MIN_CELL]
    figures = [_map(stops, coloured, unrated)]
    if any(stop.rated for stop in stops):
        figures.append(_worst_stops(stops))
    heading = _stops_heading(stops, coloured)
    return Section("stops", "Stops", heading, figures=tuple(figures))


def _stops_heading(stops: Sequence[Stop], coloured: Sequence[Stop]) -> str:
    if not any(stop.rated for stop in stops):
        return "No stop can be rated yet"
    if not coloured:
        return f"No stop has {scale.MIN_CELL} rated predictions yet"
    ranked = [stop for stop in coloured if stop.rated >= scale.MIN_STOP]
    if not ranked:
        return f"No stop has {scale.MIN_STOP} rated predictions yet"
    worst = ranked[0]
    if not worst.late:
        return "At no stop are buses late"
    rate = words.share(worst.late, worst.rated)
    where = worst.name or f"stop {worst.stop_id}"
    of = words.plural(worst.rated, "rated prediction")
    return f"Buses are late most often at {where}: {rate} of {of}"


def _map_title(coloured: Sequence[Stop]) -> str:
    high = sum(stop.late / stop.rated >= HIGH for stop in coloured)
    if not high:
        return "Delay rate by stop"
    of = words.plural(len(coloured), "stop")
    return f"At {words.count(high)} of {of}, {words.percent(HIGH)} or more are late"


def _map(stops: Sequence[Stop], coloured: Sequence[Stop], unrated: str) -> Figure:
    points = stopmap.located(stops)
    if not points:
        empty = "No stop has coordinates: land the stop list (emt/stops) and run the lake."
        return Figure("Map of the stops", empty=empty, span="major")
    silent = sum(not stop.rated for stop, _, _ in points)
    few = len(points) - silent - sum(s.rated >= scale.MIN_CELL for s, _, _ in points)
    outside = len(stops) - len(points)
    note = (
        f"Each point is a stop at its place. {unrated}"
        if unrated
        else ("Each point is a stop at its place, the stops late most often on top.")
    )
    if outside:
        note += f" {words.plural(outside, 'stop')} without a believable place: not drawn."
    legend = (*_COLOURS, Key("hollow", f"{_FEW} ({few})"), Key("silent", f"none rated ({silent})"))
    label = f"Map of {words.plural(len(points), 'stop')}, coloured by delay rate"
    chart = stopmap.chart(label, points)
    return Figure(_map_title(coloured), chart, _stop_table(coloured), note, legend, "major")


def _stop_table(coloured: Sequence[Stop]) -> Table:
    columns = (Column("Stop", "name"), Column("Number", "code"), *counted("Predictions"))
    rows = [
        (s.name or words.NONE, s.stop_id, words.count(s.predictions), *rate_cells(s.rated, s.late))
        for s in coloured
    ]
    return Table(f"Stops with at least {scale.MIN_CELL} rated predictions", columns, rows)


def _worst_stops(stops: Sequence[Stop]) -> Figure:
    ranked = [stop for stop in stops if stop.rated >= scale.MIN_STOP]
    if not ranked:
        empty = f"A stop is ranked from {scale.MIN_STOP} rated predictions on; none has so many."
        return Figure("The stops late most often", empty=empty, span="minor")
    title = f"The {min(MAX_BARS, len(ranked))} stops late most often"
    samples = [
        (f"{s.stop_id} · {s.name}" if s.name else s.stop_id, s.rated, s.late)
        for s in ranked[:MAX_BARS]
    ]
    note = (
        f"Late share of rated predictions, of {words.plural(len(ranked), 'stop')} with at least "
        f"{scale.MIN_STOP}. Thin line: 95 % range."
    )
    columns = (Column("Stop", "name"), *counted("Predictions"))
    rows = [
        (label, words.count(s.predictions), *rate_cells(rated, late))
        for s, (label, rated, late) in zip(ranked, samples, strict=False)
    ]
    return Figure(
        title, rate_chart(title, samples), Table(title, columns, rows), note, span="minor"
    )
