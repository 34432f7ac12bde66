"""The weather now, pushed: a producer, and the transformation of what Firehose delivers."""

from __future__ import annotations
