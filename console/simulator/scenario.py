"""Three days of the made-up city, by the real ingestion: a fair one, a storm, a windy one.

The same every time: played again into the same lake, it lands nothing new.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from console.simulator import Simulator
from console.simulator.answers import ZONE
from console.simulator.memory import Memory
from ingestion.clock import SimulatedClock
from ingestion.options import ALL, PullOptions, PullResult
from ingestion.pull import pull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakehouse.settings import Settings

FIRST_DAY = date(2026, 3, 2)
DAYS = 3
# Night, morning rush, noon, evening rush, night: local hours and minutes.
INSTANTS = ("00:40", "02:10", "06:30", "07:30", "08:00", "08:30", "09:00", "11:00", "13:00",
            "14:15", "16:00", "18:00", "18:30", "19:00", "21:30", "23:50")  # fmt: skip
_ACCOUNT = {
    "EMT_EMAIL": "visitor@example.org",
    "EMT_PASSWORD": "simulated",
    "WEATHERAPI_KEY": "simulated",
    "OPENWEATHER_API_KEY": "simulated",
}
# Made-up calls must not use up the real account's day.
_NO_QUOTA = 1_000_000_000
# Nor does the real pace decide when a simulated stop is asked.
_CALLS_PER_MINUTE = 100


# The cities that the simulator knows; the lake's own may be others.
_CITIES = "riohacha:q=Riohacha,CO;patagonia:lat=-41.810147&lon=-68.906269"
_CITIES_HOUR_UTC = 18

# Sweeps that ask for one line by its code, at its own stops.
_OF_ONE_LINE = (("02:20", "501"), ("11:10", "361"), ("18:10", "027"))


@dataclass(frozen=True, order=True)
class Step:
    """One pull at one instant; at the same instant, the weather comes before the buses."""

    at: datetime
    rank: int
    source: str
    stream: str
    options: PullOptions = field(default_factory=PullOptions, compare=False)


@dataclass(frozen=True)
class Played:
    """What the ingestion fetched."""

    replies: int
    files: int


def play(
    settings: Settings,
    simulator: Simulator | None = None,
    clock: SimulatedClock | None = None,
    progress: Callable[[str], None] = lambda _text: None,
) -> Played:
    """Pull three days into the lake; `progress` hears of each day. Played before, it is done.

    A `simulator` of the caller's must go by the same `clock`, and is always played.
    """
    memory = Memory(
        settings.root, [FIRST_DAY, DAYS, INSTANTS, _OF_ONE_LINE, settings.weather_location, _CITIES]
    )
    known = None if simulator else memory.recall()
    if known:
        progress(f"simulated sources, played before: {known[0]:,} replies in {known[1]} files")
        return Played(*known)
    clock = clock or SimulatedClock(_instant(FIRST_DAY, "00:00"))
    with ExitStack() as opened:
        city = simulator or opened.enter_context(Simulator(clock=clock))
        results = _days(settings, city, clock, progress)
    replies = sum(result.replies for result in results)
    files = {file for result in results for file in result.files}
    if not simulator:
        memory.keep(replies, files)
    return Played(replies, len(files))


def _days(
    settings: Settings, city: Simulator, clock: SimulatedClock, progress: Callable[[str], None]
) -> list[PullResult]:
    chosen = replace(
        settings,
        emt_url=city.emt_url,
        weatherapi_url=city.weatherapi_url,
        openweather_url=city.openweather_url,
        openweather_cities=_CITIES,
        emt_daily_quota=_NO_QUOTA,
        calls_per_minute=_CALLS_PER_MINUTE,
        secret_id="",
    )
    results: list[PullResult] = []
    for day in (FIRST_DAY + timedelta(days=n) for n in range(DAYS)):
        before = sum(result.replies for result in results)
        results += [_pull(chosen, clock, step) for step in steps(day, city)]
        replies = sum(result.replies for result in results)
        progress(f"simulated {day:%A} {day}: {replies - before:,} replies")
    return results


def _pull(settings: Settings, clock: SimulatedClock, step: Step) -> PullResult:
    """Anew where a kill interrupted it, so that its replies carry the same times."""
    clock.set(step.at)
    options = replace(step.options, restart=True)
    return pull(settings, step.source, step.stream, clock=clock, options=options, environ=_ACCOUNT)


def steps(day: date, city: Simulator) -> list[Step]:
    """The pulls of a day, in their order; the first day begins with the catalogue."""
    evening = datetime(day.year, day.month, day.day, _CITIES_HOUR_UTC, tzinfo=timezone.utc)
    found = [*_weather(day), *_sweeps(day, city), Step(evening, 0, "openweather", "current")]
    if day == FIRST_DAY:
        at, year = _instant(day, "00:10"), PullOptions(first=date(day.year, 1, 1))
        catalogue = (("calendar", "derived"), ("emt", "lines"), ("emt", "stops"),
                     ("emt", "timetables"), ("emt", "calendar"))  # fmt: skip
        found += [Step(at, n, *stream, options=year) for n, stream in enumerate(catalogue)]
    return sorted(found)


def _weather(day: date) -> Iterator[Step]:
    """Each half hour of the polled hours."""
    for hour in sorted({at[:2] for at in INSTANTS}):
        for minute in ("00", "30"):
            yield Step(_instant(day, f"{hour}:{minute}"), 0, "weatherapi", "current")


def _sweeps(day: date, city: Simulator) -> Iterator[Step]:
    for at in INSTANTS:
        yield Step(_instant(day, at), 1, "emt", "arrivals", PullOptions(stops=(ALL,)))
    for at, code in _OF_ONE_LINE:
        stops = tuple(stop.stop_id for route in city.network.lines[code].routes for stop in route)
        yield Step(_instant(day, at), 1, "emt", "arrivals", PullOptions(stops=stops, line=code))


def _instant(day: date, local: str) -> datetime:
    """A local time of a day."""
    hour, minute = int(local[:2]), int(local[3:])
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE).astimezone(
        timezone.utc
    )
