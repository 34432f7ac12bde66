"""A Kinesis data stream as a source: every shard from where it was when the delivery began.

AWS: "Configure source settings for Amazon Kinesis Data Streams" (Firehose reads from LATEST).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.emulator.clients import last_part, region_of
from console.emulator.firehose.records import Record

if TYPE_CHECKING:
    from console.emulator.clients import Clients

_LIMIT = 1000


class KinesisSource:
    """Reads a stream's shards, those of a later resharding from their beginning."""

    def __init__(self, clients: Clients, arn: str, role: str) -> None:
        self._client = clients.of("kinesis", region_of(arn), role)
        self._name = last_part(arn)
        self._iterators: dict[str, str | None] = {}
        self._meet("LATEST")

    def _meet(self, where: str) -> None:
        """Begin with shards that are not known yet."""
        for shard in self._client.list_shards(StreamName=self._name)["Shards"]:
            name = shard["ShardId"]
            if name not in self._iterators:
                self._iterators[name] = self._client.get_shard_iterator(
                    StreamName=self._name, ShardId=name, ShardIteratorType=where
                )["ShardIterator"]

    def read(self) -> list[Record]:
        """What came since the last time."""
        self._meet("TRIM_HORIZON")
        found = []
        for shard, iterator in list(self._iterators.items()):
            if iterator is None:
                continue  # closed by a resharding, and read to its end
            answer = self._client.get_records(ShardIterator=iterator, Limit=_LIMIT)
            self._iterators[shard] = answer.get("NextShardIterator")
            found += [_record(one, shard) for one in answer["Records"]]
        return found


def _record(told: dict[str, Any], shard: str) -> Record:
    arrival = told["ApproximateArrivalTimestamp"]
    return Record(
        # moto counts in each shard from 1; AWS's numbers are unique in the stream.
        record_id=f"{shard[-12:]}{told['SequenceNumber']:0>38}000000",
        arrival=arrival,
        data=told["Data"],
        original=told["Data"],
        source={
            "sequenceNumber": told["SequenceNumber"],
            "subsequenceNumber": 0,
            "partitionKey": told["PartitionKey"],
            "shardId": shard,
            "approximateArrivalTimestamp": int(arrival.timestamp() * 1000),
        },
    )
