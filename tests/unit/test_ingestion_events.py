"""Keys of events: taken as they are, or refused."""

from __future__ import annotations

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingestion.events import created
from lakehouse.errors import UsageError
from tests.emulated.handlers import created as event
from tests.emulated.test_function_land import KEYS


@given(key=KEYS, bucket=st.sampled_from(["lake", "Lake", "lake/raw", "", "raw"]))
@example(key="raw/emt/stops/a+b%2F..%2Fc", bucket="lake")
@settings(max_examples=500)
def test_a_key_is_of_raw_or_refused(key: str, bucket: str) -> None:
    """Whatever it is, a key that is taken is the event's own, of this bucket's raw, and flat."""
    try:
        found = created(json.dumps(event(bucket, key)), "lake").key
    except UsageError:
        climbs = {".", ".."} & set(key.split("/"))
        odd = not key.isprintable() or len(key.encode(errors="replace")) > 1024
        assert bucket != "lake" or not key.startswith("raw/") or climbs or odd
    else:
        assert found == key
        assert bucket == "lake"
        assert key.startswith("raw/")
        assert not {".", ".."} & set(key.split("/"))
