"""The report's small parts: words, scales, colours and the shapes of its charts."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from importlib import resources

import pytest

from console.report import bars, heatmap, queries, scale, stopmap, svg, timeline, weather, words
from console.report.facts import Stop
from tests.report_lake import empty, filled

GAP = "\u202f"
PAIRS = [  # text on ground, and the contrast it needs
    ("ink", "paper", 7.0),
    ("ink", "sheet", 7.0),
    ("soft", "paper", 4.5),
    ("soft", "sheet", 4.5),
    ("accent", "paper", 4.5),
    ("edge", "paper", 3.0),
    ("edge", "sheet", 3.0),
    ("hatch", "paper", 3.0),
    ("temp", "paper", 3.0),
    ("rain", "paper", 3.0),
    ("plain", "paper", 3.0),
    ("q3", "paper", 3.0),
]


def palettes() -> list[dict[str, str]]:
    """The colours of the light and of the dark page."""
    css = (resources.files("console.report") / "style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    light, dark = (dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in blocks)
    return [light, {**light, **dark}]


def luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("front", "ground", "least"), PAIRS)
def test_contrast_meets_wcag(front: str, ground: str, least: float) -> None:
    """Text reaches AA and graphics 3:1, on the light page and on the dark one."""
    for palette in palettes():
        assert contrast(palette[front], palette[ground]) >= least


def test_colours_of_rates_are_ordered() -> None:
    """Later means darker on the light page and brighter on the dark one, without exception."""
    light, dark = ([luminance(p[f"q{i}"]) for i in range(6)] for p in palettes())
    assert light == sorted(light, reverse=True)
    assert dark == sorted(dark)


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (None, "\u2013"),
        (0, "0 %"),
        (0.0001, "<0.1 %"),
        (0.043, "4.3 %"),
        (0.4149, "41 %"),
        (0.9999, "99.9 %"),
        (1, "100 %"),
    ],
)
def test_percent_never_hides_a_rest(rate: float | None, said: str) -> None:
    """A few are not shown as none, and almost all not as all."""
    assert words.percent(rate).replace(GAP, " ") == said


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=2, minutes=5), "2 h 5 min"),
        (timedelta(days=451, hours=3), "451 days"),
    ],
)
def test_ages_keep_two_figures(gone: timedelta, said: str) -> None:
    """An age is said in units that fit it, each with its name."""
    assert words.age(gone).replace(GAP, " ") == said


def test_labels_are_sorted_as_people_do() -> None:
    """2 stands before 10, and lettered lines behind."""
    labels = ["N27", "10", "C1", "2", "172SF", "001"]
    assert sorted(labels, key=words.natural) == ["001", "2", "10", "172SF", "C1", "N27"]


def test_wilson_interval_is_the_published_one() -> None:
    """Interval of 8 in 10, and the ends of all and none, against textbook figures."""
    assert scale.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert scale.wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert scale.wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


@pytest.mark.parametrize(("rate", "colour"), [(0, "q0"), (0.1, "q1"), (0.599, "q4"), (0.6, "q5")])
def test_a_step_begins_at_its_edge(rate: float, colour: str) -> None:
    """`60 % or more` holds 60 %, `under 10 %` does not hold 10 %."""
    assert scale.colour(rate) == colour


@pytest.mark.parametrize("highest", [0.0, 0.1, 0.34, 0.41, 0.8, 0.81, 1.0])
def test_rate_axis_holds_its_highest_value(highest: float) -> None:
    """The axis ends at or above the highest rate, at a mark, and never above all."""
    end, marks = scale.rate_axis(highest)
    assert highest <= end <= 1 + 1e-9
    assert marks[0] == 0
    assert marks[-1] == pytest.approx(end)
    assert 2 <= len(marks) <= 5


def test_small_samples_get_no_colour() -> None:
    """A cell of four is hatched, one of five coloured, one without data has no tooltip."""
    samples = {("1", 8): (4, 4), ("1", 9): (5, 5)}
    chart = heatmap.chart("label", ["1"], range(8, 11), samples)
    assert chart.count("url(#few-hours)") == 1
    assert chart.count('class="q5"') == 1
    assert chart.count('class="none"') == 1
    assert chart.count("<title>") == 2


def test_hours_are_madrids() -> None:
    """Eleven in the evening, UTC, is the hour from one to two in Madrid's summer."""
    con = empty()
    con.execute("""insert into emt_gold.delay_weather_hourly by name
        select timestamptz '2025-08-26 23:00:00+00' as event_hour, '1' as label,
        5 as rated_preds, 1 as delayed_preds""")
    con.execute("set timezone = 'America/Lima'")
    assert [cell.hour for cell in queries.cells(con)] == [1]


