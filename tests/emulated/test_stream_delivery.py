"""The weather now, all the way to its bronze table: producer, Firehose, transformation, Iceberg.

AWS: "Deliver data to Apache Iceberg Tables with Amazon Data Firehose", "Transform source data in
Amazon Data Firehose".
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from jobs.bronze.weatherapi_current import TABLE
from lakehouse.snapshots import History
from lakehouse.streams import pending
from tests.emulated import weather_stream
from tests.emulated.events_server import wait_for
from tests.stream import answer, record, rows

if TYPE_CHECKING:
    from lakehouse.settings import Settings
    from tests.emulated.events_server import Aws


def test_answers_arrive_and_poison_is_kept(aws: Aws, lake: Settings) -> None:
    """What the producer puts is a row of the applied table; what is no record is an error record.

    The new snapshots are what silver has to take.
    """
    stream = weather_stream.make(aws, lake)
    data = [record(answer(minute)) for minute in (0, 15, 15)]
    stream.put(*data, b"poison")
    wait_for(lambda: stream.delivered() == 3)
    wait_for(lambda: bool(stream.objects("firehose-errors/processing-failed/")))
    (failed,) = stream.objects("firehose-errors/").values()
    assert base64.b64decode(json.loads(failed)["rawData"]) == b"poison"
    assert stream.rows() == rows(data)

    metadata = stream.table().metadata.model_dump_json(by_alias=True)
    history = History.parse(TABLE.name, json.loads(metadata))
    head = f"stream:{TABLE.full_name}@..{history.head()}"
    assert pending(TABLE, history, []) == [head]
    assert pending(TABLE, history, [head]) == []
