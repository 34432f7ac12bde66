"""`lake demo --place emulated`: to gold by events and schedules alone, then the report.

Done again it puts in only what is not there yet, and no table moves.
"""

from __future__ import annotations

import gzip
import json
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from console import demo, emulated, layers, talk
from console.deployed import deploy, runs, status
from console.query import LIVE, report_file, source_of, write_report
from ingestion import places
from ingestion.bronze import Record
from ingestion.clock import SystemClock
from lakehouse import settings
from lakehouse.errors import LakeError, UpstreamError, UsageError
from streaming import producer, sender

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from console.deployed.lake import Deployed
    from console.deployed.place import Place
    from ingestion.places import LakePath
    from lakehouse.settings import Settings

# Nobody here has an account of the sources: of their schedules only the one that needs none is on.
# Nor does anybody like to wait two minutes for more files; one is enough to gather them.
VARIABLES = (
    "batch_seconds=60",
    'ingest_schedules={derived={source="calendar",stream="derived",schedule="cron(40 2 * * ? *)"}}',
    "weather_schedule=cron(0 0 1 1 ? 2099)",
)
WEATHER = "bronze/weatherapi/current"
GOLD = ("emt_gold.arrivals_weather", "emt_gold.delay_weather_hourly")
# Longer than any buffer of Firehose and any window of the pipe.
_BUFFERS = timedelta(minutes=6)
_LOOK_SEC, _PATIENCE_SEC = 1.0, 1800.0


@dataclass(frozen=True)
class Shown:
    """What the demonstration leaves: its tables (which moved?) and the report."""

    lake: Deployed
    tables: list[dict[str, Any]]
    report: Path

    def rows(self, table: str) -> int:
        """How many rows a table has."""
        return next(int(one["rows"]) for one in self.tables if one["table"] == table)


def run(place: Place, files: tuple[tuple[Path, str], ...]) -> Shown:
    """All of it, with these files for raw/SOURCE/STREAM/, or the simulated city's answers.

    Raises UsageError for AWS: made-up data has no place there.
    """
    if not place.is_emulated:
        raise UsageError("a demonstration is for the emulated place", next_command="make demo-aws")
    simulated = None if files else _simulated(place)
    emulated.ensure(place)
    target = layers.this_machine()
    found, _ = deploy.deploy(place, talk.say, lambda _: None, target=target, variables=VARIABLES)
    loaded = found.settings()
    chain = Chain(place, found, frozenset(e.name for e in runs.executions(found, 1000)))
    before = heads(loaded)
    if simulated:
        _pulled(chain, loaded, simulated)
    else:
        _dropped(chain, loaded, files)
    chain.until_daily()
    after = heads(loaded)
    tables = [
        {**line, "moved": after[line["table"]] != before[line["table"]]}
        for line in status.tables(found)
    ]
    return Shown(found, tables, write_report(loaded, report_file(loaded, place.home)))


def _simulated(place: Place) -> Path:
    """A folder with what the simulated city answered in three days, as ingestion landed it."""
    folder = place.home / "simulated"
    demo.play(replace(settings.load({}), home=str(folder)))
    return folder


def _pulled(chain: Chain, loaded: Settings, source: Path) -> None:
    """Bronze files as the ingest function writes them, and the weather by the stream."""
    claim(loaded, demo.SIMULATED)
    talk.say(f"bronze/: {upload(places.root(loaded), source)} new files, whose events start silver")
    chain.stream(loaded, places.files(source / WEATHER))
    chain.settle()


def _dropped(chain: Chain, loaded: Settings, files: tuple[tuple[Path, str], ...]) -> None:
    """Files into the drop zone; their weather, once landed, by the stream too: each row once."""
    root = places.root(loaded)
    claim(loaded, f"recorded: {files[0][0].parent.name}")
    for file, stream in files:
        places.copy(file, root / "raw" / stream / file.name)
    talk.say(f"raw/: {len(files)} files; events land them and start silver")
    chain.settle()
    chain.stream(loaded, places.files(root / WEATHER))
    chain.settle()


def claim(loaded: Settings, text: str) -> None:
    """Note where the lake's data comes from. Raises UsageError where other data is in it."""
    held = source_of(loaded)
    if held not in (text, LIVE):
        raise UsageError(
            f"the deployed lake has data of {held}: made-up and recorded buses do not mix",
            next_command="lake destroy --yes, then the same command",
        )
    demo.note(loaded, text)


def upload(root: LakePath, source: Path) -> int:
    """Put the bronze files that are not there yet, all but the weather's; how many."""
    new = [
        (file, target)
        for file in sorted((source / "bronze").rglob("*.jsonl.gz"))
        if not places.is_below(file, source / WEATHER)
        and not places.mark(target := root / file.relative_to(source).as_posix())
    ]
    for file, target in new:
        places.copy(file, target)
    return len(new)


