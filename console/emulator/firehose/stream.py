"""One delivery stream: source buffer, transform, destination buffer, tables, failed records."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from console.emulator.clients import Clients, account_of, region_of
from console.emulator.firehose import iceberg, settings
from console.emulator.firehose.counters import Counters
from console.emulator.firehose.failures import ICEBERG, PROCESSING, Failures
from console.emulator.firehose.kinesis import KinesisSource
from console.emulator.firehose.records import Buffer, Failure, Record
from console.emulator.firehose.transform import Transformer
from console.emulator.targets import text_of
from lakehouse import log

if TYPE_CHECKING:
    from console.emulator.firehose.settings import Settings, Transform
    from console.emulator.server import Server

_KINESIS_PAUSE_SEC = 1.0  # Firehose calls GetRecords once a second for each shard


class Stream:
    """Takes records, and delivers them at least once; what it holds is lost with the emulator."""

    def __init__(self, server: Server, model: Any) -> None:
        self._clock, self._model = server.clock, model
        self.arn, self.name = model.delivery_stream_arn, model.delivery_stream_name
        region, source = region_of(self.arn), model.source or {}
        self._clients = Clients(server)
        self._incoming, self._ready = Buffer(server.clock), Buffer(server.clock)
        self.counters = Counters(server.clock, account_of(self.arn), region, self.name)
        self._failures = Failures(self._clients, server.clock, region, self.name)
        self._tables = iceberg.Tables(server, self._clients, region)
        source_arn = source.get("KinesisStreamARN", "")
        self._transformer = Transformer(self._clients, server.clock, self.arn, source_arn)
        self._kinesis = (
            KinesisSource(self._clients, source_arn, source["RoleARN"]) if source_arn else None
        )
        self._next_read = 0.0

    @property
    def is_direct(self) -> bool:
        """Whether programs put records themselves."""
        return self._kinesis is None

    @property
    def waiting(self) -> int:
        """How many records are in it."""
        return self.untransformed + len(self._ready)

    @property
    def untransformed(self) -> int:
        """How many of them the transform function has not seen yet."""
        return len(self._incoming)

    def put(self, data: list[bytes]) -> list[str]:
        """Take records; their ids."""
        now = self._clock.now()
        records = [Record(_new_id(), now, one, one) for one in data]
        self._take(records)
        return [record.record_id for record in records]

    def _take(self, records: list[Record]) -> None:
        self.counters.count(
            IncomingRecords=len(records), IncomingBytes=sum(len(r.data) for r in records)
        )
        (self._incoming if self._settings.transform else self._ready).add(records)

    @property
    def _settings(self) -> Settings:
        return settings.read(self._model.destinations[0]["Iceberg"])

    def step(self) -> None:
        """Read the source, transform what is due, deliver what is due, write what failed."""
        asked = self._settings
        self._read_source()
        while asked.transform and (batch := self._incoming.take(asked.transform.limits)):
            self._transform(asked, asked.transform, batch)
        self._deliver(asked)
        self._failures.write(asked)

    def _read_source(self) -> None:
        if self._kinesis is not None and time.monotonic() >= self._next_read:
            self._next_read = time.monotonic() + _KINESIS_PAUSE_SEC
            records = self._kinesis.read()
            if records:
                self._take(records)

    def _transform(self, asked: Settings, how: Transform, batch: list[Record]) -> None:
        started = time.monotonic()
        good, bad = self._transformer.run(how, batch)
        self.counters.count(
            ExecuteProcessing__Success=int(len(bad) < len(batch) or not batch),
            ExecuteProcessing__Duration=(time.monotonic() - started) * 1000,
            SucceedProcessing__Records=len(batch) - len(bad),
        )
        self._ready.add(good)
        self._incoming.done()
        self._fail(asked, PROCESSING, "", bad)

    def _deliver(self, asked: Settings) -> None:
        while batch := self._ready.take(asked.limits):
            routes, lost = self._routed(asked, batch)
            self._fail(asked, ICEBERG, "", lost)
            for to, records in routes.items():
                self._append(asked, to, records)
            age = self._clock.now() - min(record.arrival for record in batch)
            self.counters.count(DeliveryToIceberg__DataFreshness=age.total_seconds())
            self._ready.done()

    def _routed(
        self, asked: Settings, batch: list[Record]
    ) -> tuple[dict[iceberg.Route, list[Record]], list[Failure]]:
        routes: dict[iceberg.Route, list[Record]] = {}
        lost = []
        for record in batch:
            to = self._route(asked, record)
            if isinstance(to, Failure):
                lost.append(to)
            else:
                routes.setdefault(to, []).append(record)
        return routes, lost

    def _route(self, asked: Settings, record: Record) -> iceberg.Route | Failure:
        try:
            return iceberg.route(record, asked)
        except iceberg.RecordError as error:
            return Failure(record, error.code, error.message, 1, self._clock.now())

    def _append(self, asked: Settings, to: iceberg.Route, records: list[Record]) -> None:
        rows, failed = self._tables.append(asked, to, records)
        self.counters.count(
            DeliveryToIceberg__IncomingRowCount=len(records),
            DeliveryToIceberg__SuccessfulRowCount=rows,
            DeliveryToIceberg__Success=int(rows > 0),
            DeliveryToIceberg__Bytes=sum(len(r.data) for r in records) if rows else 0,
        )
        self._fail(asked, ICEBERG, asked.table(*to).error_prefix, failed)

    def _fail(self, asked: Settings, kind: str, prefix: str, failed: list[Failure]) -> None:
        if not failed:
            return
        if kind == ICEBERG:
            self.counters.count(DeliveryToIceberg__FailedRowCount=len(failed))
        self._failures.add(asked, kind, prefix, failed)
        codes = sorted({failure.code for failure in failed})
        log.warn("emulator.firehose_failed", stream=self.name, count=len(failed), codes=codes)
        self._tell(asked, failed)

    def _tell(self, asked: Settings, failed: list[Failure]) -> None:
        """One log event for each reason, if the stream logs."""
        if not asked.log_group:
            return
        reasons = {(one.code, one.message) for one in failed}
        # The real time: CloudWatch Logs refuses events of the future.
        stamp = int(time.time() * 1000)
        client = self._clients.of("logs", region_of(self.arn), asked.role)
        try:
            client.put_log_events(
                logGroupName=asked.log_group,
                logStreamName=asked.log_stream,
                logEvents=[{"timestamp": stamp, "message": self._event(*r)} for r in reasons],
            )
        except Exception as error:  # noqa: BLE001  no record is lost for a log that fails
            log.warn("emulator.firehose_log_failed", stream=self.name, error=str(error))

    def _event(self, code: str, message: str) -> str:
        return text_of({"deliveryStreamARN": self.arn, "errorCode": code, "message": message})


def _new_id() -> str:
    """The 56 digits of a record's id."""
    return "".join(secrets.choice("123456789") for _ in range(50)) + "000000"
