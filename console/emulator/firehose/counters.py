"""What a stream counts, in CloudWatch's namespace AWS/Firehose.

AWS: "Monitor Amazon Data Firehose with CloudWatch metrics" and "Monitor metrics" (Apache Iceberg).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.emulator.clock import EmulatedClock

_NAMESPACE = "AWS/Firehose"
_UNITS = {"Bytes": "Bytes", "DataFreshness": "Seconds", "Duration": "Milliseconds"}


class Counters:
    """The metrics of one stream."""

    def __init__(self, clock: EmulatedClock, account: str, region: str, stream: str) -> None:
        self._clock, self._account, self._region, self._stream = clock, account, region, stream
        self.sums: Counter[str] = Counter()

    def count(self, **values: float) -> None:
        """Add to metrics; two underscores in a name stand for its dot."""
        from moto.cloudwatch.models import cloudwatch_backends  # noqa: PLC0415

        dimensions = [{"Name": "DeliveryStreamName", "Value": self._stream}]
        told = {name.replace("__", "."): value for name, value in values.items()}
        data = [
            {
                "MetricName": name,
                "Value": value,
                "Timestamp": self._clock.now(),
                "Unit": _UNITS.get(name.removeprefix("Incoming").rsplit(".", 1)[-1], "Count"),
                "Dimensions": dimensions,
            }
            for name, value in told.items()
        ]
        cloudwatch_backends[self._account][self._region].put_metric_data(_NAMESPACE, data)
        self.sums.update({name: int(value) for name, value in told.items()})
