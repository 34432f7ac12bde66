"""What is delivered by streams: append-only tables, one row a record, as answered."""

from __future__ import annotations
