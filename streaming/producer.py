"""Asks WeatherAPI for the weather now and puts the answer, as one record, into the stream."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingestion import credentials
from ingestion.bronze import dumps, instant
from ingestion.clock import SystemClock
from ingestion.http import Limits
from ingestion.weatherapi import WeatherApiClient
from jobs.bronze.weatherapi_current import STREAM
from lakehouse import log, settings
from lakehouse.errors import ConfigurationError
from streaming import sender

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ingestion.bronze import Record
    from ingestion.clock import Clock

_SOURCES = ("direct", "kinesis")
# What all tries of putting may take of the function's time, and the least there is for asking.
_PUT_SEC, _ASK_SEC = 35.0, 5.0


@dataclass(frozen=True)
class Destination:
    """The stream's name, and whether Firehose is given records directly or reads a Data Stream."""

    name: str
    source: str

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Destination:
        """From LAKE_STREAM and LAKE_STREAM_SOURCE. Raises ConfigurationError."""
        environ = os.environ if environ is None else environ
        name, source = environ.get("LAKE_STREAM", ""), environ.get("LAKE_STREAM_SOURCE", "direct")
        if not name:
            raise ConfigurationError("LAKE_STREAM is not set", next_command="lake deploy")
        if source not in _SOURCES:
            raise ConfigurationError(f"LAKE_STREAM_SOURCE is {source!r}; known: {_SOURCES}")
        return cls(name, source)


def observe(
    *,
    location: str = "",
    left_ms: int,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Ask once and put what is answered; what happened, for the function's log and its caller.

    Raises CredentialsError, UpstreamError or StorageError, naming whose fault it is.
    """
    clock, loaded = clock or SystemClock(), settings.load(environ)
    destination = Destination.load(environ)
    limits = Limits(total_sec=max(_ASK_SEC, left_ms / 1000 - _PUT_SEC))
    key = credentials.weatherapi(loaded, environ)
    client = WeatherApiClient(loaded.weatherapi_url, key, clock=clock, limits=limits)
    try:
        answer = client.current(location or loaded.weather_location)
    finally:
        client.close()
    message = message_of(answer, clock.now())
    stream = sender.open_stream(destination.name, destination.source, loaded)
    tries = sender.send(stream, [message], clock=clock)
    log.event("observed", stream=destination.name, event_id=message.event_id, tries=tries)
    return {"stream": destination.name, "event_id": message.event_id, "tries": tries}


def message_of(answer: Record, fetched_at: datetime) -> sender.Message:
    """The answer as the stream's record: a bronze file's envelope, and the event's id.

    The id is the hash of what was asked, answered and when, so that a record that is put again
    has the same.
    """
    at = instant(fetched_at)
    asked = [answer.request, answer.payload, at]
    event_id = hashlib.sha256(dumps(asked).encode()).hexdigest()
    source, _, name = STREAM.partition("/")
    record = {
        "event_id": event_id,
        "source": source,
        "stream": name,
        "fetched_at": at,
        "request": answer.request,
        "payload": answer.payload,
    }
    return sender.Message(event_id, str(answer.request["q"]), dumps(record).encode())