def test_slots_are_madrids_days() -> None:
    """A day of the time axis begins at Madrid's midnight, whatever the session's zone."""
    con = empty()
    con.execute("""insert into emt_gold.arrivals_weather by name
        select unnest([timestamptz '2025-08-26 21:59:00+00',
        timestamptz '2025-08-26 22:00:00+00']) as event_ts""")
    con.execute("set timezone = 'America/Lima'")
    days = [slot.start_local for slot in queries.slots(con, "day")]
    assert days == [datetime(2025, 8, 26), datetime(2025, 8, 27)]  # noqa: DTZ001, Madrid's own


def test_time_units_follow_the_span() -> None:
    """A week is drawn by hours, a year by days, more by months."""
    overview = queries.overview(filled())
    first = overview.first_local
    assert first is not None
    spans = (timedelta(days=7), timedelta(days=8), timedelta(days=400))
    units = [weather.unit(overview._replace(last_local=first + span)) for span in spans]
    assert units == ["hour", "day", "month"]


def point(hour: int, temp: float | None, *, follows: bool = True) -> timeline.Point:
    """An hour with ten rated predictions."""
    start = datetime(2025, 8, 26, hour)  # noqa: DTZ001, Madrid's own
    return timeline.Point(start, f"26 Aug, {hour:02}:00", 10, 3, temp, 0.0, follows)


def test_lines_break_where_time_is_skipped() -> None:
    """Neither a gap in time nor a missing observation is bridged by a line."""
    whole = timeline.chart("label", [point(8, 20), point(9, 21)])
    gap = timeline.chart("label", [point(8, 20), point(12, 21, follows=False)])
    unknown = timeline.chart("label", [point(8, 20), point(9, None), point(10, 21)])
    charts = (whole, gap, unknown)
    assert [len(re.findall('<line [^>]*class="temp"', c)) for c in charts] == [1, 0, 0]
    assert [len(re.findall('<circle [^>]*class="temp"', c)) for c in charts] == [2, 2, 2]
    assert gap.count("skip-line") == 1


def stop(number: int, lon: float | None, lat: float | None, rated: int = 10) -> Stop:
    """A stop with a third of its predictions late."""
    return Stop(str(number), f"Stop {number}", lon, lat, rated, rated, rated // 3)


def test_the_map_is_true_to_scale() -> None:
    """A kilometre is as long from west to east as from south to north."""
    corners = [stop(1, -3.70, 40.40), stop(2, -3.60, 40.40), stop(3, -3.70, 40.50)]
    view = stopmap.projection(stopmap.located(corners))
    (x0, y0), (x1, _), (_, y1) = (view.place(s.lon or 0, s.lat or 0) for s in corners)
    across_km = 111.195 * 0.1 * math.cos(math.radians(40.45))
    assert (x1 - x0) / across_km == pytest.approx(view.px_per_km, rel=1e-3)
    assert (y0 - y1) / (111.195 * 0.1) == pytest.approx(view.px_per_km, rel=1e-3)


def test_wrong_places_do_not_shrink_the_map() -> None:
    """Stops without coordinates, or at 0° 0°, are left out; the others keep their size."""
    good = [stop(i, -3.7 + i / 100, 40.4 + i / 100) for i in range(5)]
    bad = [stop(6, -3.7, 4.04), stop(7, 37.0, 40.4), stop(8, 0.0, 0.0), stop(9, None, 40.4)]
    assert [s.stop_id for s, _, _ in stopmap.located(good + bad)] == ["0", "1", "2", "3", "4"]


def test_the_map_draws_every_stop() -> None:
    """Rated stops are coloured circles, few and none are dots; one stop alone can be drawn."""
    stops = [stop(1, -3.7, 40.4), stop(2, -3.71, 40.41, rated=4), stop(3, -3.72, 40.4, rated=0)]
    chart = stopmap.chart("label", stopmap.located(stops))
    assert chart.count("<circle") == 1
    assert [len(re.findall("h0", d)) for d in re.findall(r'd="(M[^"]*h0)"', chart)] == [1, 1, 1]
    assert "<circle" in stopmap.chart("label", stopmap.located(stops[:1]))


def test_shapes_are_escaped() -> None:
    """Neither a child nor an attribute can leave its place."""
    drawn = svg.element("text", "<b>", class_='"x')
    assert drawn == '<text class="&#34;x">&lt;b&gt;</text>'


def test_bars_show_their_figures() -> None:
    """A bar is as long as its value and says it; a long label is cut, its title is not."""
    name = "Glorieta del Emperador Carlos Quinto, Atocha"
    chart = bars.chart([bars.Bar(name, "50 %", 0.5, interval=(0.4, 2.0))], "label", 1.0, [(1, "1")])
    assert f"<title>{name}: 50 %</title>" in chart
    assert '<rect y="20" width="50%" height="9" class="bar"/>' in chart
    assert "…</text>" in chart
    assert 'x2="100%" y1="34"' in chart
