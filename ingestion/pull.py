"""Pulls one stream of a source into bronze: what is answered, unconverted."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ingestion import catalogue, cities, credentials, places
from ingestion.bronze import Bronze, Origin, Record, Stream, dumps
from ingestion.emt import EmtClient
from ingestion.holidays_calendar import derived_days
from ingestion.openweather import OpenWeatherClient
from ingestion.options import ALL, PullOptions, PullResult
from ingestion.poll import Pace, Poll, Polled, Quota, before_each, nothing
from ingestion.weatherapi import WeatherApiClient
from lakehouse.errors import UpstreamError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ingestion.clock import Clock
    from ingestion.places import LakePath
    from lakehouse.settings import Settings


_CODE_CHARS = 3


@dataclass(frozen=True)
class _Job:
    """One pull: where, when and what for."""

    settings: Settings
    root: LakePath
    stream: Stream
    clock: Clock
    options: PullOptions
    progress: Callable[[int, int], None]
    environ: Mapping[str, str] | None = field(repr=False)

    @property
    def today(self) -> date:
        """The local date."""
        return self.clock.now().astimezone(ZoneInfo(self.settings.time_zone)).date()

    @contextmanager
    def emt(self) -> Iterator[EmtClient]:
        """A client of EMT."""
        account = credentials.emt(self.settings, self.environ)
        base, zone = self.settings.emt_url, self.settings.time_zone
        client = EmtClient(base, account, clock=self.clock, zone=zone)
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def weatherapi(self) -> Iterator[WeatherApiClient]:
        """A client of WeatherAPI."""
        key = credentials.weatherapi(self.settings, self.environ)
        client = WeatherApiClient(self.settings.weatherapi_url, key, clock=self.clock)
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def openweather(self) -> Iterator[OpenWeatherClient]:
        """A client of OpenWeather."""
        key = credentials.openweather(self.settings, self.environ)
        client = OpenWeatherClient(self.settings.openweather_url, key, clock=self.clock)
        try:
            yield client
        finally:
            client.close()

    def poll(
        self, plan: list[Any], fetch: Callable[[Any], Record], emt: EmtClient | None = None
    ) -> Polled:
        """Carry the plan out at the settings' pace, and for EMT within its quota."""
        chosen = self.settings
        pace, quota = Pace(self.clock, chosen.calls_per_minute), None
        if emt is not None:
            quota = Quota(self.root, self.clock, chosen.emt_daily_quota, chosen.time_zone)
        poll = Poll(
            self.root, self.stream, plan, fetch, self.clock,
            before_call=before_each(pace, quota, lambda: emt.counter if emt else None),
            after_flush=quota.save if quota else nothing,
            progress=self.progress,
        )  # fmt: skip
        return poll.run(restart=self.options.restart)

    def ask_emt(self, call: Callable[[EmtClient], Callable[[Any], Record]], plan: Any) -> Polled:
        """The plan, by a method of the client."""
        with self.emt() as client:
            return self.poll(plan, call(client), client)

    def catalogue(self, stream: Stream, ask: Callable[[_Job], Polled]) -> list[str]:
        """The known stops or lines; asked for, and landed, if there is no fresh list."""
        now, root = self.clock.now(), self.root
        found = catalogue.known(root, stream, now)
        if not found:
            quiet = PullOptions()
            ask(_Job(self.settings, root, stream, self.clock, quiet, nothing, self.environ))
            found = catalogue.known(root, stream, now)
        if not found:
            raise UpstreamError(
                f"EMT lists no {stream.name}", next_command="the same command later"
            )
        return found


def pull(
    settings: Settings,
    source: str,
    stream: str,
    *,
    clock: Clock,
    options: PullOptions | None = None,
    progress: Callable[[int, int], None] = nothing,
    environ: Mapping[str, str] | None = None,
) -> PullResult:
    """Pull a stream; `progress` hears how many calls of how many are done.

    Raises UsageError for an unknown stream or a missing option, CredentialsError, and
    UpstreamError when the source does not answer; what was answered before is kept.
    """
    asked = STREAMS.get(f"{source}/{stream}")
    if asked is None:
        known = ", ".join(name.replace("/", " ") for name in sorted(STREAMS))
        raise UsageError(f"unknown stream {source} {stream}; known: {known}")
    chosen = options or PullOptions()
    root = places.root(settings)
    job = _Job(settings, root, Stream(source, stream), clock, chosen, progress, environ)
    polled = asked(job)
    return PullResult(source, stream, polled.files, polled.replies, polled.failed)


