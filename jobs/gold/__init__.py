"""Silver tables → gold tables, one SELECT each."""

from __future__ import annotations
