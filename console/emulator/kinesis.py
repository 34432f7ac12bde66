"""Kinesis under many hands, and the tags a stream is created with.

AWS: "CreateStream" and "PutRecords" (Amazon Kinesis Data Streams API Reference). moto forgets the
tags, and gives two records that are put at once the same number, so that one is lost.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from console.emulator.server import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from console.emulator.answers import Answer
    from console.emulator.calls import Call
    from console.emulator.server import Server


def install(server: Server) -> None:
    """Keep tags, and put one record after the other."""
    from moto.kinesis.models import Shard  # noqa: PLC0415

    lock, put_record = threading.Lock(), Shard.put_record

    def put_alone(shard: Any, *args: Any, **kwargs: Any) -> Any:
        with lock:
            return put_record(shard, *args, **kwargs)

    server.replace(Shard, "put_record", put_alone)
    server.around("kinesis", "CreateStream", _create)


def _create(call: Call, forward: Callable[[], Answer]) -> Answer:
    from moto.kinesis.models import kinesis_backends  # noqa: PLC0415

    asked = call.params()
    answer = forward()
    stream = kinesis_backends[ACCOUNT][call.region].streams.get(asked.get("StreamName"))
    if stream is not None and asked.get("Tags"):
        stream.tags.update(asked["Tags"])
    return answer
