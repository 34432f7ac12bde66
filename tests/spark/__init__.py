"""Tests that need Spark: rows in, rows out, on a small lake."""

from __future__ import annotations