def heads(loaded: Settings) -> dict[str, int | None]:
    """The snapshot of each table."""
    from console.reading import Lake  # noqa: PLC0415  heavy

    lake = Lake(loaded)
    return {name: lake.history(name).head() for name in lake.tables()}


@dataclass(frozen=True)
class Chain:
    """The deployed lake at work: fed, given time, and waited for."""

    place: Place
    lake: Deployed
    earlier: frozenset[str]

    def stream(self, loaded: Settings, files: Iterable[LakePath]) -> None:
        """Put the observations that the stream's table has not, as the producer does."""
        from console.reading import Lake, Moment  # noqa: PLC0415  heavy

        rows = Lake(loaded).ask("select event_id from bronze.weatherapi_current", Moment())
        known = {row["event_id"] for row in rows}
        new = {m.event_id: m for file in files for m in messages(file) if m.event_id not in known}
        to = producer.Destination.load()
        opened = sender.open_stream(to.name, to.source, loaded)
        sender.send(opened, list(new.values()), clock=SystemClock())
        talk.say(f"Firehose: {len(new)} observations that were not streamed before")
        for part in ("untransformed", "waiting") if new else ():  # one buffer after the other
            self._tick_to(datetime.fromisoformat(emulated.ask(self._url)["now"]) + _BUFFERS)
            self._rest(partial(self._streaming, part), times=1)

    def until_daily(self) -> None:
        """Let time pass, one schedule after the other, until the daily one has made gold.

        What the night's ones bring is so in silver before, as it is when the hours are real.
        """
        fired = ""
        while not fired.endswith(f"/{self.lake.name}-daily"):
            coming = emulated.ask(self._url)["upcoming"][0]
            fired = str(coming["schedule"])
            self._tick_to(datetime.fromisoformat(coming["at"]))
            self.settle()

    def _tick_to(self, moment: datetime) -> None:
        talk.say(f"the emulated clock goes on to {moment:%Y-%m-%d %H:%M} UTC")
        for fired in emulated.ask(self._url, {"until": moment.isoformat()})["fired"]:
            talk.say(f"fired: {fired['schedule'].rpartition('/')[2]}")

    def settle(self) -> None:
        """Wait until nothing waits and nothing runs; twice seen: a landed file is an event again.

        Raises UpstreamError if that takes too long, LakeError for an execution that failed.
        """
        self._rest(self.busy, times=2)
        for execution in runs.executions(self.lake, 20):
            if execution.state != "SUCCEEDED" and execution.name not in self.earlier:
                raise LakeError(
                    f"{execution.name} {execution.state}: {execution.why}",
                    next_command=f"lake logs {execution.name}",
                )

    def _rest(self, busy: Callable[[], str], *, times: int) -> None:
        """Wait until `busy` has nothing to tell, so many times on end."""
        until, told, calm = time.monotonic() + _PATIENCE_SEC, "", 0
        while calm < times:
            now = busy()
            calm = 0 if now else calm + 1
            if now and now != told:
                talk.say(f"  {now}")
            told = now
            if time.monotonic() > until:
                raise UpstreamError(f"it does not come to rest: {now}", next_command="lake status")
            time.sleep(_LOOK_SEC)

    def _streaming(self, part: str) -> str:
        count = self._page("firehose")[self.lake.outputs["stream_name"]][part]
        return f"{count} records in Firehose" if count else ""

    def busy(self) -> str:
        """What is under way, looked at in the way's order, so that nothing slips through."""
        if self._page("events")["open"]:
            return "events on their way"
        if streaming := self._streaming("waiting"):
            return streaming
        queues = [q for q in status.queues(self.lake) if not q["queue"].endswith("dlq")]
        if any(q["waiting"] or q["under_way"] for q in queues):
            return "files in the queues"
        running = [e for e in runs.executions(self.lake, 20) if e.state == "RUNNING"]
        jobs = [j.name for j in runs.job_runs(self.lake, 20) if not j.is_over]
        if running:
            return f"{len(running)} executions run: {talk.listed(jobs) or 'between jobs'}"
        return ""

    @property
    def _url(self) -> str:
        return self.place.emulator().url

    def _page(self, name: str) -> Any:
        with urlopen(f"{self._url}/_lake/{name}", timeout=60) as reply:  # noqa: S310  loopback http
            return json.loads(reply.read())


def messages(file: LakePath) -> Iterator[sender.Message]:
    """The records of a bronze file of weather, as the producer would have put each."""
    content = places.read(file) or b""
    for line in gzip.decompress(content).splitlines():
        told = json.loads(line)
        at = datetime.fromisoformat(told["fetched_at"])
        yield producer.message_of(Record(told["payload"], told["request"]), at)
