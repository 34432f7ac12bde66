"""The tests: folder = speed."""

from __future__ import annotations