def _arrivals(job: _Job) -> Polled:
    stops = list(job.options.stops)
    if not stops:
        raise UsageError("which stops?", next_command="lake ingest emt arrivals --stops all")
    if stops == [ALL]:
        stops = job.catalogue(catalogue.STOPS, _stops)
    line = job.options.line.zfill(_CODE_CHARS) if job.options.line else None
    plan = [[stop, line] for stop in stops]
    return job.ask_emt(lambda emt: lambda asked: emt.arrivals(*asked), plan)


def _lines(job: _Job) -> Polled:
    return job.ask_emt(lambda emt: lambda day: emt.lines(date.fromisoformat(day)), [f"{job.today}"])


def _stops(job: _Job) -> Polled:
    return job.ask_emt(lambda emt: lambda _: emt.stops_list(), [f"{job.today}"])


def _timetables(job: _Job) -> Polled:
    lines = list(job.options.lines) or job.catalogue(catalogue.LINES, _lines)
    plan = [[line.zfill(_CODE_CHARS), direction] for line in lines for direction in (1, 2)]
    return job.ask_emt(lambda emt: lambda asked: emt.stops_of_line(*asked), plan)


def _calendar(job: _Job) -> Polled:
    first = job.options.first or date(job.today.year, 1, 1)
    last = job.options.last or date(job.today.year, 12, 31)

    def call(emt: EmtClient) -> Callable[[Any], Record]:
        return lambda days: emt.calendar(*map(date.fromisoformat, days))

    return job.ask_emt(call, [[first.isoformat(), last.isoformat()]])


def _current(job: _Job) -> Polled:
    place = job.options.location or job.settings.weather_location
    with job.weatherapi() as client:
        return job.poll([place], client.current)


def _history(job: _Job) -> Polled:
    first = job.options.first or job.options.last
    if first is None:
        example = "lake ingest weatherapi history --from 2025-08-26 --to 2025-08-28"
        raise UsageError("history of which days?", next_command=example)
    last = job.options.last or first
    place = job.options.location or job.settings.weather_location
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    with job.weatherapi() as client:
        ask = partial(_history_of, client)
        return job.poll([[place, day.isoformat()] for day in days], ask)


def _history_of(client: WeatherApiClient, asked: list[str]) -> Record:
    return client.history(asked[0], date.fromisoformat(asked[1]))


def _cities(job: _Job) -> Polled:
    known = cities.configured(job.settings.openweather_cities)
    names = job.options.cities or tuple(known)
    unknown = [name for name in names if name not in known]
    if unknown:
        text = f"no city {', '.join(unknown)} in LAKE_OPENWEATHER_CITIES: {', '.join(known)}"
        named = f"lake ingest openweather current --city {next(iter(known))}"
        raise UsageError(text, next_command=named)
    # A call is known by what it asks: another place by an old name is another call.
    plan = [[name, known[name].asked] for name in dict.fromkeys(names)]
    with job.openweather() as client:
        return job.poll(plan, lambda asked: client.current(known[asked[0]]))


def _derived(job: _Job) -> Polled:
    """The derived calendar; named by its content, so that it is landed once a year."""
    days = derived_days(job.options.first_year, job.clock.now().year + 1)
    sha256 = hashlib.sha256("\n".join(map(dumps, days)).encode()).hexdigest()
    uri = f"generated/{job.stream}"
    records = [Record(day, {}, Origin(uri, sha256, row)) for row, day in enumerate(days, start=1)]
    path = Bronze(job.root).write_file(
        job.stream, records, sha256=sha256, fetched_at=job.clock.now()
    )
    job.progress(1, 1)
    return Polled((path,), 1, ())


STREAMS: dict[str, Callable[[_Job], Polled]] = {
    "emt/arrivals": _arrivals,
    "emt/lines": _lines,
    "emt/stops": _stops,
    "emt/timetables": _timetables,
    "emt/calendar": _calendar,
    "weatherapi/current": _current,
    "weatherapi/history": _history,
    "openweather/current": _cities,
    "calendar/derived": _derived,
}
